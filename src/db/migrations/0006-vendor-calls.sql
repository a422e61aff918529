-- How vendors' APIs answer, by account: whose token asked. Nodes add to it every few seconds.

create table lockstep.vendor_calls (
  app text not null,
  account text not null,
  -- Start of five minutes.
  slot timestamptz not null,
  -- Ended, whatever the answer; those that were refused for asking too much are counted apart.
  calls integer not null default 0,
  errors integer not null default 0,
  rejected integer not null default 0,
  -- How many took how long: place i of the program's latency histogram.
  latencies integer[] not null default '{}',
  primary key (app, account, slot)
);
create index vendor_calls_recent on lockstep.vendor_calls (slot);

create table lockstep.vendor_accounts (
  app text not null,
  account text not null,
  last_success_at timestamptz,
  last_failure_at timestamptz,
  -- Since the last success; 0 where that was the last call.
  failures_in_a_row integer not null default 0,
  last_error text,
  primary key (app, account)
);

-- Element by element; the shorter is taken to end in zeros.
create function lockstep.add_counts(a integer[], b integer[]) returns integer[]
language sql immutable parallel safe as $$
  select coalesce(array_agg(coalesce(x, 0) + coalesce(y, 0) order by n), '{}')
  from unnest(a, b) with ordinality as t (x, y, n)
$$;
