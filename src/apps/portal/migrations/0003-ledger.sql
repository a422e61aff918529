-- The ledger of events. Whatever is counted is counted from here, so that a figure is a function of what happened and
-- not of how often, by which way, or in what order it was told.

-- Workspaces by what events call them. Names are unique: where two workspaces are called the same, the one that came
-- later carries its scope in brackets, so that nobody's access by name moves to another's workspace.
create table portal.scopes (
  scope text collate "C" primary key,
  instance text generated always as (split_part(scope, '/', 1)) stored,
  bison_workspace_id integer generated always as (split_part(scope, '/', 2)::integer) stored,
  vendor_name text not null,
  workspace_name text not null unique deferrable initially immediate,
  instance_url text,
  -- When the first event that the vendor told of happened: of what was before, the ledger knows replies alone.
  ledger_since timestamptz
);

create table public.email_events (
  -- What tells the event from any other: scope, type and the vendor's ids.
  event_key text collate "C" primary key,
  scope text collate "C" not null,
  event_type text collate "C" not null,
  at timestamptz not null,
  -- The day of `at` in the agency's calendar; written again where the zone is changed.
  business_date date not null,
  -- event: the vendor told it. poll: a row that was read says that it happened. adjustment: a person's correction.
  source text not null check (source in ('event', 'poll', 'adjustment')),
  -- What it counts for; 0 where it repeats what counts already (see lead_interested).
  amount integer not null default 1,
  lead_id bigint,
  lead_email text,
  -- Whose event it is: see portal.refresh_leads.
  person text collate "C",
  campaign_id bigint,
  sender_email_id bigint,
  scheduled_email_id bigint,
  reply_id text,
  reply_date timestamptz,
  -- What the event says of its lead: filled fields only.
  contact jsonb,
  note text,
  recorded_at timestamptz not null default now()
);
create index email_events_counted on public.email_events (scope, business_date, event_type);
create index email_events_lead on public.email_events (scope, lead_id)
  where event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced') and lead_id is not null;
create index email_events_person on public.email_events (scope, person) where person is not null;

create table public.email_daily_counts (
  scope text collate "C" not null,
  business_date date not null,
  event_type text collate "C" not null,
  count integer not null,
  told_at timestamptz,
  polled_at timestamptz,
  adjusted_at timestamptz,
  primary key (scope, business_date, event_type)
);

-- What the vendor itself says, as it was read. `day` is one business day, `mtd` its month up to and with that day.
create table public.vendor_metrics (
  scope text collate "C" not null,
  workspace_name text,
  metric_date date not null,
  period text not null check (period in ('day', 'mtd')),
  emails_sent integer,
  opened integer,
  unique_opens integer,
  replied integer,
  unique_replies integer,
  bounced integer,
  unsubscribed integer,
  interested integer,
  total_leads_contacted integer,
  emails_scheduled_today integer,
  emails_scheduled_tomorrow integer,
  polled_at timestamptz not null,
  primary key (scope, metric_date, period)
);
create index vendor_metrics_name on public.vendor_metrics (workspace_name, metric_date);

create table public.client_metrics (
  id uuid primary key default gen_random_uuid(),
  scope text collate "C" not null,
  workspace_name text not null,
  metric_date date not null,
  metric_type text not null default 'mtd' check (metric_type in ('daily', 'monthly', 'mtd')),
  emails_sent_today integer not null default 0,
  emails_sent_mtd integer not null default 0,
  emails_sent_last_7_days integer not null default 0,
  emails_sent_last_14_days integer not null default 0,
  emails_sent_last_30_days integer not null default 0,
  emails_scheduled_today integer,
  emails_scheduled_tomorrow integer,
  projection_emails_eom integer,
  positive_replies_mtd integer not null default 0,
  positive_replies_last_7_days integer not null default 0,
  positive_replies_last_14_days integer not null default 0,
  positive_replies_last_30_days integer not null default 0,
  positive_replies_current_month integer not null default 0,
  positive_replies_last_month integer not null default 0,
  projection_positive_replies_eom integer,
  all_replies_mtd integer not null default 0,
  opens_mtd integer not null default 0,
  bounced_mtd integer not null default 0,
  unsubscribed_mtd integer not null default 0,
  -- Percentages; null where there is no target.
  mtd_leads_progress numeric(10, 2),
  projection_replies_progress numeric(10, 2),
  last_week_vs_week_before_progress numeric(10, 2) not null default 0,
  update_source text check (update_source in ('webhook', 'poll', 'manual')),
  last_webhook_update_at timestamptz,
  last_poll_update_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  unique (scope, metric_date, metric_type),
  unique (workspace_name, metric_date, metric_type) deferrable initially immediate
);

-- Held, until the commit, by whoever changes the ledger or what follows from it: two batches that each add to one
-- count must see one another's rows, and row locks do not show what is not committed yet.
create function portal.lock_ledger() returns void language sql as $$
  select pg_advisory_xact_lock(1886351988, 1)
$$;

-- Counts these (scope, day, type) anew.
create function portal.refresh_counts(p_scopes text[], p_days date[], p_types text[]) returns void language sql
set enable_seqscan = off set enable_hashjoin = off set jit = off as $$
  with touched as (
    select distinct t.scope collate "C" as scope, t.day, t.type collate "C" as type
    from unnest(p_scopes, p_days, p_types) as t (scope, day, type)
  ),
  gone as (
    delete from public.email_daily_counts as c using touched as t
    where (c.scope, c.business_date, c.event_type) = (t.scope, t.day, t.type) and not exists (
      select from public.email_events as e
      where (e.scope, e.business_date, e.event_type) = (t.scope, t.day, t.type))
  )
  insert into public.email_daily_counts as c (scope, business_date, event_type, count, told_at, polled_at, adjusted_at)
  select t.scope, t.day, t.type, sum(e.amount),
    max(e.recorded_at) filter (where e.source = 'event'),
    max(e.recorded_at) filter (where e.source = 'poll'),
    max(e.recorded_at) filter (where e.source = 'adjustment')
  from touched as t
  join public.email_events as e on (e.scope, e.business_date, e.event_type) = (t.scope, t.day, t.type)
  group by t.scope, t.day, t.type
  order by t.scope, t.day, t.type
  on conflict (scope, business_date, event_type) do update set count = excluded.count, told_at = excluded.told_at,
    polled_at = excluded.polled_at, adjusted_at = excluded.adjusted_at
  where (c.count, c.told_at, c.polled_at, c.adjusted_at)
    is distinct from (excluded.count, excluded.told_at, excluded.polled_at, excluded.adjusted_at)
$$;
