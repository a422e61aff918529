import { dayOf, dayStart, parseDate } from '../world/days.ts'
import type { Window } from '../world/count.ts'
import type { Call } from './call.ts'
import { invalid, notFound } from './errors.ts'

/** The number in a path. Throws 404 for anything else. */
export function idOf(call: Call, name = 'id'): number {
  const id = Number(call.params[name])
  if (!Number.isInteger(id)) throw notFound()
  return id
}

/** Asked as `tag_ids[]=1`, `tag_ids[0]=1` or `tag_ids=1,2`. */
export function idsIn({ query }: Call, name: string): number[] {
  const ids: number[] = []
  for (const [key, value] of query) {
    if (key === name || (key.startsWith(`${name}[`) && key.endsWith(']')))
      ids.push(...value.split(',').map(Number))
  }
  return ids.filter(Number.isInteger)
}

/** Asked as `filters.status` or `filters[status]`, or by its bare name. */
export function filterText({ query }: Call, name: string): string | null {
  const bracketed = `filters${name
    .split('.')
    .map((part) => `[${part}]`)
    .join('')}`
  return query.get(`filters.${name}`) ?? query.get(bracketed) ?? query.get(name)
}

const CRITERIA: Readonly<Record<string, (day: number, value: number) => boolean>> = {
  '=': (day, value) => day === value,
  '>=': (day, value) => day >= value,
  '>': (day, value) => day > value,
  '<=': (day, value) => day <= value,
  '<': (day, value) => day < value,
}

/**
 * `<name>.criteria` and `<name>.value`: days, not moments. A value with a time is refused, and "after" a day means
 * from the next midnight on.
 */
export function dayFilter(call: Call, name: string): (at: number) => boolean {
  const criteria = filterText(call, `${name}.criteria`)
  const value = filterText(call, `${name}.value`)
  if (criteria === null && value === null) return () => true
  const day = parseDate(value ?? '')
  const compare = CRITERIA[criteria ?? '=']
  if (day === undefined)
    throw invalid({
      [`filters.${name}.value`]: `The filters.${name}.value field must match the format Y-m-d.`,
    })
  if (compare === undefined)
    throw invalid({ [`filters.${name}.criteria`]: `The selected filters.${name}.criteria is invalid.` })
  const { timeZone } = call.world.settings
  return (at) => compare(dayOf(at, timeZone), day)
}

/** `start_date` and `end_date`, both or a 422; both days count. */
export function windowOf(source: Readonly<Record<string, unknown>> | URLSearchParams): Window {
  const get = (name: string): string | undefined => {
    const value = source instanceof URLSearchParams ? source.get(name) : source[name]
    return typeof value === 'string' ? value : undefined
  }
  const errors: Record<string, string> = {}
  for (const name of ['start_date', 'end_date']) {
    const label = name.replace('_', ' ')
    const text = get(name)
    if (text === undefined || text === '') errors[name] = `The ${label} field is required.`
    else if (parseDate(text) === undefined) errors[name] = `The ${label} field must match the format Y-m-d.`
  }
  const from = parseDate(get('start_date') ?? '') ?? 0
  const to = parseDate(get('end_date') ?? '') ?? 0
  if (Object.keys(errors).length === 0 && to < from)
    errors['end_date'] = 'The end date field must be a date after or equal to start date.'
  if (Object.keys(errors).length > 0) throw invalid(errors)
  return { from, to }
}

/** The moments of a window of days. */
export function momentsOf({ world }: Call, { from, to }: Window): { start: number; end: number } {
  const { timeZone } = world.settings
  return { start: dayStart(from, timeZone), end: dayStart(to + 1, timeZone) }
}
