import {
  arrayLiteral,
  bigintArray,
  booleanArray,
  dateArray,
  doubleArray,
  integerArray,
  textArray,
  timestamptzArray,
} from '../db/arrays.ts'
import { encodeJson, storable } from '../db/storable.ts'
import { type Json, jsonText, type Value } from '../engine/observation.ts'
import type { ColumnType } from './table-spec.ts'

/** A value as the text that Postgres reads for that type. */
export function encode(value: Value | undefined, type: ColumnType): string | null {
  if (value === null || value === undefined) return null
  if (type === 'jsonb') return encodeJson(value)
  if (type === 'text[]') return encodeList(Array.isArray(value) ? value : [jsonText(value)])
  return storable(jsonText(value))
}

const encodeList = (items: readonly Json[]): string =>
  arrayLiteral(items.map((item) => (item === null || item === undefined ? null : storable(jsonText(item)))))

interface Binary {
  /** The number that stands for a value; undefined where only Postgres can tell what it means. */
  readonly number: (value: NonNullable<Value>) => number | undefined
  readonly array: (items: readonly (number | null)[]) => Buffer
}

const BINARY: Partial<Record<ColumnType, Binary>> = {
  integer: { number: (v) => (typeof v === 'number' && v === (v | 0) ? v : undefined), array: integerArray },
  bigint: { number: (v) => (Number.isSafeInteger(v) ? (v as number) : undefined), array: bigintArray },
  // What is added makes of -0 what its text is.
  'double precision': { number: (v) => (typeof v === 'number' ? v + 0 : undefined), array: doubleArray },
  boolean: { number: (v) => (typeof v === 'boolean' ? Number(v) : undefined), array: booleanArray },
  date: { number: (v) => (typeof v === 'string' ? daysOf(v) : undefined), array: dateArray },
  timestamptz: { number: (v) => (typeof v === 'string' ? microsOf(v) : undefined), array: timestamptzArray },
}

/**
 * Whether arrays of values of a type are sent as arrays of it, and not as texts that the statement is to cast. Not of
 * numeric and jsonb: what Postgres needs to read an element of these it keeps until it has read all, and that is slower.
 */
export const isSentAsItself = (type: ColumnType): boolean => type === 'text' || type in BINARY

/**
 * The values of a column, a parameter for `$n::type[]`, or for `$n::text[]` where `isSentAsItself` says no. What is
 * of the type at first sight goes in the binary format. Where anything is not, all go as text, and Postgres says what
 * they mean, and whether they mean anything.
 */
export function encodeColumn(values: readonly (Value | undefined)[], type: ColumnType): Buffer | string {
  const texts = (): (string | null)[] => values.map((value) => encode(value, type))
  const binary = BINARY[type]
  if (binary === undefined) return textArray(texts())
  const numbers: (number | null)[] = []
  for (const value of values) {
    const number = value === null || value === undefined ? null : binary.number(value)
    if (number === undefined) return arrayLiteral(texts())
    numbers.push(number)
  }
  return binary.array(numbers)
}

/** The whole number that these digits are; NaN where there is anything else. */
function digits(text: string, from: number, to: number): number {
  let number = 0
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    number = number * 10 + digit
  }
  return number
}

const DATE_LENGTH = '2000-01-01'.length

/** Days since 2000-01-01 of a day written as ISO 8601 says. */
const daysOf = (text: string): number | undefined =>
  text.length === DATE_LENGTH ? leadingDays(text) : undefined

function leadingDays(text: string): number | undefined {
  if (text[4] !== '-' || text[7] !== '-') return undefined
  const [year, month, day] = [digits(text, 0, 4), digits(text, 5, 7), digits(text, 8, 10)]
  if (!(year >= YEAR_MIN && month > 0 && month <= 12 && day > 0 && day <= daysIn(year, month)))
    return undefined
  return (Date.UTC(year, month - 1, day) - Y2000_MS) / DAY_MS
}

/** `Date.UTC` takes those below for years of the twentieth century. */
const YEAR_MIN = 100
const DAY_MS = 86_400_000
const Y2000_MS = Date.UTC(2000, 0, 1)
const MONTHS = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]

function daysIn(year: number, month: number): number {
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0)
  return month === 2 && leap ? 29 : (MONTHS[month - 1] ?? 0)
}

const DAY_US = DAY_MS * 1000
const SECONDS_LENGTH = '2000-01-01T00:00:00'.length
const UTC = new Set(['Z', '+00', '+00:00', '+0000'])
const MICROS_DIGITS = 6

/** Microseconds since 2000-01-01 00:00 UTC of a moment written as ISO 8601 says, or as Postgres does, in UTC. */
function microsOf(text: string): number | undefined {
  const days = leadingDays(text)
  if (days === undefined || (text[10] !== 'T' && text[10] !== ' ')) return undefined
  if (text[13] !== ':' || text[16] !== ':') return undefined
  const [hour, minute, second] = [
    digits(text, 11, 13),
    digits(text, 14, 16),
    digits(text, 17, SECONDS_LENGTH),
  ]
  if (!(hour < 24 && minute < 60 && second < 60)) return undefined
  let end = SECONDS_LENGTH
  let fraction = 0
  if (text[end] === '.') {
    const from = ++end
    while (digits(text, end, end + 1) >= 0) end++
    const length = end - from
    if (length === 0 || length > MICROS_DIGITS) return undefined
    fraction = digits(text, from, end) * 10 ** (MICROS_DIGITS - length)
  }
  if (!UTC.has(text.slice(end))) return undefined
  const micros = days * DAY_US + ((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction
  return Number.isSafeInteger(micros) ? micros : undefined
}
