import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type ClockOffset, observeDate, offsetMinMs, unknownOffset } from './clock-offset.ts'

const NOON = Date.UTC(2026, 10, 20, 12)

it('before any response, is so low that no read can hide an event', () => {
  expect(offsetMinMs(unknownOffset)).toBe(-3_600_000)
})

it('is never above the true offset, and comes within a second and the fastest answer of it', () => {
  const answers = fc.array(fc.record({ gapMs: fc.nat(20_000), latencyMs: fc.nat(3_000) }), {
    minLength: 1,
    maxLength: 20,
  })
  fc.assert(
    fc.property(fc.integer({ min: -7_200_000, max: 7_200_000 }), answers, (trueOffset, list) => {
      let offset: ClockOffset = unknownOffset
      let ours = NOON
      let fastest = Infinity
      for (const { gapMs, latencyMs } of list) {
        ours += gapMs
        const vendor = Math.floor((ours + trueOffset) / 1000) * 1000
        ours += latencyMs
        offset = observeDate(offset, vendor, ours)
        fastest = Math.min(fastest, latencyMs)
      }
      expect(offsetMinMs(offset)).toBeLessThanOrEqual(trueOffset)
      expect(offsetMinMs(offset)).toBeGreaterThan(trueOffset - 1000 - fastest - 1)
    }),
  )
})

it('forgets bounds of more than ten minutes ago: a clock may be set meanwhile', () => {
  const first = observeDate(unknownOffset, NOON + 5_000, NOON)
  const later = NOON + 11 * 60_000
  expect(offsetMinMs(observeDate(first, later - 2_000, later))).toBe(-2_000)
})

it('keeps a bounded number of samples', () => {
  let offset = unknownOffset
  for (let i = 0; i < 500; i++) offset = observeDate(offset, NOON + i, NOON + i)
  expect(offset.samples.length).toBeLessThanOrEqual(64)
})
