import fc from 'fast-check'
import { expect, it } from 'vitest'
import { emptyLatencies, LATENCY_BOUNDS_MS, latencyPlace, latencyQuantileMs } from './latency.ts'

it('a quantile of the histogram is near that of the durations themselves', () => {
  const durations = fc.array(fc.double({ min: 0.1, max: 40_000, noNaN: true }), {
    minLength: 1,
    maxLength: 200,
  })
  fc.assert(
    fc.property(durations, fc.constantFrom(0.5, 0.95, 0.99, 1), (given, q) => {
      const counts = emptyLatencies()
      for (const ms of given) counts[latencyPlace(ms)]!++
      const sorted = [...given].sort((a, b) => a - b)
      const exact = sorted[Math.max(0, Math.ceil(q * given.length) - 1)] ?? Number.NaN
      const found = latencyQuantileMs(counts, q) ?? Number.NaN
      const place = latencyPlace(exact)
      expect(found).toBeGreaterThanOrEqual(place === 0 ? 0 : (LATENCY_BOUNDS_MS[place - 1] ?? 0))
      expect(found).toBeLessThanOrEqual(LATENCY_BOUNDS_MS[place] ?? 40_960)
    }),
  )
})

it('nothing measured is not zero; what is beyond the last bound is that bound at least', () => {
  expect(latencyQuantileMs(emptyLatencies(), 0.95)).toBeUndefined()
  const counts = emptyLatencies()
  counts[latencyPlace(1e9)] = 3
  expect(latencyQuantileMs(counts, 0.5)).toBe(LATENCY_BOUNDS_MS.at(-1))
})
