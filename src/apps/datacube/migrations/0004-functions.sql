create function public.get_data_freshness() returns setof public.data_freshness
language sql stable as $$ select * from public.data_freshness $$;

create function public.find_orphaned_subitems() returns table (monday_id text, parent_monday_id text)
language sql stable as $$
  select s.monday_id, s.parent_monday_id
  from public.subitems as s
  where not exists (select from public.projects as p where p.monday_id = s.parent_monday_id)
$$;

-- Refreshes every materialised view of this app; readers see the old figures until the new ones are there. Runs as
-- the owner, since only an owner may refresh.
create function public.refresh_analytics_views() returns void
language plpgsql security definer set search_path = pg_catalog, public, pg_temp as $$
begin
  refresh materialized view concurrently public.conversion_metrics;
  refresh materialized view concurrently public.conversion_metrics_recent;
end
$$;
revoke all on function public.refresh_analytics_views() from public;

-- Projects by words of their name, account and category, by number, and, where no word fits, by likeness.
create function public.search_projects(query text, max_rows int default 20)
returns table (
  monday_id text, item_name text, project_name text, account text, type text, category text, pipeline_stage text,
  status_category text, new_enquiry_value numeric, rank real
)
language sql stable as $$
  with words as (
    select p.monday_id, ts_rank(to_tsvector('english',
      coalesce(p.display_name, '') || ' ' || coalesce(p.account, '') || ' ' || coalesce(p.category, '')), q) as rank
    from websearch_to_tsquery('english', query) as q
    join public.projects as p on to_tsvector('english',
      coalesce(p.display_name, '') || ' ' || coalesce(p.account, '') || ' ' || coalesce(p.category, '')) @@ q
    union all
    select p.monday_id, 2 from public.projects as p where p.name_key = datacube.name_key(query)
  ),
  alike as (
    select p.monday_id, greatest(
      word_similarity(query, p.display_name), word_similarity(query, p.account),
      similarity(query, p.display_name), similarity(query, p.account)) as rank
    from public.projects as p
    where not exists (select from words)
      and (query <% p.display_name or query <% p.account or p.display_name % query or p.account % query)
  ),
  hits as (
    select h.monday_id, max(h.rank)::real as rank
    from (select * from words union all select * from alike) as h group by h.monday_id
  )
  select p.monday_id, p.item_name, p.display_name, p.account, p.type, p.category, p.pipeline_stage,
    p.status_category, p.new_enquiry_value, hits.rank
  from hits join public.projects as p on p.monday_id = hits.monday_id
  order by hits.rank desc, p.date_created desc nulls last, p.monday_id
  limit greatest(max_rows, 0)
$$;

-- What does not fit together. Rows that are merely not here yet show up too; they go as soon as they arrive.
create function public.check_data_consistency() returns table (check_name text, rows bigint, examples text[])
language sql stable as $$
  with found (check_name, key) as (
    select 'orphaned_subitems', monday_id from public.find_orphaned_subitems()
    union all
    select 'subitems_without_hidden_item', monday_id from public.subitems where hidden_item_id is null
    union all
    select 'projects_without_account', monday_id from public.projects where coalesce(account, '') = ''
    union all
    select 'projects_without_product', monday_id from public.projects where coalesce(product_type, '') = ''
    union all
    select 'unconfirmed_tables', table_name from public.data_freshness where last_full_pass is null
  )
  select c.check_name, count(f.key), coalesce((array_agg(f.key order by f.key) filter (where f.key is not null))[1:10], '{}')
  from unnest(array['orphaned_subitems', 'subitems_without_hidden_item', 'projects_without_account',
    'projects_without_product', 'unconfirmed_tables']) with ordinality as c (check_name, place)
  left join found as f on f.check_name = c.check_name
  group by c.check_name, c.place
  order by c.place
$$;

-- What people and programs see change of a row: its vendor's values and what is derived from them. A write that only
-- moves stamps is neither.
create function datacube.touch() returns trigger language plpgsql as $$
begin
  new.updated_at := clock_timestamp();
  new.sync_version := old.sync_version + 1;
  return new;
end
$$;

create trigger projects_touch before update on public.projects for each row
when (old.last_synced_at is distinct from new.last_synced_at or (
  old.display_name, old.status_category, old.account, old.product_type, old.product_key, old.new_enquiry_value,
  old.value_band, old.gestation_period, old.overall_project_value, old.project_value, old.weighted_pipeline,
  old.probability_percent, old.total_order_value, old.total_amount_invoiced, old.date_order_received,
  old.first_date_designed, old.last_date_designed, old.first_date_invoiced, old.last_date_invoiced
) is distinct from (
  new.display_name, new.status_category, new.account, new.product_type, new.product_key, new.new_enquiry_value,
  new.value_band, new.gestation_period, new.overall_project_value, new.project_value, new.weighted_pipeline,
  new.probability_percent, new.total_order_value, new.total_amount_invoiced, new.date_order_received,
  new.first_date_designed, new.last_date_designed, new.first_date_invoiced, new.last_date_invoiced
)) execute function datacube.touch();

create trigger subitems_touch before update on public.subitems for each row
when (old.last_synced_at is distinct from new.last_synced_at or (
  old.hidden_item_id, old.account, old.product_type, old.new_enquiry_value, old.reason_for_change, old.date_received,
  old.date_design_completed, old.designer, old.time_taken, old.surveyor, old.area, old.fall, old.min_thickness,
  old.max_thickness, old.u_value, old.min_u_value, old.deck_type, old.layering, old.quote_amount, old.m2_rate,
  old.material_value, old.transport_cost, old.order_status, old.date_order_received, old.cust_order_value_material,
  old.customer_po, old.supplier1, old.supplier2, old.requested_delivery_date, old.final_delivery_date,
  old.delivery_address, old.invoice_number, old.invoice_date, old.amount_invoiced, old.date_quoted,
  old.date_project_won, old.date_project_closed
) is distinct from (
  new.hidden_item_id, new.account, new.product_type, new.new_enquiry_value, new.reason_for_change, new.date_received,
  new.date_design_completed, new.designer, new.time_taken, new.surveyor, new.area, new.fall, new.min_thickness,
  new.max_thickness, new.u_value, new.min_u_value, new.deck_type, new.layering, new.quote_amount, new.m2_rate,
  new.material_value, new.transport_cost, new.order_status, new.date_order_received, new.cust_order_value_material,
  new.customer_po, new.supplier1, new.supplier2, new.requested_delivery_date, new.final_delivery_date,
  new.delivery_address, new.invoice_number, new.invoice_date, new.amount_invoiced, new.date_quoted,
  new.date_project_won, new.date_project_closed
)) execute function datacube.touch();

-- All that is derived in hidden_items is generated from the vendor's columns.
create trigger hidden_items_touch before update on public.hidden_items for each row
when (old.last_synced_at is distinct from new.last_synced_at) execute function datacube.touch();
