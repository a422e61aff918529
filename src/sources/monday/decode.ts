import type { Json, JsonObject, Value } from '../../engine/observation.ts'
import { type ColumnValue, peopleIds, plainNumber, textOf } from './kinds.ts'
import type { DecoderName } from './mapping.ts'

/** What a decoder starts from: the column's plain value, and, where some need it, what monday keeps. */
export interface Plain {
  readonly type: string
  readonly value: Json
  readonly stored: JsonObject
  readonly timeZone: string
}

/**
 * Plain value → the value of a mapped column. Every decoder is total: what it cannot read is null, never an
 * exception and never a value that the column's type refuses.
 */
export const decoders: Readonly<Record<DecoderName, (plain: Plain) => Value>> = {
  text: ({ type, value }) => textOf(type, value),
  label: ({ type, value }) => textOf(type, value),
  number: ({ type, value }) => plainNumber(textOf(type, value)),
  integer: ({ type, value }) => wholeNumber(plainNumber(textOf(type, value))),
  date: ({ value, timeZone }) => dayOf(value, timeZone),
  timestamp: ({ value }) => instantOf(value),
  people: ({ type, value }) => textOf(type, value),
  people_ids: ({ stored }) => (peopleIds(stored).length === 0 ? null : peopleIds(stored)),
  link: ({ value }) => (Array.isArray(value) ? String(value[0]) : null),
  links: ({ value }) => (Array.isArray(value) ? value.map(String) : null),
  display: ({ type, value }) => textOf(type, value),
  display_number: ({ type, value }) => sumOf(textOf(type, value)),
  display_date: ({ type, value }) => firstDate(textOf(type, value)),
  boolean: ({ value }) => value === true,
  json: ({ value }) => value,
}

const INT4_MAX = 2_147_483_647

function wholeNumber(text: string | null): number | null {
  const n = Math.round(Number(text))
  return text === null || !Number.isFinite(n) || Math.abs(n) > INT4_MAX ? null : n
}

/** Sum of the numbers that a mirror of several items joins: "17,597.29, 3" is 17600.29. */
export function sumOf(text: string | null): string | null {
  if (text === null) return null
  // A comma before three digits, without a space, groups thousands; every other comma separates items.
  const parts = text.split(/,(?!\d{3}(?:\D|$))|,\s/).map((part) => plainNumber(part.replace(/[£$€\s,]/g, '')))
  const known = parts.filter((part) => part !== null)
  if (known.length <= 1) return known[0] ?? null
  const places = Math.max(...known.map((n) => n.split('.')[1]?.length ?? 0))
  return plainNumber(known.reduce((sum, n) => sum + Number(n), 0).toFixed(Math.min(places, 12)))
}

/** Postgres knows no year 0, and ISO text has four digits for it. */
const YEAR = /^(?!0000)\d{4}-/

function firstDate(text: string | null): string | null {
  const match = /\d{4}-\d{2}-\d{2}/.exec(text ?? '')
  return match === null ? null : realDay(match[0])
}

const DAY_LENGTH = 'YYYY-MM-DD'.length

/** A date column's day: as it stands without a time, else the day of that instant in the configured zone. */
function dayOf(value: Json, timeZone: string): string | null {
  if (typeof value !== 'string') return null
  if (!value.includes('T')) return realDay(value.slice(0, 10))
  const instant = instantOf(value)
  if (instant === null) return null
  // Years before 1000 come without their zeros.
  return new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short' })
    .format(new Date(instant))
    .padStart(DAY_LENGTH, '0')
}

/** monday's formats of a moment: `2026-03-21T08:47:10Z`, `2026-03-21 08:47:10 UTC`. Null for a day alone. */
function instantOf(value: Json): string | null {
  if (typeof value !== 'string') return null
  const match = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s*(?:Z|UTC)?$/.exec(value)
  const at = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2]}Z`)
  const moment = Number.isFinite(at) ? new Date(at).toISOString() : ''
  return YEAR.test(moment) ? moment : null
}

function realDay(day: string): string | null {
  const at = Date.parse(`${day}T00:00:00Z`)
  return YEAR.test(day) && Number.isFinite(at) && new Date(at).toISOString().startsWith(day) ? day : null
}

/** What monday keeps of a fetched value, as an object. */
export function storedOf({ value }: ColumnValue): JsonObject {
  try {
    const parsed: unknown = typeof value === 'string' ? JSON.parse(value) : value
    return typeof parsed === 'object' && parsed !== null ? (parsed as JsonObject) : {}
  } catch {
    return {}
  }
}
