-- What reports and people read: the engine's ledger under the names that this app's users know, and figures.

create view public.sync_log with (security_invoker = true) as
select id,
  case lane when 'backfill' then 'full' when 'sweep' then 'full' when 'refetch' then 'webhook' else lane end as sync_type,
  stream as board_id,
  stream_name as board_name,
  started_at,
  finished_at as completed_at,
  status,
  processed as items_processed,
  created as items_created,
  updated as items_updated,
  deleted as items_deleted,
  error as error_message,
  metadata || jsonb_build_object('lane', lane, 'items_unchanged', unchanged, 'api_calls', api_calls) as metadata
from lockstep.runs
where app = 'datacube';

create view public.webhook_events with (security_invoker = true) as
select id,
  dedupe_key as event_id,
  stream as board_id,
  entity as item_id,
  event_type,
  payload as webhook_payload,
  received_at,
  processed_at,
  case status when 'dead' then 'failed' else status end as status,
  error as error_message,
  client_ip,
  processing_ms as processing_time_ms,
  greatest(attempts - 1, 0) as retry_count
from lockstep.inbox
where app = 'datacube';

create view public.sync_health with (security_invoker = true) as
select board_id,
  max(completed_at) as last_sync,
  count(*) filter (where status = 'completed') as successful_syncs,
  count(*) filter (where status = 'partial') as partial_syncs,
  count(*) filter (where status = 'failed') as failed_syncs,
  avg(items_processed) as avg_items_processed,
  avg(extract(epoch from completed_at - started_at)) as avg_duration_seconds
from public.sync_log
where started_at > now() - interval '7 days'
group by board_id;

-- Unchanged rows are not written again, so a row is as fresh as its table's last complete reading, or as its own last
-- change if that is later. A table of several streams is as fresh as the one read longest ago.
create view public.data_freshness with (security_invoker = true) as
with confirmed as (
  select regexp_replace(table_name, '^public\.', '') as table_name,
    case when bool_and(full_pass_at is not null) then min(full_pass_at) end as last_full_pass,
    case when bool_and(delta_at is not null) then min(delta_at) end as last_delta,
    min(coalesce(greatest(full_pass_at, delta_at), '-infinity')) as confirmed_at
  from lockstep.freshness where app = 'datacube' group by 1
),
live as (
  select 'projects' as table_name, last_synced_at from public.projects
  union all select 'subitems', last_synced_at from public.subitems
  union all select 'hidden_items', last_synced_at from public.hidden_items
)
select t.table_name,
  count(l.table_name) as total_records,
  count(l.table_name) filter (where greatest(l.last_synced_at, c.confirmed_at) > now() - interval '1 hour') as fresh_1h,
  count(l.table_name) filter (where greatest(l.last_synced_at, c.confirmed_at) > now() - interval '24 hours') as fresh_24h,
  min(greatest(l.last_synced_at, c.confirmed_at)) as oldest_sync,
  max(greatest(l.last_synced_at, c.confirmed_at)) as newest_sync,
  c.last_full_pass,
  c.last_delta
from unnest(array['projects', 'subitems', 'hidden_items']) as t (table_name)
left join live as l using (table_name)
left join confirmed as c using (table_name)
group by t.table_name, c.last_full_pass, c.last_delta;

create view public.project_analytics with (security_invoker = true) as
select p.*,
  s.subitem_count,
  s.total_quote_value,
  s.avg_quote_value
from public.projects as p
cross join lateral (
  select count(*) as subitem_count, sum(quote_amount) as total_quote_value, avg(quote_amount) as avg_quote_value
  from public.subitems where parent_monday_id = p.monday_id
) as s;

-- The figures of each segment. Keys are never null, so that the unique index covers each row and the view can be
-- refreshed while it is read.
create materialized view public.conversion_metrics as
select coalesce(account, '') as account,
  coalesce(type, '') as type,
  coalesce(datacube.category_key(category), '') as category,
  coalesce(product_type, '') as product_type,
  coalesce(product_key, '') as product_key,
  count(*) as total_projects,
  count(*) filter (where status_category = 'Won') as won_projects,
  count(*) filter (where status_category = 'Lost') as lost_projects,
  count(*) filter (where status_category = 'Open') as open_projects,
  round(count(*) filter (where status_category = 'Won')::numeric / count(*), 4) as win_rate,
  round(count(*) filter (where status_category = 'Won')::numeric
    / nullif(count(*) filter (where status_category in ('Won', 'Lost')), 0), 4) as closed_win_rate,
  avg(gestation_period) filter (where gestation_period > 0) as avg_gestation,
  percentile_cont(0.25) within group (order by gestation_period) filter (where gestation_period > 0) as p25_gestation,
  percentile_cont(0.5) within group (order by gestation_period) filter (where gestation_period > 0) as median_gestation,
  percentile_cont(0.75) within group (order by gestation_period) filter (where gestation_period > 0) as p75_gestation
from public.projects
where date_created >= current_date - interval '5 years'
group by 1, 2, 3, 4, 5;
create unique index conversion_metrics_key
  on public.conversion_metrics (account, type, category, product_type, product_key);

create materialized view public.conversion_metrics_recent as
select coalesce(account, '') as account,
  coalesce(type, '') as type,
  coalesce(datacube.category_key(category), '') as category,
  coalesce(product_type, '') as product_type,
  coalesce(product_key, '') as product_key,
  count(*) as total_projects,
  count(*) filter (where status_category = 'Won') as won_projects,
  count(*) filter (where status_category = 'Lost') as lost_projects,
  count(*) filter (where status_category = 'Open') as open_projects,
  round(count(*) filter (where status_category = 'Won')::numeric / count(*), 4) as win_rate,
  round(count(*) filter (where status_category = 'Won')::numeric
    / nullif(count(*) filter (where status_category in ('Won', 'Lost')), 0), 4) as closed_win_rate,
  avg(gestation_period) filter (where gestation_period > 0) as avg_gestation,
  percentile_cont(0.25) within group (order by gestation_period) filter (where gestation_period > 0) as p25_gestation,
  percentile_cont(0.5) within group (order by gestation_period) filter (where gestation_period > 0) as median_gestation,
  percentile_cont(0.75) within group (order by gestation_period) filter (where gestation_period > 0) as p75_gestation
from public.projects
where date_created >= current_date - interval '2 years'
group by 1, 2, 3, 4, 5;
create unique index conversion_metrics_recent_key
  on public.conversion_metrics_recent (account, type, category, product_type, product_key);
