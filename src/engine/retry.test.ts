import { expect, it } from 'vitest'
import {
  callRetry,
  eventRetry,
  nextDelayMs,
  refetchRetry,
  type RetryPolicy,
  retryableSqlStates,
} from './retry.ts'

const HOUR = 3_600_000
/** What docs promise of each table: tries, and the least and most time that they span. */
const promises: readonly [string, RetryPolicy, { tries: number; spanMs: readonly [number, number] }][] = [
  ['an event', eventRetry, { tries: 8, spanMs: [3 * HOUR, 5 * HOUR] }],
  ['a call', callRetry, { tries: 6, spanMs: [50_000, 90_000] }],
  ['a refetch', refetchRetry, { tries: 5, spanMs: [30 * 60_000, 50 * 60_000] }],
]

it.each(promises)(
  '%s is tried again as often and as long as promised',
  (_what, policy, { tries, spanMs }) => {
    for (const random of [0, 0.999]) {
      const delays = Array.from({ length: tries }, (_, i) => nextDelayMs(policy, i + 1, random) ?? Number.NaN)
      const span = delays.reduce((sum, ms) => sum + ms, 0)
      expect(span).toBeGreaterThan(spanMs[0])
      expect(span).toBeLessThan(spanMs[1])
      expect(delays).toEqual(delays.toSorted((a, b) => a - b))
      expect(nextDelayMs(policy, tries + 1, random)).toBeUndefined()
    }
  },
)

it('spreads failures over the jitter', () => {
  expect(nextDelayMs(eventRetry, 1, 0)).toBe(1_000)
  expect(nextDelayMs(eventRetry, 1, 0.5)).toBe(1_100)
})

it('runs again only what another transaction got in the way of', () => {
  expect(Object.keys(retryableSqlStates).toSorted()).toEqual(['40001', '40P01', '55P03'])
})
