-- Events that are learnt by another way than a webhook: read from the vendor's own record of them.

-- How an event came first. A later delivery of the same event is counted in `deliveries` all the same.
alter table lockstep.inbox
  add column via text not null default 'webhook' check (via in ('webhook', 'log'));

-- How far a vendor's record of its events was read.
create table lockstep.event_log_marks (
  app text not null,
  scope text not null,
  -- Every event up to here is in the inbox, on the vendor's clock.
  read_until timestamptz not null,
  checked_at timestamptz not null,
  -- Of events older than a delivery may take: those looked at, and those of them that no webhook had brought.
  found bigint not null default 0,
  missed bigint not null default 0,
  last_missed_at timestamptz,
  primary key (app, scope)
);

create view lockstep.event_log_scopes with (security_invoker = true) as
select m.app, m.scope, m.read_until, m.checked_at, m.found, m.missed, m.last_missed_at,
  coalesce(w.healthy, true) as healthy, w.unhealthy_since
from lockstep.event_log_marks as m
left join lockstep.webhook_watch as w on w.app = m.app and w.stream = m.scope;

-- As before, but that an event which no webhook brought is none of theirs.
create or replace view lockstep.webhook_health with (security_invoker = true) as
select s.app, s.stream,
  case
    when not coalesce(w.healthy, true) then 'unhealthy'
    when coalesce(e.events, 0) = 0 then 'silent'
    when e.failed > 0 or coalesce(w.bad_polls, 0) > 0 then 'degraded'
    else 'healthy'
  end as status,
  coalesce(e.deliveries, 0)::integer as deliveries,
  coalesce(e.deliveries - e.events, 0)::integer as duplicates,
  coalesce(e.events, 0)::integer as events,
  coalesce(e.failed, 0)::integer as failed,
  e.p50_ms,
  e.p95_ms,
  coalesce(e.last_event_at, w.last_event_at) as last_event_at,
  coalesce(r.polls, 0)::integer as polls,
  coalesce(r.polls_found_changes_unannounced, 0)::integer as polls_found_changes_unannounced,
  w.unhealthy_since,
  a.opened_at as last_alert_at,
  a.detail as last_alert
from (select app, stream from lockstep.freshness union select app, stream from lockstep.webhook_watch) as s
left join lockstep.webhook_watch as w using (app, stream)
left join (
  select app, stream, count(*) as events, sum(deliveries) as deliveries,
    count(*) filter (where status = 'dead') as failed,
    percentile_cont(0.5) within group (order by processing_ms) as p50_ms,
    percentile_cont(0.95) within group (order by processing_ms) as p95_ms,
    max(received_at) as last_event_at
  from lockstep.inbox where received_at > clock_timestamp() - interval '24 hours' and via = 'webhook'
  group by app, stream
) as e using (app, stream)
left join (
  select app, stream, count(*) as polls,
    count(*) filter (where (metadata ->> 'unannounced')::integer > 0) as polls_found_changes_unannounced
  from lockstep.runs where lane = 'delta' and started_at > clock_timestamp() - interval '24 hours'
  group by app, stream
) as r using (app, stream)
left join lateral (
  select opened_at, detail from lockstep.alerts as l
  where l.app = s.app and l.stream = s.stream and l.condition = 'webhooks'
  order by opened_at desc limit 1
) as a on true;
