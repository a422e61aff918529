import type { Transaction } from '../../../db/database.ts'

/** Vendor's columns of the projects board that stay in `extra` and are read here. */
export const projectMirrors = [
  'lookup_mkq010zk', // accounts of its subitems
  'lookup_mkt3xgz1', // products of its subitems
  'lookup_mkqanpbe', // value of its new enquiries; usually unreadable
  'formula_mkpp85yw', // gestation; usually unreadable
  'mirror4__1', // value of the project
  'color_mkvmjryt', // probability: a label that begins with its percentage
  'formula_mknkwpb5', // probability, as the formula reads that label
] as const

/** Every column that the statement below writes. */
export const projectColumns: readonly string[] = [
  'display_name', 'status_category', 'account', 'product_type', 'product_key', 'new_enquiry_value', 'value_band',
  'gestation_period', 'overall_project_value', 'project_value', 'weighted_pipeline', 'probability_percent',
  'total_order_value', 'total_amount_invoiced', 'date_order_received', 'first_date_designed', 'last_date_designed',
  'first_date_invoiced', 'last_date_invoiced',
] // prettier-ignore

/** Sums count a revision once, also where two subitems stand for one hidden item. */
const ofSubitems = `select
    mode() within group (order by account collate "C") as account,
    mode() within group (order by product_type collate "C") as product_type,
    sum(new_enquiry_value) filter (where first) as enquiry_value,
    sum(cust_order_value_material) filter (where first) as order_value,
    sum(amount_invoiced) filter (where first) as invoiced,
    min(date_order_received) as ordered_at,
    min(date_design_completed) as designed_from, max(date_design_completed) as designed_to,
    min(invoice_date) as invoiced_from, max(invoice_date) as invoiced_to
  from (
    select s.*, row_number() over (partition by coalesce(s.hidden_item_id, s.monday_id) order by s.monday_id) = 1 as first
    from public.subitems as s where s.parent_monday_id = t.monday_id
  ) as revision`

/** The project's hidden items: those its subitems stand for, and those that its number begins the name of. */
const ofHiddenItems = `select
    mode() within group (order by datacube.filled(h.project_name) collate "C") as project_name,
    sum(h.quote_amount) filter (where matched and counts) as matched_value,
    sum(h.quote_amount) filter (where numbered and counts) as numbered_value,
    min(h.date_design_completed) as designed_from, min(h.invoice_date) as invoiced_from
  from (
    select monday_id, bool_or(matched) as matched, bool_or(not matched) as numbered
    from (
      select hidden_item_id as monday_id, true as matched
      from public.subitems where parent_monday_id = t.monday_id
      union all
      select monday_id, false from public.hidden_items
      where prefix_key = t.name_key and starts_with(name_key, t.name_key || '_')
    ) as either
    group by monday_id
  ) as own
  join public.hidden_items as h using (monday_id)
  cross join lateral (select h.reason_for_change = 'New Enquiry' and h.quote_amount > 0 as counts) as enquiry`

/** Days from the first design to the first invoice; what cannot be is 0. */
const days = (to: string, from: string): string =>
  `case when ${to} - ${from} between 0 and 500000 then ${to} - ${from} else 0 end`

const statement = `with target as materialized (
  select p.monday_id, p.name_key, p.project_name, p.pipeline_stage, m.*
  from public.projects as p
  cross join lateral jsonb_to_record(p.extra) as m (${projectMirrors.map((id) => `"${id}" text`).join(', ')})
  where p.monday_id = any ($1::text[])
),
gathered as materialized (
  select t.monday_id,
    coalesce(datacube.filled(t.project_name), h.project_name) as display_name,
    datacube.status_category(t.pipeline_stage, (select datacube.won_stages())) as status_category,
    coalesce(s.account, datacube.distinct_parts(t.lookup_mkq010zk), '') as account,
    coalesce(s.product_type, datacube.distinct_parts(t.lookup_mkt3xgz1), '') as product_type,
    -- The first that says something; the subitems' own sum only where none of the others is above zero.
    round(coalesce(
      case when v.first > 0 then v.first end, case when s.enquiry_value > 0 then s.enquiry_value end, v.first, 0), 2
    ) as new_enquiry_value,
    case
      when s.invoiced_from is not null and s.designed_from is not null then ${days('s.invoiced_from', 's.designed_from')}
      when g.own is not null then case when g.own between 0 and 500000 then round(g.own)::int else 0 end
      when h.designed_from is null then null
      when h.invoiced_from is null then 0
      else ${days('h.invoiced_from', 'h.designed_from')}
    end as gestation_period,
    datacube.to_number(t.mirror4__1) as overall_project_value,
    case when g.percent is not null then round(greatest(0, least(100, g.percent)))::int end as probability_percent,
    s.order_value as total_order_value,
    s.invoiced as total_amount_invoiced,
    s.ordered_at as date_order_received,
    s.designed_from as first_date_designed,
    s.designed_to as last_date_designed,
    s.invoiced_from as first_date_invoiced,
    s.invoiced_to as last_date_invoiced
  from target as t
  cross join lateral (${ofSubitems}) as s
  cross join lateral (${ofHiddenItems}) as h
  cross join lateral (
    select datacube.to_number(t.formula_mkpp85yw) as own,
      coalesce(substring(t.color_mkvmjryt from '^\\s*(\\d{1,9}(?:\\.\\d{1,9})?)')::numeric,
        datacube.to_number(t.formula_mknkwpb5)) as percent
  ) as g
  cross join lateral (
    select coalesce(nullif(h.matched_value, 0), nullif(datacube.to_number(t.lookup_mkqanpbe), 0), h.numbered_value) as first
  ) as v
),
-- A page has a handful of products: each is looked up once (measured 100 us), not once a project.
families as materialized (
  select product_type, datacube.product_key(product_type) as product_key
  from (select distinct product_type from gathered) as products
),
-- The board's own value of a project is a formula over mirrors, which its vendor rarely shows. Its pipeline weighs the
-- value of the new enquiries, so that stands in.
valued as (
  select *, datacube.value_band(new_enquiry_value) as value_band,
    coalesce(overall_project_value, nullif(new_enquiry_value, 0)) as project_value
  from gathered join families using (product_type)
),
news as materialized (
  select *, datacube.round_up(project_value * probability_percent / 100) as weighted_pipeline from valued
)
update public.projects as p
set (${projectColumns.join(', ')}) = row(${projectColumns.map((c) => `n.${c}`).join(', ')})
from news as n
where p.monday_id = n.monday_id
  and (${projectColumns.map((c) => `p.${c}`).join(', ')}) is distinct from (${projectColumns.map((c) => `n.${c}`).join(', ')})`

/** Rolls these projects up; writes those whose values change. The caller has locked them. */
export async function deriveProjects(tx: Transaction, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await tx.query(statement, [keys])
}
