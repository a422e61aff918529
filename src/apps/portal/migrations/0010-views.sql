-- The engine's ledger under the names that this app's users know, and what it says of webhooks. An inbox row's stream
-- is the scope of its workspace; `via` says whether a webhook or the vendor's own log brought it first.

create view public.webhook_delivery_log with (security_invoker = true) as
select i.id, i.event_type, s.workspace_name, i.stream as scope, coalesce(i.payload, 'null') as payload,
  case i.status when 'processed' then 'success' when 'dead' then 'failed' else 'pending' end as status,
  case i.status when 'processed' then true when 'dead' then false end as success,
  i.outcome, i.error as error_message, i.processing_ms as processing_time_ms, i.via, i.deliveries,
  greatest(i.attempts - 1, 0) as retry_count, i.received_at, i.received_at as created_at
from lockstep.inbox as i
left join portal.scopes as s on s.scope = i.stream collate "C"
where i.app = 'portal';

-- Each workspace over the last 24 hours. Silence says nothing: whether webhooks tell is judged by the events that the
-- vendor's log holds and no webhook brought. Critical: the engine found that they do not; warning: more than a
-- twentieth of the events came by the log alone, or failed here.
create view public.webhook_health with (security_invoker = true) as
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
alerted as (
  select stream, max(opened_at) as last_alert_at from lockstep.alerts where app = 'portal' group by stream
)
select s.scope, s.workspace_name,
  -- Looked up only where the last day has none.
  coalesce(e.last_webhook_at, (select max(i.received_at) from lockstep.inbox as i
    where i.app = 'portal' and i.stream = s.scope and i.via = 'webhook')) as last_webhook_at,
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

create view public.data_health_summary with (security_invoker = true) as
select workspace_name, last_webhook_at,
  extract(epoch from clock_timestamp() - last_webhook_at) / 60 as minutes_since_webhook,
  webhook_count_24h, poll_count_24h, success_rate_24h, health_status, last_alert_at
from public.webhook_health
order by minutes_since_webhook desc nulls last;

-- Our count beside the vendor's, for each reading: what the ledger held of that time when it was read. Where the
-- ledger began later than the time it should cover, nothing can be said.
create view public.vendor_drift with (security_invoker = true) as
select v.scope, v.workspace_name, v.metric_date, v.period, v.polled_at, m.metric, m.vendor, c.ours,
  c.ours - m.vendor as drift,
  round(abs(c.ours - m.vendor) * 100.0 / nullif(m.vendor, 0), 2) as drift_percentage,
  abs(c.ours - m.vendor) <= greatest(5, m.vendor * 0.05) as within_tolerance
from public.vendor_metrics as v
join portal.scopes as s on s.scope = v.scope
cross join lateral (
  values ('emails_sent', 'email_sent', v.emails_sent), ('opened', 'email_opened', v.opened),
    ('replied', 'lead_replied', v.replied), ('bounced', 'email_bounced', v.bounced),
    ('unsubscribed', 'lead_unsubscribed', v.unsubscribed), ('interested', 'lead_interested', v.interested)
) as m (metric, event_type, vendor)
cross join lateral (
  select case v.period when 'day' then v.metric_date else portal.month_start(v.metric_date) end as first_day
) as f
cross join lateral (
  select coalesce(sum(n), 0)::integer as ours from (
    select sum(d.count) as n from public.email_daily_counts as d
    where d.scope = v.scope and d.event_type = m.event_type
      and d.business_date >= f.first_day and d.business_date < v.metric_date
    union all
    select sum(e.amount) from public.email_events as e
    where e.scope = v.scope and e.event_type = m.event_type and e.business_date = v.metric_date and e.at <= v.polled_at
  ) as parts
) as c
where m.vendor is not null and s.ledger_since <= public.business_day_start(f.first_day);
