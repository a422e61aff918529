import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Queryable } from '../src/db/database.ts'
import type { Value } from '../src/engine/observation.ts'
import { encode, encodeColumn, isSentAsItself } from '../src/mirror/encode.ts'
import { type ColumnType, columnTypes } from '../src/mirror/table-spec.ts'
import { withDatabase } from './support/database.ts'

const twoDigits = (max: number): fc.Arbitrary<string> =>
  fc.integer({ min: 0, max }).map((n) => String(n).padStart(2, '0'))
const day = fc
  .tuple(
    fc.constantFrom('0000', '0001', '1900', '1999', '2000', '2024', '2100', '9999'),
    twoDigits(13),
    twoDigits(32),
  )
  .map((parts) => parts.join('-'))
const clock = fc.tuple(twoDigits(24), twoDigits(60), twoDigits(60)).map((parts) => parts.join(':'))
const fraction = fc.constantFrom('', '.5', '.123456', '.1234567', '.000001', '.')
const zone = fc.constantFrom('Z', '+00', '+00:00', '-0000', '+02:00', '', ' Europe/Vienna')
const instant = fc
  .tuple(day, fc.constantFrom('T', ' ', '  '), clock, fraction, zone)
  .map((parts) => parts.join(''))

const decimal = fc
  .tuple(fc.constantFrom('', '-'), fc.maxSafeInteger().map(Math.abs), fc.nat(17), fc.nat(16))
  .map(([sign, n, point, zeros]) => {
    const text = '0'.repeat(zeros % 5) + String(n).slice(0, 1 + (n % 16))
    const at = Math.min(point, text.length)
    return sign + text.slice(0, at) + (at < text.length ? `.${text.slice(at)}` : '')
  })

/** Mostly what a column of that type holds, and what vendors send in its place. */
const values: Record<ColumnType, fc.Arbitrary<Value>> = {
  text: fc.string({ unit: 'binary', maxLength: 80 }),
  numeric: fc.oneof(
    decimal,
    decimal,
    decimal.map(Number),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom<Value>(
      '.',
      '-',
      '',
      '.5',
      '5.',
      '-0.00',
      '1 ',
      '1e3',
      '--1',
      '0.0000000000000005',
      'NaN',
      'x',
      true,
    ),
  ),
  integer: fc.oneof(fc.integer(), fc.integer(), fc.constantFrom<Value>(2 ** 31, 1.5, -0, '12', 'x')),
  bigint: fc.oneof(
    fc.maxSafeInteger(),
    fc.maxSafeInteger(),
    fc.constantFrom<Value>(2 ** 60, 0.5, '9007199254740993'),
  ),
  'double precision': fc.oneof(fc.double({ noNaN: true }), fc.constantFrom<Value>('1.5', 'Infinity')),
  boolean: fc.oneof(fc.boolean(), fc.boolean(), fc.constantFrom<Value>('t', 'no', 1)),
  date: fc.oneof(day, day, instant, fc.constantFrom<Value>('infinity', '4 May 2026', 20_260_504)),
  time: clock,
  timestamptz: fc.oneof(instant, instant, day, fc.constantFrom<Value>('infinity', 'now then')),
  jsonb: fc.jsonValue() as fc.Arbitrary<Value>,
  'text[]': fc.array(fc.string({ unit: 'binary', maxLength: 10 })),
  uuid: fc.oneof(fc.uuid(), fc.constant('x')),
}

/** Each as Postgres shows it, or the kind of its error. */
async function shown(db: Queryable, sql: string, param: unknown): Promise<unknown> {
  try {
    const { rows } = await db.query<{ v: string | null }>(sql, [param])
    return rows.map(({ v }) => v)
  } catch (error) {
    return (error as { code?: string }).code
  }
}

describe('the values of a column as one parameter', () => {
  it.each(columnTypes)('%s: each is what its text is to Postgres', async (type) => {
    await withDatabase(async (db) => {
      const sent = isSentAsItself(type) ? type : 'text'
      let binary = 0
      await fc.assert(
        fc.asyncProperty(fc.array(fc.option(values[type]), { maxLength: 4 }), async (items) => {
          const param = encodeColumn(items, type)
          if (typeof param !== 'string') binary++
          const got = await shown(db, `select x::${type}::text as v from unnest($1::${sent}[]) as x`, param)
          const texts = items.map((item) => encode(item, type))
          expect(got).toEqual(
            await shown(db, `select x::${type}::text as v from unnest($1::text[]) as x`, texts),
          )
        }),
        { numRuns: 50 },
      )
      expect(binary).toBeGreaterThan(0)
    })
  })
})
