import { invalidArgument } from './errors.ts'
import type { ItemsQueryRule } from './items-query.ts'

const DAY_MS = 86_400_000
const dayOf = (ms: number): number => Math.floor(ms / DAY_MS)
/** Days since Monday: the simulated account's week begins there. */
const weekday = (day: number): number => (day + 3) % 7

/** First and last day a documented word covers. */
function wordRange(word: string, now: number): readonly [number, number] | undefined {
  const today = dayOf(now)
  const monday = today - weekday(today)
  const date = new Date(now)
  const month = (offset: number): number =>
    dayOf(Date.UTC(date.getUTCFullYear(), date.getUTCMonth() + offset, 1))
  const ranges: Readonly<Record<string, readonly [number, number]>> = {
    TODAY: [today, today],
    YESTERDAY: [today - 1, today - 1],
    THIS_WEEK: [monday, monday + 6],
    LAST_WEEK: [monday - 7, monday - 1],
    THIS_MONTH: [month(0), month(1) - 1],
    LAST_MONTH: [month(-1), month(0) - 1],
    PAST_DATETIME: [-Infinity, today],
  }
  return ranges[word]
}

function exactDay(text: unknown): number {
  const ms = Date.parse(`${String(text).slice(0, 10)}T00:00:00Z`)
  if (Number.isNaN(ms)) throw invalidArgument(`Invalid date in compare_value: ${String(text)}`)
  return dayOf(ms)
}

/** `["EXACT","2025-07-10"]`, a bare day, or one of the words; whatever is asked, only whole days are compared. */
function rangeOf(value: unknown, now: number): readonly [number, number] {
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list[0] === 'EXACT') return [exactDay(list[1]), exactDay(list[1])]
  const word = wordRange(String(list[0]), now)
  if (word !== undefined) return word
  return [exactDay(list[0]), exactDay(list.at(-1))]
}

function compareDays(day: number, rule: ItemsQueryRule, now: number): boolean {
  const [first, last] = rangeOf(rule.compare_value, now)
  const operator = rule.operator ?? 'any_of'
  switch (operator) {
    case 'greater_than':
      return day > last
    case 'greater_than_or_equals':
      return day >= first
    case 'lower_than':
      return day < first
    case 'lower_than_or_equal':
      return day <= last
    case 'not_any_of':
      return day < first || day > last
    default:
      return day >= first && day <= last
  }
}

export function matchesDay(cell: string | undefined, rule: ItemsQueryRule, now: number): boolean {
  return cell === undefined ? rule.operator === 'not_any_of' : compareDays(exactDay(cell), rule, now)
}

export function matchesLastUpdated(updatedAt: number, rule: ItemsQueryRule, now: number): boolean {
  const words = rule.operator === undefined || rule.operator === 'any_of' || rule.operator === 'not_any_of'
  if (words && rule.compare_attribute !== 'UPDATED_AT')
    throw invalidArgument('compare_attribute UPDATED_AT is required to filter by the time of the last update')
  return compareDays(dayOf(updatedAt), rule, now)
}
