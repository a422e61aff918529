import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type ClockOffset, observeDate, offsetMinMs, unknownOffset } from './clock-offset.ts'

const NOON = Date.UTC(2026, 10, 20, 12)
/** Where our clock does not matter. */
const ours = { nowMs: 0, steadyMs: 0 }

it('before any response, is so low that no read can hide an event', () => {
  // Our clock says 12:00 where the steady one says one minute: the vendor's may say 11:00.
  expect(offsetMinMs(unknownOffset, { nowMs: NOON, steadyMs: 60_000 })).toBe(NOON - 3_600_000 - 60_000)
})

it('is never above the true offset, and comes within a second and the fastest answer of it', () => {
  const answers = fc.array(fc.record({ gapMs: fc.nat(20_000), latencyMs: fc.nat(3_000) }), {
    minLength: 1,
    maxLength: 20,
  })
  fc.assert(
    fc.property(fc.integer({ min: -7_200_000, max: 7_200_000 }), answers, (trueOffset, list) => {
      let offset: ClockOffset = unknownOffset
      let steady = 0
      let fastest = Infinity
      for (const { gapMs, latencyMs } of list) {
        steady += gapMs
        const vendor = Math.floor((steady + trueOffset) / 1000) * 1000
        steady += latencyMs
        offset = observeDate(offset, vendor, steady)
        fastest = Math.min(fastest, latencyMs)
      }
      expect(offsetMinMs(offset, ours)).toBeLessThanOrEqual(trueOffset)
      expect(offsetMinMs(offset, ours)).toBeGreaterThan(trueOffset - 1000 - fastest - 1)
    }),
  )
})

it('forgets bounds of more than ten minutes ago: a clock may be set meanwhile', () => {
  const first = observeDate(unknownOffset, NOON + 5_000, NOON)
  const later = NOON + 11 * 60_000
  expect(offsetMinMs(observeDate(first, later - 2_000, later), ours)).toBe(-2_000)
})

it('keeps a bounded number of samples', () => {
  let offset = unknownOffset
  for (let i = 0; i < 500; i++) offset = observeDate(offset, NOON + i, NOON + i)
  expect(offset.samples.length).toBeLessThanOrEqual(64)
})
