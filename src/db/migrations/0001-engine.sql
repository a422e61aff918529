-- The engine's own tables. What an app's users see under other names (sync_log, webhook_events) are views of these.

create schema if not exists lockstep;

-- One sequence numbers everything that arrives, by webhook or by fetch, so that no two stamps are ever equal.
create sequence lockstep.arrival;

-- Inbox: every delivery, kept raw before it is answered.
create table lockstep.inbox (
  id bigint primary key default nextval('lockstep.arrival'),
  app text not null,
  dedupe_key text not null,
  event_type text,
  stream text,
  entity text,
  received_at timestamptz not null default clock_timestamp(),
  status text not null default 'pending' check (status in ('pending', 'processed', 'dead')),
  outcome text,
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default '-infinity',
  processed_at timestamptz,
  processing_ms integer,
  error text,
  deliveries integer not null default 1,
  last_delivery_at timestamptz,
  client_ip text,
  headers jsonb,
  body bytea not null,
  payload jsonb
);
create unique index inbox_dedupe on lockstep.inbox (app, dedupe_key);
create index inbox_pending on lockstep.inbox (app, id) where status = 'pending';
create index inbox_dead on lockstep.inbox (app, id) where status = 'dead';
create index inbox_received on lockstep.inbox (received_at);

-- Rows to read again at the vendor; asked for once however often the reason comes up. A request that is repeated
-- while its fetch is under way gets a new `seq` and so outlives that fetch.
create sequence lockstep.refetch_seq;
create table lockstep.refetch (
  app text not null,
  stream text not null,
  part text not null default 'row',
  key text not null,
  seq bigint not null default nextval('lockstep.refetch_seq'),
  reason text not null,
  requested_at timestamptz not null default clock_timestamp(),
  attempts integer not null default 0,
  next_attempt_at timestamptz not null default '-infinity',
  claimed_until timestamptz not null default '-infinity',
  error text,
  primary key (app, stream, part, key)
);

create table lockstep.checkpoints (
  app text not null,
  lane text not null,
  stream text not null,
  state jsonb not null,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (app, lane, stream)
);

-- The ledger of runs: a lane's pass over a stream.
create table lockstep.runs (
  id uuid primary key default gen_random_uuid(),
  app text not null,
  lane text not null,
  stream text not null,
  stream_name text,
  started_at timestamptz not null default clock_timestamp(),
  heartbeat_at timestamptz not null default clock_timestamp(),
  finished_at timestamptz,
  status text not null default 'running' check (status in ('running', 'completed', 'partial', 'failed')),
  processed bigint not null default 0,
  created bigint not null default 0,
  updated bigint not null default 0,
  unchanged bigint not null default 0,
  deleted bigint not null default 0,
  api_calls integer not null default 0,
  error text,
  metadata jsonb not null default '{}'
);
create index runs_recent on lockstep.runs (app, lane, stream, started_at desc);
create index runs_running on lockstep.runs (heartbeat_at) where status = 'running';

-- Keys met by a full pass that is under way: what the mirror holds and the pass did not meet is asked for by id.
create table lockstep.pass_keys (
  run_id uuid not null references lockstep.runs (id) on delete cascade,
  key text not null,
  primary key (run_id, key)
);

-- What the public tables do not show: deleted rows with all they held, rows whose parent is dead, and columns seen of
-- rows not yet seen whole. `deleted` is the row's own register; `dead` also counts its parent's death.
create table lockstep.tombstones (
  table_name text not null,
  key text not null,
  deleted boolean not null,
  dead boolean not null,
  stamp text collate "C" not null,
  stamps jsonb not null,
  source_values jsonb not null,
  extra jsonb not null,
  local_values jsonb,
  parent text,
  recorded_at timestamptz not null default clock_timestamp(),
  primary key (table_name, key)
);
create index tombstones_parent on lockstep.tombstones (table_name, parent) where parent is not null;

-- When each stream was last read to its end: freshness is told from this, not from when rows last changed.
create table lockstep.freshness (
  app text not null,
  stream text not null,
  table_name text not null,
  full_pass_at timestamptz,
  delta_at timestamptz,
  primary key (app, stream)
);

-- Facts about a vendor worth keeping over a restart: board columns, people, registered webhooks, secrets' hashes.
create table lockstep.source_state (
  app text not null,
  kind text not null,
  key text not null,
  value jsonb not null,
  updated_at timestamptz not null default clock_timestamp(),
  primary key (app, kind, key)
);

-- Use of each vendor by day (UTC), and what stops us now.
create table lockstep.api_usage (
  app text not null,
  day date not null,
  calls numeric not null default 0,
  rejected integer not null default 0,
  complexity bigint not null default 0,
  primary key (app, day)
);

-- Who does what only one node may do at a time; a holder that dies is replaced when its lease ends.
create table lockstep.leases (
  name text primary key,
  holder text not null,
  until timestamptz not null
);

create table lockstep.settings (
  key text primary key,
  value jsonb not null,
  updated_at timestamptz not null default clock_timestamp()
);

-- The merged stamps of two states of a row: for each register the higher of the two; those equal to the row's own
-- stamp are left out. NULL where none is left.
create function lockstep.merge_stamps(a text, a_over jsonb, b text, b_over jsonb) returns jsonb
language sql immutable parallel safe as $$
  select jsonb_object_agg(k, s) from (
    select k, greatest(coalesce(a_over ->> k, a) collate "C", coalesce(b_over ->> k, b) collate "C") as s
    from (
      select jsonb_object_keys(coalesce(a_over, '{}'))
      union
      select jsonb_object_keys(coalesce(b_over, '{}'))
    ) as keys (k)
  ) as merged
  where s collate "C" <> greatest(a collate "C", b collate "C")
$$;

-- Whether any register of b outranks a's.
create function lockstep.outranks(b text, b_over jsonb, a text, a_over jsonb) returns boolean
language sql immutable parallel safe as $$
  select b collate "C" > a collate "C" or exists (
    select from (
      select jsonb_object_keys(coalesce(a_over, '{}'))
      union
      select jsonb_object_keys(coalesce(b_over, '{}'))
    ) as keys (k)
    where coalesce(b_over ->> k, b) collate "C" > coalesce(a_over ->> k, a) collate "C"
  )
$$;

-- Vendor columns that nobody mapped, each a register of its own, named '+id' among the stamps.
create function lockstep.merge_extra(a_extra jsonb, a text, a_over jsonb, b_extra jsonb, b text, b_over jsonb)
returns jsonb
language sql immutable parallel safe as $$
  select coalesce(jsonb_object_agg(k, v) filter (where v is not null), '{}') from (
    select k, case
      when coalesce(b_over ->> ('+' || k), b) collate "C" > coalesce(a_over ->> ('+' || k), a) collate "C"
      then b_extra -> k else a_extra -> k end as v
    from (
      select jsonb_object_keys(coalesce(a_extra, '{}'))
      union
      select jsonb_object_keys(coalesce(b_extra, '{}'))
    ) as keys (k)
  ) as merged
$$;

-- Lockstep's own tables are for its role alone.
revoke all on schema lockstep from public;
