import type { Transaction } from '../../../db/database.ts'
import type { Change } from '../../../mirror/apply.ts'

/** What changed, by table, with the names and parents that it had and has. */
export interface Touched {
  readonly projects: readonly string[]
  readonly subitems: readonly string[]
  readonly parents: readonly string[]
  readonly hiddenItems: readonly string[]
  readonly hiddenNames: readonly string[]
}

export function touchedBy(changes: readonly Change[]): Touched {
  const of = (table: string): readonly Change[] => changes.filter((c) => c.table === table)
  const keys = (table: string): string[] => [...new Set(of(table).map((c) => c.key))]
  const both = (table: string, column: string): string[] => {
    const values = of(table).flatMap(({ before, after }) => [before?.[column], after?.[column]])
    return [...new Set(values.filter((value) => typeof value === 'string'))]
  }
  return {
    projects: keys('projects'),
    subitems: keys('subitems'),
    parents: both('subitems', 'parent_monday_id'),
    hiddenItems: keys('hidden_items'),
    hiddenNames: both('hidden_items', 'item_name'),
  }
}

export interface Affected {
  readonly subitems: readonly string[]
  readonly projects: readonly string[]
}

const SUBITEMS = `with family as materialized (
  select distinct datacube.name_prefix(name) as prefix, case when datacube.name_prefix(name) is null then datacube.name_key(name) end as name_key
  from unnest($3::text[]) as n (name)
),
found as materialized (
  select unnest($1::text[]) as monday_id
  union
  select s.monday_id from unnest($2::text[]) as h (key) join public.subitems as s on s.linked_hidden_item_id = h.key
  union
  select s.monday_id from unnest($2::text[]) as h (key) join public.subitems as s on s.hidden_item_id = h.key
  union
  select s.monday_id from family as f join public.subitems as s on s.prefix_key = f.prefix
  union
  select s.monday_id from family as f join public.subitems as s on s.name_key = f.name_key
)
select s.monday_id as key, s.parent_monday_id as parent
from public.subitems as s where s.monday_id in (select monday_id from found)
order by s.monday_id`

const PROJECTS = `with found as materialized (
  select unnest($1::text[]) as monday_id
  union
  select p.monday_id
  from (select distinct datacube.name_prefix(name) as prefix from unnest($2::text[]) as n (name)) as f
  join public.projects as p on p.name_key = f.prefix
)
select p.monday_id as key
from public.projects as p where p.monday_id in (select monday_id from found)
order by p.monday_id`

const LOCK = ' for no key update'

/**
 * The rows whose derived values may depend on what was touched: subitems that are linked to, matched with, or of the
 * same number or name as a hidden item, before or after; projects of all those, and of the number.
 */
export async function findAffected(
  tx: Transaction,
  touched: Touched,
  { lock }: { lock: boolean },
): Promise<Affected> {
  const end = lock ? LOCK : ''
  const subitems = await tx.query<{ key: string; parent: string | null }>(SUBITEMS + end, [
    touched.subitems,
    touched.hiddenItems,
    touched.hiddenNames,
  ])
  const parents = subitems.rows.flatMap(({ parent }) => (parent === null ? [] : [parent]))
  const projects = await tx.query<{ key: string }>(PROJECTS + end, [
    [...new Set([...touched.projects, ...touched.parents, ...parents])],
    touched.hiddenNames,
  ])
  return { subitems: subitems.rows.map((row) => row.key), projects: projects.rows.map((row) => row.key) }
}
