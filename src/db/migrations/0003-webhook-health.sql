-- Whether webhooks tell of what changes at the vendor, judged by what polls find changed.

-- Rows that a delta found changed, until it is known whether a webhook told of them.
create table lockstep.webhook_suspects (
  app text not null,
  stream text not null,
  key text not null,
  -- On our clock.
  changed_at timestamptz not null,
  noticed_at timestamptz not null default clock_timestamp(),
  primary key (app, stream, key)
);

-- What the polls of a stream say of its webhooks. A bad poll found mostly changes that none had told of.
create table lockstep.webhook_watch (
  app text not null,
  stream text not null,
  healthy boolean not null default true,
  unhealthy_since timestamptz,
  bad_polls integer not null default 0,
  bad_rows integer not null default 0,
  polls bigint not null default 0,
  polls_found_changes_unannounced bigint not null default 0,
  -- Events and changes up to here are counted.
  judged_until timestamptz,
  last_event_at timestamptz,
  registered_at timestamptz,
  primary key (app, stream)
);

-- What people should know of; one row from when it begins to when it is over.
create table lockstep.alerts (
  id bigint generated always as identity primary key,
  app text not null,
  stream text not null default '',
  condition text not null,
  level text not null check (level in ('warning', 'critical')),
  opened_at timestamptz not null default clock_timestamp(),
  closed_at timestamptz,
  detail text not null
);
create unique index alerts_open on lockstep.alerts (app, stream, condition) where closed_at is null;
create index alerts_recent on lockstep.alerts (app, opened_at desc);

-- The webhooks of each stream over the last 24 hours. `silent` is no fault: perhaps nothing changed.
create view lockstep.webhook_health with (security_invoker = true) as
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
  from lockstep.inbox where received_at > clock_timestamp() - interval '24 hours'
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
