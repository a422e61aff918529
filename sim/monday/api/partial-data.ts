import type { Random } from '../world/random.ts'
import type { PlanResult } from './run-plan.ts'

/** Of the fields the schema lets be null, those whose loss a careless reader takes for a deletion. */
const NULLABLE = ['updated_at', 'group', 'board', 'parent_item', 'created_at']

type Path = (string | number)[]

/** Nulls one thing the answer may leave out, with the error monday puts beside it. */
export function withholdOne(result: PlanResult, random: Random): void {
  const data = result.data
  if (data === null) return
  const path = withhold(data, random)
  if (path === undefined) return
  const extensions = { code: 'USER_UNAUTHORIZED', error_data: {}, status_code: 403 }
  result.errors.push({ message: 'User unauthorized to perform action', path, extensions })
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
