/** How many rows a list is charged for when the query does not say. */
const ROWS: Readonly<Record<string, number>> = {
  column_values: 10,
  columns: 10,
  groups: 5,
  subitems: 25,
  linked_items: 10,
  mirrored_items: 10,
  users: 25,
}
const LIMITED = new Set([
  'boards',
  'items',
  'items_page',
  'next_items_page',
  'activity_logs',
  'updates',
  'users',
])

interface Costed {
  readonly complexity: number
}

/**
 * A static estimate, as the vendor makes: one point a field, times the rows asked for, before anything is read.
 * A column value is charged for the dearest of its types, not for the sum of the fragments.
 */
export function estimateField(
  name: string,
  args: Readonly<Record<string, unknown>>,
  children: readonly (readonly Costed[])[],
): number {
  let dearest = 0
  for (const fields of children) {
    let cost = 0
    for (const field of fields) cost += field.complexity
    if (cost > dearest) dearest = cost
  }
  return 1 + rows(name, args) * dearest
}

function rows(name: string, args: Readonly<Record<string, unknown>>): number {
  const ids = args['ids']
  const limit = args['limit']
  if (name === 'boards' && Array.isArray(ids)) return ids.length
  if (LIMITED.has(name) && typeof limit === 'number')
    return name === 'items' && Array.isArray(ids) ? Math.min(limit, ids.length) : limit
  if (Array.isArray(ids)) return ids.length
  return ROWS[name] ?? 1
}
