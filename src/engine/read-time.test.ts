import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readFloor, rowTime, SETTLE_MS } from './read-time.ts'

const SECOND = 1_000_000
const SETTLE = SETTLE_MS * 1000
/** 2026-11-20T12:00:00Z, in microseconds: the second in which the row was last changed. */
const CHANGED = Date.UTC(2026, 10, 20, 12) * 1000

describe('rowTime', () => {
  it('read in the second of a change: does not outrank an event that came after the read', () => {
    const read = CHANGED + 300_000
    const at = rowTime(read, CHANGED, SECOND)
    expect(at).toBe(read)
    expect(at).toBeLessThan(CHANGED + 700_000)
  })

  it('read later: outranks every event of that second, and none of the next', () => {
    const at = rowTime(CHANGED + 5 * SECOND, CHANGED, SECOND)
    expect(at).toBeGreaterThan(CHANGED + SECOND - 1)
    expect(at).toBeLessThanOrEqual(CHANGED + SECOND)
  })

  it('read settle later: outranks everything older than settle, whatever the vendor dates the row', () => {
    const read = CHANGED + 3600 * SECOND
    expect(rowTime(read, CHANGED, SECOND)).toBe(read - SETTLE)
    expect(rowTime(read, CHANGED - 86_400 * SECOND, SECOND)).toBe(read - SETTLE)
  })

  it('without a modification time: stands for the moment of the read', () => {
    expect(rowTime(CHANGED + 7, undefined, SECOND)).toBe(CHANGED + 7)
  })

  it('never claims to be later than the read, and never ranks more than settle before it', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.option(fc.nat(2 ** 40), { nil: undefined }), (floor, updated) => {
        const at = rowTime(floor, updated, SECOND)
        expect(at).toBeLessThanOrEqual(floor)
        expect(at).toBeGreaterThanOrEqual(floor - SETTLE)
      }),
    )
  })

  it('a later read never ranks below an earlier read of the same or an older change', () => {
    fc.assert(
      fc.property(fc.nat(2 ** 40), fc.nat(2 ** 30), fc.nat(2 ** 40), fc.nat(2 ** 30), (f, df, u, du) => {
        expect(rowTime(f + df, u + du, SECOND)).toBeGreaterThanOrEqual(rowTime(f, u, SECOND))
      }),
    )
  })
})

it('readFloor is a whole number of microseconds on the vendor clock', () => {
  expect(readFloor({ sentAtMs: 1000.7, offsetMinMs: -250.25 })).toBe(750_450)
})
