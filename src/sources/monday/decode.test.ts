import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../engine/observation.ts'
import { decoders, type Plain, sumOf } from './decode.ts'
import { type DecoderName, decoderNames } from './mapping.ts'

const plain = (value: Json, type = 'text', timeZone = 'UTC'): Plain => ({ type, value, stored: {}, timeZone })
const decode = (as: DecoderName, value: Json, type?: string, zone?: string): unknown =>
  decoders[as](plain(value, type, zone))

describe('the sum of what a mirror joins', () => {
  it.each([
    ['17,597.29, 3', '17600.29'],
    ['1,234', '1234'],
    ['1,234,567.5', '1234567.5'],
    ['3, 4', '7'],
    ['0.1, 0.2', '0.3'],
    ['-5, 3', '-2'],
    ['£1,200.50, £99.50', '1300'],
    ['7', '7'],
    ['7, n/a', '7'],
    ['n/a', null],
    ['', null],
    [null, null],
  ])('of %j is %j', (text, sum) => {
    expect(sumOf(text)).toBe(sum)
  })

  it('is that of the parts, with or without grouped thousands', () => {
    const cents = fc.integer({ min: -99_999_999, max: 99_999_999 })
    fc.assert(
      fc.property(fc.array(cents, { minLength: 1, maxLength: 5 }), fc.boolean(), (list, grouped) => {
        const text = list
          .map((c) => (c / 100).toLocaleString('en-GB', { minimumFractionDigits: 2, useGrouping: grouped }))
          .join(', ')
        const total = list.reduce((sum, c) => sum + c, 0) / 100
        expect(Number(sumOf(text))).toBeCloseTo(total, 6)
      }),
    )
  })
})

describe('days and moments', () => {
  it.each([
    ['2026-03-29', 'Europe/London', '2026-03-29'],
    ['2026-03-28T23:59:59Z', 'Europe/London', '2026-03-28'],
    ['2026-07-01T23:30:00Z', 'Europe/London', '2026-07-02'],
    ['2026-07-01T23:30:00Z', 'UTC', '2026-07-01'],
    ['2026-01-01T04:59:00Z', 'America/New_York', '2025-12-31'],
    ['2026-02-30', 'UTC', null],
    ['0000-01-01', 'UTC', null],
    ['soon', 'UTC', null],
    [null, 'UTC', null],
  ])('the day of %j in %s is %j', (value, zone, day) => {
    expect(decode('date', value, 'date', zone)).toBe(day)
  })

  it.each([
    ['2026-03-21T08:47:10Z', '2026-03-21T08:47:10.000Z'],
    ['2026-03-21 08:47:10 UTC', '2026-03-21T08:47:10.000Z'],
    ['2026-03-21T08:47Z', '2026-03-21T08:47:00.000Z'],
    ['2026-03-21', null],
    ['2026-03-21T25:00:00Z', null],
    ['0000-03-21T08:47:10Z', null],
    ['9999-12-31T24:00:00Z', null],
  ])('the moment of %j is %j', (value, moment) => {
    expect(decode('timestamp', value)).toBe(moment)
  })

  it('the first date of what a mirror shows', () => {
    expect(decode('display_date', '2026-05-01, 2026-04-01', 'mirror')).toBe('2026-05-01')
    expect(decode('display_date', 'from 2026-13-45', 'mirror')).toBeNull()
  })
})

describe('whole numbers', () => {
  it.each([
    ['10.5', 11],
    ['2147483647', 2_147_483_647],
    ['2147483648', null],
    ['-2147483649', null],
    ['x', null],
    [null, null],
  ])('of %j: %j', (value, n) => {
    expect(decode('integer', value, 'numbers')).toBe(n)
  })
})

describe('every decoder', () => {
  const day = /^(?!0000)\d{4}-\d{2}-\d{2}$/
  const moment = /^(?!0000)\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/
  const decimal = /^-?\d+(\.\d+)?$/
  const text = (v: unknown): boolean => typeof v === 'string'
  const texts = (v: unknown): boolean => Array.isArray(v) && v.every(text)
  /** What the decoder's column accepts beside null. */
  const fits: Readonly<Record<DecoderName, (v: unknown) => boolean>> = {
    text,
    label: text,
    people: text,
    display: text,
    link: text,
    links: texts,
    people_ids: texts,
    number: (v) => decimal.test(String(v)),
    display_number: (v) => decimal.test(String(v)),
    integer: (v) => Number.isInteger(v) && Math.abs(v as number) <= 2_147_483_648,
    date: (v) => day.test(String(v)),
    display_date: (v) => day.test(String(v)),
    timestamp: (v) => moment.test(String(v)),
    boolean: (v) => typeof v === 'boolean',
    json: () => true,
  }
  const types = ['text', 'status', 'dropdown', 'people', 'date', 'numbers', 'checkbox', 'mirror', 'formula']
  const odd = fc.constantFrom(
    '0000-00-00T00:00:00Z',
    '9999-12-31T24:00Z',
    '1e309',
    '-',
    '2026-1-1',
    ', ,',
    '1e-9',
  )
  const value = fc.oneof(
    odd,
    fc.date({ noInvalidDate: true }).map((d) => d.toISOString()),
    fc.double().map(String),
    fc.json({ maxDepth: 2 }).map((json) => JSON.parse(json) as Json),
  )

  it.each(decoderNames)('%s gives null or what its column type accepts, for any value', (name) => {
    fc.assert(
      fc.property(value, fc.constantFrom(...types), fc.constantFrom('UTC', 'Asia/Tokyo'), (v, type, zone) => {
        const decoded = decode(name, v, type, zone)
        if (decoded !== null)
          expect({ [name]: decoded, fits: fits[name](decoded) }).toMatchObject({ fits: true })
      }),
      { numRuns: 300 },
    )
  })
})
