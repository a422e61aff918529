import type { Transaction } from '../../../db/database.ts'
import { type FieldKind, NEW_ENQUIRY_FORMULA, subitemFields } from './subitem-fields.ts'

/** Every column that the statement below writes. */
export const subitemColumns: readonly string[] = [
  'hidden_item_id',
  'new_enquiry_value',
  ...subitemFields.map((f) => f.column),
]

const read: Readonly<Record<FieldKind, (text: string) => string>> = {
  text: (text) => `datacube.filled(${text})`,
  parts: (text) => `datacube.distinct_parts(${text})`,
  number: (text) => `datacube.to_number(${text})`,
  date: (text) => `datacube.to_date(${text})`,
}

const mirrors = [...subitemFields.map((f) => f.mirror), NEW_ENQUIRY_FORMULA]
const resolved = subitemFields.map(
  ({ column, mirror, kind, match }) =>
    `coalesce(${read[kind](`m."${mirror}"`)}, ${match}_item.${column}) as ${column}`,
)

/**
 * Which hidden item is the same revision as a subitem. The first that says so wins, and where several could be meant,
 * none is: 1 the board's link; 2 the one with the identical name; 3 the one with the name but for case and spaces.
 * Of several of one name, fields of an order come from the only one that has any (4 of the identically named, 5 of
 * all), the others from the one that says most about the enquiry; two that say as much are none. Last: 6 the only
 * hidden item of the project's number.
 */
const matching = `matched as materialized (
  select t.monday_id, t.extra,
    coalesce(l.monday_id, c.by_name, c.by_order, c.by_number) as order_id,
    coalesce(l.monday_id, c.by_name, c.by_score, c.by_number) as quote_id
  from target as t
  left join public.hidden_items as l on l.monday_id = t.linked_hidden_item_id
  cross join lateral (
    select
      case
        when count(*) filter (where identical) = 1 then min(h.monday_id) filter (where identical)
        when count(*) filter (where named) = 1 then min(h.monday_id) filter (where named)
      end as by_name,
      case
        when count(*) filter (where identical and ordered) = 1 then min(h.monday_id) filter (where identical and ordered)
        when count(*) filter (where named and ordered) = 1 then min(h.monday_id) filter (where named and ordered)
      end as by_order,
      case when max(score) filter (where named) > 0
          and (array_agg(score order by score desc) filter (where named))[1]
            is distinct from (array_agg(score order by score desc) filter (where named))[2]
        then (array_agg(h.monday_id order by score desc) filter (where named))[1]
      end as by_score,
      case when count(*) = 1 and t.prefix_key is not null then min(h.monday_id) end as by_number
    from (
      select * from public.hidden_items where prefix_key = t.prefix_key
      union all
      select * from public.hidden_items where t.prefix_key is null and name_key = t.name_key
    ) as h
    cross join lateral (
      select h.item_name = t.item_name as identical, h.name_key = t.name_key as named,
        num_nonnulls(h.cust_order_value_material, h.date_order_received, h.amount_invoiced) > 0 as ordered,
        case when datacube.filled(h.reason_for_change) is null then 0 else 3 end
          + case when h.reason_for_change = 'New Enquiry' then 3 else 0 end
          + case when h.quote_amount is null then 0 else 1 end + case when h.quote_amount > 0 then 5 else 0 end
          + num_nonnulls(h.date_design_completed, h.invoice_date) as score
    ) as about
    where l.monday_id is null
  ) as c
)`

const statement = `with target as materialized (
  select monday_id, item_name, name_key, prefix_key, linked_hidden_item_id, extra
  from public.subitems where monday_id = any ($1::text[])
),
${matching},
resolved as (
  select o.monday_id, coalesce(o.order_id, o.quote_id) as hidden_item_id, m."${NEW_ENQUIRY_FORMULA}" as own_enquiry_value,
    ${resolved.join(',\n    ')}
  from matched as o
  left join public.hidden_items as order_item on order_item.monday_id = o.order_id
  left join public.hidden_items as quote_item on quote_item.monday_id = o.quote_id
  cross join lateral jsonb_to_record(o.extra) as m (${mirrors.map((id) => `"${id}" text`).join(', ')})
),
-- Materialised, or each comparison below would resolve the value again.
news as materialized (
  select *, coalesce(datacube.to_number(own_enquiry_value),
    case when reason_for_change = 'New Enquiry' then coalesce(quote_amount, 0) else 0 end) as new_enquiry_value
  from resolved
)
update public.subitems as s
set (${subitemColumns.join(', ')}) = row(${subitemColumns.map((c) => `n.${c}`).join(', ')})
from news as n
where s.monday_id = n.monday_id
  and (${subitemColumns.map((c) => `s.${c}`).join(', ')}) is distinct from (${subitemColumns.map((c) => `n.${c}`).join(', ')})`

/** Resolves these subitems; writes those whose values change. The caller has locked them. */
export async function deriveSubitems(tx: Transaction, keys: readonly string[]): Promise<void> {
  if (keys.length > 0) await tx.query(statement, [keys])
}
