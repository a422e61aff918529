import { afterAll, describe, expect, inject, it } from 'vitest'
import { availableParallelism } from 'node:os'
import { type Asked, describeFailure, runSeeds, tidyUp } from '../../sim/chaos/seeds.ts'

const ask = (world: string, seeds: number): Asked => ({
  seed: 1,
  seeds,
  steps: 80,
  endsAt: Infinity,
  mutation: undefined,
  profile: undefined,
  world,
  jobs: availableParallelism(),
  all: false,
})

afterAll(() => tidyUp(inject('postgresUrl')))

describe('a fixed set of seeds: whatever went wrong, the mirror ends equal to the vendor', () => {
  it.each([
    ['monday', 40],
    ['email-bison', 14],
  ])(
    '%s',
    async (world, count) => {
      const asked = ask(world, count)
      const { failed, seeds, figures } = await runSeeds(asked, inject('postgresUrl'), () => {})
      expect(failed.map((told) => describeFailure(asked, told))).toEqual([])
      expect(seeds).toBe(count)
      // A run that never met a fault, a death or a difference to look for would pass as well.
      expect(figures.faults).toBeGreaterThan(25 * count)
      expect(figures.kills).toBeGreaterThan(count / 2)
      expect(figures.cells).toBeGreaterThan(125 * count)
    },
    180_000,
  )
})
