import type { Random } from '../world/random.ts'
import type { PlanResult } from './run-plan.ts'

/** Of the fields the schema lets be null, those whose loss a careless reader takes for a deletion. */
const NULLABLE = ['updated_at', 'group', 'board', 'parent_item', 'created_at']

type Path = (string | number)[]

/** Nulls one field of one item, wherever the answer has items. */
export function withholdField(result: PlanResult, random: Random): void {
  const found = itemsIn(result.data, [])
  if (found.length === 0) return
  const { item, path } = random.pick(found)
  const fields = [...NULLABLE, 'state'].filter((name) => item[name] !== null && name in item)
  if (fields.length === 0) return
  const field = random.pick(fields)
  item[field] = null
  result.errors.push(unauthorized([...path, field]))
}

interface Found {
  readonly item: Record<string, unknown>
  readonly path: Path
}

function itemsIn(value: unknown, path: Path): Found[] {
  if (Array.isArray(value)) return value.flatMap((one: unknown, i) => itemsIn(one, [...path, i]))
  if (typeof value !== 'object' || value === null) return []
  const fields = value as Record<string, unknown>
  if ('column_values' in fields) return [{ item: fields, path }]
  return Object.entries(fields).flatMap(([name, one]) => itemsIn(one, [...path, name]))
}

function unauthorized(path: Path): PlanResult['errors'][number] {
  const extensions = { code: 'USER_UNAUTHORIZED', error_data: {}, status_code: 403 }
  return { message: 'User unauthorized to perform action', path, extensions }
}

/** Nulls one thing the answer may leave out, with the error monday puts beside it. */
export function withholdOne(result: PlanResult, random: Random): void {
  const data = result.data
  if (data === null) return
  const path = withhold(data, random)
  if (path === undefined) return
  result.errors.push(unauthorized(path))
}

function withhold(data: Record<string, unknown>, random: Random): Path | undefined {
  for (const [key, value] of Object.entries(data)) {
    if (Array.isArray(value) && value.length > 0) {
      // Root lists (`boards`, `items`) have nullable elements.
      const index = random.int(value.length)
      value[index] = null
      return [key, index]
    }
    const items = (value as { items?: Record<string, unknown>[] } | null)?.items
    if (!Array.isArray(items) || items.length === 0) continue
    const index = random.int(items.length)
    const item = items[index] as Record<string, unknown>
    const field = NULLABLE.find((name) => name in item)
    if (field === undefined) continue
    item[field] = null
    return [key, 'items', index, field]
  }
  return undefined
}
