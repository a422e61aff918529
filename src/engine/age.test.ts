import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dueAt, phaseOf } from './age.ts'

const MINUTE = 60_000
const maxAgeMs = 5 * MINUTE

describe('when a stream is due', () => {
  it('before it is as old as it may get, whenever it was read and whatever its turn is', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 41 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        fc.integer({ min: 1_000, max: 86_400_000 }),
        (beganAt, phase, age) => {
          const due = dueAt({ beganAt, triedAt: undefined }, { maxAgeMs: age, phase })
          expect(due).toBeLessThanOrEqual(beganAt + age * 0.9 + 1)
          expect(due).toBeGreaterThanOrEqual(beganAt + age * 0.9 * 0.75 - 1)
        },
      ),
    )
  })

  it('read at one moment, 49 streams have drawn apart after a few periods and stay so', () => {
    const start = 1_760_000_000_000
    const streams = Array.from({ length: 49 }, (_, i) => ({
      phase: phaseOf(`send/${i + 2}/sender-emails`),
      beganAt: start,
    }))
    for (let round = 0; round < 8; round++)
      for (const stream of streams)
        // Each waits a little for its turn among the others.
        stream.beganAt = dueAt({ ...stream, triedAt: undefined }, { ...stream, maxAgeMs }) + 700
    const period = maxAgeMs * 0.9
    const bins = Array.from({ length: 6 }, () => 0)
    for (const { beganAt } of streams) {
      const bin = Math.floor(((beganAt % period) / period) * bins.length)
      bins[bin] = (bins[bin] ?? 0) + 1
    }
    expect(Math.max(...bins)).toBeLessThanOrEqual(16)
    expect(Math.min(...bins)).toBeGreaterThanOrEqual(2)
  })

  it('one that could not be read rests for a minute, or its age where that is less', () => {
    const state = { beganAt: 0, triedAt: 20 * MINUTE }
    expect(dueAt(state, { maxAgeMs, phase: 0.5 })).toBe(21 * MINUTE)
    expect(dueAt(state, { maxAgeMs: 10_000, phase: 0.5 })).toBe(20 * MINUTE + 10_000)
  })

  it('the turn of an id is the same everywhere', () => {
    expect(phaseOf('send/2/campaigns')).toBe(phaseOf('send/2/campaigns'))
    expect(phaseOf('send/2/campaigns')).not.toBe(phaseOf('send/3/campaigns'))
  })
})
