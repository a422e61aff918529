import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { NEVER, parseStamp, type StampParts, stamp, stampFloor } from './stamp.ts'

const micros = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))
const arrival = fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 16 ** 12 - 1 }))
const parts = fc.record({ at: micros, seen: micros, n: arrival })

const inOrder = (a: StampParts, b: StampParts): number => a.at - b.at || a.seen - b.seen || a.n - b.n

describe('stamp', () => {
  it('is read back as it was written', () => {
    fc.assert(
      fc.property(parts, (p) => {
        expect(parseStamp(stamp(p))).toEqual(p)
      }),
    )
  })

  it('orders as text the way its parts order as numbers', () => {
    fc.assert(
      fc.property(parts, parts, (a, b) => {
        const [x, y] = [stamp(a), stamp(b)]
        expect(x < y ? -1 : x > y ? 1 : 0).toBe(Math.sign(inOrder(a, b)))
      }),
    )
  })

  it('ranks NEVER below every stamp', () => {
    fc.assert(
      fc.property(parts, (p) => {
        expect(NEVER < stamp(p)).toBe(true)
      }),
    )
    expect(parseStamp(NEVER)).toEqual({ at: 0, seen: 0, n: 0 })
  })

  it('has a floor below every stamp of its microsecond and above every earlier one', () => {
    fc.assert(
      fc.property(parts, (p) => {
        expect(stampFloor(p.at) < stamp(p)).toBe(true)
        if (p.at > 0) expect(stampFloor(p.at) > stamp({ ...p, at: p.at - 1 })).toBe(true)
      }),
    )
    expect(stampFloor(-5)).toBe(stampFloor(0))
  })

  it.each([
    ['a negative time', { at: -1, seen: 0, n: 0 }],
    ['a fraction', { at: 0.5, seen: 0, n: 0 }],
    ['not a number', { at: 0, seen: Number.NaN, n: 0 }],
    ['more than a double holds', { at: 2 ** 53, seen: 0, n: 0 }],
    ['an arrival number of thirteen digits', { at: 0, seen: 0, n: 16 ** 12 }],
  ])('refuses %s', (_what, wrong) => {
    expect(() => stamp(wrong)).toThrow(RangeError)
  })
})
