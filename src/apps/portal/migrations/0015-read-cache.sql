-- What the read cache goes by: which transactions changed what of which workspace. Marked by statement, whoever writes:
-- this program on any node, a person, or another program. Marks are only ever added, each transaction's own, so that no
-- writer waits for another; what a reader has not seen yet it knows by the snapshot of its last look.

create table portal.cache_marks (
  xact xid8 not null default pg_current_xact_id(),
  topic text collate "C" not null,
  -- Empty: of every workspace.
  scope text collate "C" not null,
  marked_at timestamptz not null default clock_timestamp(),
  primary key (xact, topic, scope)
);
alter table portal.cache_marks enable row level security;

-- With the owner's rights: who may write a table need not know of the cache.
create function portal.mark_scopes() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into portal.cache_marks (topic, scope)
  select distinct tg_argv[0], c.scope from changed as c where c.scope is not null
  on conflict do nothing;
  return null;
end
$$;

create function portal.mark_workspaces() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into portal.cache_marks (topic, scope)
  select distinct tg_argv[0], c.bison_instance || '/' || c.bison_workspace_id from changed as c
  where c.bison_instance is not null and c.bison_workspace_id is not null
  on conflict do nothing;
  return null;
end
$$;

create function portal.mark_all() returns trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
  insert into portal.cache_marks (topic, scope) select tg_argv[0], '' where exists (select from changed)
  on conflict do nothing;
  return null;
end
$$;

revoke all on function portal.mark_scopes(), portal.mark_workspaces(), portal.mark_all() from public;

do $$
declare
  t record;
begin
  for t in
    select * from (values
      ('public.email_daily_counts', 'counts', 'mark_scopes'),
      ('public.client_metrics', 'metrics', 'mark_scopes'),
      ('public.vendor_metrics', 'vendor', 'mark_scopes'),
      ('public.client_leads', 'leads', 'mark_scopes'),
      ('public.client_registry', 'settings', 'mark_scopes'),
      ('portal.scopes', 'settings', 'mark_scopes'),
      ('portal.settings', 'settings', 'mark_all'),
      ('public.client_costs', 'settings', 'mark_all'),
      ('public.sender_emails_cache', 'mailboxes', 'mark_workspaces'),
      ('portal.provider_groups', 'mailboxes', 'mark_all'),
      ('public.provider_performance_history', 'providers', 'mark_all'),
      ('public.campaigns', 'campaigns', 'mark_workspaces'),
      ('public.lead_replies', 'replies', 'mark_workspaces')
    ) as x (name, topic, how),
    (values ('insert', 'new'), ('update', 'new'), ('delete', 'old')) as e (event, state)
  loop
    execute format(
      'create trigger cache_mark_%s after %s on %s referencing %s table as changed for each statement execute function portal.%I(%L)',
      t.event, t.event, t.name, t.state, t.how, t.topic);
  end loop;
end
$$;

-- Many reads are logged as one row: `calls` of them, with the mean of their times.
alter table public.function_call_logs add column calls integer not null default 1 check (calls > 0);

-- `last_updated_at` is when the cached answer was read here, `expires_at` when it is read again at the latest.
alter table public.data_cache_metadata
  alter column hit_count type bigint,
  alter column miss_count type bigint,
  add column size_bytes bigint,
  add column load_ms integer;

-- As before, but that the last webhook of workspaces without one in the last day is looked for in one reading of the
-- inbox for all of them: one each took 160 ms of 80,000 events, times 24.
create or replace view public.webhook_health with (security_invoker = true) as
with day as (
  select i.stream, max(i.received_at) filter (where i.via = 'webhook') as last_webhook_at,
    max(i.received_at) filter (where i.via = 'log') as last_poll_at,
    count(*) filter (where i.via = 'webhook') as webhooks,
    count(*) filter (where i.via = 'log') as polls,
    count(*) filter (where i.status = 'processed') as settled,
    count(*) filter (where i.status = 'dead') as dead,
    (array_agg(i.error order by i.received_at desc) filter (where i.status = 'dead'))[1] as last_error_message
  from lockstep.inbox as i
  where i.app = 'portal' and i.received_at > clock_timestamp() - interval '24 hours'
  group by i.stream
),
silent as materialized (
  select s.scope from portal.scopes as s left join day as d on d.stream = s.scope where d.last_webhook_at is null
),
ever as (
  select i.stream, max(i.received_at) as last_webhook_at
  from lockstep.inbox as i
  where i.app = 'portal' and i.via = 'webhook' and exists (select from silent)
    and i.stream in (select scope from silent)
  group by i.stream
),
alerted as (
  select stream, max(opened_at) as last_alert_at from lockstep.alerts where app = 'portal' group by stream
)
select s.scope, s.workspace_name,
  coalesce(e.last_webhook_at, r.last_webhook_at) as last_webhook_at,
  greatest(e.last_poll_at, l.checked_at) as last_poll_at,
  coalesce(e.webhooks, 0)::integer as webhook_count_24h,
  coalesce(e.polls, 0)::integer as poll_count_24h,
  coalesce(round(e.settled * 100.0 / nullif(e.settled + e.dead, 0), 2), 100) as success_rate_24h,
  h.health_status,
  h.health_status not in ('warning', 'critical') as is_healthy,
  l.found as log_found, l.missed as log_missed, l.checked_at as log_checked_at,
  a.last_alert_at, e.last_error_message, clock_timestamp() as updated_at
from portal.scopes as s
left join day as e on e.stream = s.scope
left join ever as r on r.stream = s.scope
left join lockstep.event_log_scopes as l on l.app = 'portal' and l.scope = s.scope
left join alerted as a on a.stream = s.scope
cross join lateral (
  select case
    when not l.healthy then 'critical'
    when e.dead * 20 > e.settled + e.dead then 'warning'
    when e.polls * 20 > e.webhooks + e.polls then 'warning'
    when l.healthy or e.webhooks > 0 then 'healthy'
    else 'unknown'
  end as health_status
) as h;

-- As before, but that a part that is unknown makes no percentage: greatest and least pass over nulls.
create or replace function portal.percent(part numeric, whole numeric) returns numeric language sql immutable parallel safe as $$
  select case when whole > 0 and part is not null
    then round(greatest(-999999.99, least(999999.99, part * 100 / whole)), 2) end
$$;

-- Until when leads count that are asked for now. The vendor's clock may be ahead of ours: what it marked a moment from
-- now has happened. Never past the end of the business day.
create function portal.figures_until(moment timestamptz) returns timestamptz language sql stable as $$
  select least(moment + interval '1 minute',
    public.business_day_start(public.business_date(moment) + 1) - interval '1 microsecond')
$$;
revoke all on function portal.figures_until(timestamptz) from public;

do $$
begin
  if exists (select from pg_roles where rolname = 'service_role') then
    grant all on portal.cache_marks to service_role;
    create policy service on portal.cache_marks for all to service_role using (true) with check (true);
    grant execute on function portal.figures_until(timestamptz), portal.mark_scopes(), portal.mark_workspaces(),
      portal.mark_all() to service_role;
  end if;
end
$$;
