import { describe, expect, inject, it } from 'vitest'
import { availableParallelism } from 'node:os'
import { mutations } from '../../sim/chaos/mutations.ts'
import { type Asked, describeFailure, runSeeds } from '../../sim/chaos/seeds.ts'

/** Planted bug → a seed at or after which it shows soon, and what it then shows as. */
const shows: Readonly<Record<string, { from: number; as: RegExp }>> = {
  'no-tie-rule': { from: 20, as: /≠|missing|not at the vendor/ },
  'no-tombstone': { from: 1, as: /≠|missing|not at the vendor/ },
  'no-settle': { from: 1, as: /≠|missing|not at the vendor/ },
  'no-floor': { from: 1, as: /≠|missing|not at the vendor/ },
  'settle-outside': { from: 1, as: /counted/ },
  'absence-as-delete': { from: 1, as: /missing/ },
}
const SEEDS_MAX = 120

const ask = (from: number, seeds: number, mutation?: string): Asked => ({
  seed: from,
  seeds,
  steps: 80,
  endsAt: Infinity,
  mutation,
  jobs: availableParallelism(),
  all: false,
})

describe('a bug planted on purpose is found', () => {
  it.each(Object.keys(mutations))(
    '%s',
    async (name) => {
      const { from, as } = shows[name] ?? { from: 1, as: /./ }
      const url = inject('postgresUrl')
      const { failed } = await runSeeds(ask(from, SEEDS_MAX, name), url, () => {})
      const [found] = failed
      expect(found?.failure?.message).toMatch(as)
      // The bug, not the seed: the same seed passes without it.
      const sound = ask(found?.seed ?? from, 1)
      const without = await runSeeds(sound, url, () => {})
      expect(without.failed.map((told) => describeFailure(sound, told))).toEqual([])
    },
    180_000,
  )
})
