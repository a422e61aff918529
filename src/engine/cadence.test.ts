import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nextTurn } from './cadence.ts'

const cadence = { intervalMs: 200, burst: 10 }

/** When each of these calls goes, in the order of asking. */
function goAt(askedAt: readonly number[]): number[] {
  let turn = -Infinity
  return askedAt.map((now) => {
    turn = nextTurn(turn, cadence, now)
    return Math.max(turn, now)
  })
}

it('a few go at once after a pause, the others one after another', () => {
  expect(goAt(Array.from({ length: 12 }, () => 1_000))).toEqual([
    ...Array.from({ length: 10 }, () => 1_000),
    1_200,
    1_400,
  ])
})

it('in any stretch of time there are no more than the burst and what the spacing gives, and nobody waits in vain', () => {
  const gaps = fc.array(fc.nat(2_000), { minLength: 1, maxLength: 80 })
  fc.assert(
    fc.property(gaps, fc.integer({ min: 200, max: 60_000 }), (list, stretchMs) => {
      let now = 0
      const asked = list.map((gap) => (now += gap))
      const went = goAt(asked)
      for (const [i, at] of went.entries()) {
        const within = went.filter((other) => other >= at && other < at + stretchMs).length
        expect(within).toBeLessThanOrEqual(cadence.burst + Math.ceil(stretchMs / cadence.intervalMs))
        expect(at - (asked[i] ?? 0)).toBeLessThanOrEqual(i * cadence.intervalMs)
        if (i > 0) expect(at).toBeGreaterThanOrEqual(went[i - 1] ?? 0)
      }
    }),
  )
})
