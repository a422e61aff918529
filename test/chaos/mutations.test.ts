import { describe, expect, inject, it } from 'vitest'
import { availableParallelism } from 'node:os'
import { mutations } from '../../sim/chaos/mutations.ts'
import type { Profile } from '../../sim/chaos/run.ts'
import { type Asked, describeFailure, runSeeds } from '../../sim/chaos/seeds.ts'

/** Planted bug → in which kind of run it shows soonest, and as what. */
const shows: Readonly<Record<string, { in: Profile; as: RegExp }>> = {
  'no-tie-rule': { in: 'live', as: /≠/ },
  'no-tombstone': { in: 'live', as: /≠|not at the vendor/ },
  'no-settle': { in: 'lagging', as: /≠/ },
  'no-floor': { in: 'live', as: /≠/ },
  'settle-outside': { in: 'live', as: /were counted/ },
  'absence-as-delete': { in: 'lagging', as: /missing/ },
}
const SEEDS_MAX = 120

const ask = (seed: number, seeds: number, profile: Profile | undefined, mutation?: string): Asked => ({
  seed,
  seeds,
  steps: 80,
  endsAt: Infinity,
  mutation,
  profile,
  jobs: availableParallelism(),
  all: false,
})

describe('a bug planted on purpose is found', () => {
  it.each(Object.keys(mutations))(
    '%s',
    async (name) => {
      const { in: profile, as } = shows[name] ?? { in: undefined, as: /./ }
      const url = inject('postgresUrl')
      const { failed } = await runSeeds(ask(1, SEEDS_MAX, profile, name), url, () => {})
      const [found] = failed
      expect(found?.failure?.message).toMatch(as)
      // The bug, not the seed: the same seed passes without it.
      const sound = ask(found?.seed ?? 1, 1, profile)
      const without = await runSeeds(sound, url, () => {})
      expect(without.failed.map((told) => describeFailure(sound, told))).toEqual([])
    },
    180_000,
  )
})
