import { expect, inject, it } from 'vitest'
import { availableParallelism } from 'node:os'
import { type Asked, describeFailure, runSeeds } from '../../sim/chaos/seeds.ts'

const FIXED: Asked = {
  seed: 1,
  seeds: 40,
  steps: 80,
  endsAt: Infinity,
  mutation: undefined,
  profile: undefined,
  jobs: availableParallelism(),
  all: false,
}

it('a fixed set of seeds: whatever went wrong, the mirror ends equal to the vendor', async () => {
  const { failed, seeds, figures } = await runSeeds(FIXED, inject('postgresUrl'), () => {})
  expect(failed.map((told) => describeFailure(FIXED, told))).toEqual([])
  expect(seeds).toBe(FIXED.seeds)
  // A run that never met a fault, a death or a difference to look for would pass as well.
  expect(figures.faults).toBeGreaterThan(1_000)
  expect(figures.kills).toBeGreaterThan(20)
  expect(figures.cells).toBeGreaterThan(5_000)
}, 180_000)
