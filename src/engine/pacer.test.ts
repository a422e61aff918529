import fc from 'fast-check'
import { expect, it } from 'vitest'
import { paceWaitMs, spend, unhurried } from './pacer.ts'

const NOON = Date.UTC(2026, 10, 20, 12)

it('waits exactly until enough of the last minute has passed', () => {
  const pace = spend(spend(unhurried, 60, NOON), 40, NOON + 10_000)
  expect(paceWaitMs(pace, 100, 1, NOON + 20_000)).toBe(40_000)
  expect(paceWaitMs(pace, 100, 61, NOON + 20_000)).toBe(50_000)
  expect(paceWaitMs(pace, 100, 60, NOON + 60_000)).toBe(0)
})

it('lets a weight over the limit through alone, in an empty window', () => {
  expect(paceWaitMs(unhurried, 100, 5_000, NOON)).toBe(0)
  const pace = spend(unhurried, 1, NOON)
  expect(paceWaitMs(pace, 100, 5_000, NOON + 1)).toBe(59_999)
})

it('keeps every sixty seconds under the limit, and always comes to an end', () => {
  const wishes = fc.array(fc.record({ gap: fc.nat(20_000), weight: fc.integer({ min: 1, max: 50 }) }), {
    maxLength: 60,
  })
  fc.assert(
    fc.property(fc.integer({ min: 50, max: 200 }), wishes, (limit, list) => {
      let pace = unhurried
      let now = NOON
      const spent: { at: number; weight: number }[] = []
      for (const { gap, weight } of list) {
        now += gap
        const wait = paceWaitMs(pace, limit, weight, now)
        expect(wait).toBeLessThanOrEqual(60_000)
        now += wait
        expect(paceWaitMs(pace, limit, weight, now)).toBe(0)
        pace = spend(pace, weight, now)
        spent.push({ at: now, weight })
      }
      for (const { at } of spent) {
        const window = spent.filter((s) => s.at > at - 60_000 && s.at <= at)
        expect(window.reduce((sum, s) => sum + s.weight, 0)).toBeLessThanOrEqual(limit)
      }
    }),
  )
})
