import { afterAll, describe, expect, inject, it } from 'vitest'
import { availableParallelism } from 'node:os'
import { kinds } from '../../sim/chaos/kinds.ts'
import type { Profile } from '../../sim/chaos/profile.ts'
import { type Asked, describeFailure, runSeeds, tidyUp } from '../../sim/chaos/seeds.ts'

interface Shown {
  readonly in: Profile
  readonly as: RegExp
  /** The seed to begin with, where the first ones show nothing. */
  readonly from?: number
}

/** Planted bug → in which kind of run it shows soonest, and as what. */
const shows: Readonly<Record<string, Readonly<Record<string, Shown>>>> = {
  monday: {
    'no-tie-rule': { in: 'live', as: /≠/, from: 4 },
    'no-tombstone': { in: 'live', as: /≠|not at the vendor/, from: 15 },
    'no-settle': { in: 'lagging', as: /≠/ },
    'no-floor': { in: 'live', as: /≠/ },
    'settle-outside': { in: 'live', as: /were counted/ },
    'absence-as-delete': { in: 'lagging', as: /missing/, from: 15 },
  },
  'email-bison': {
    'count-per-delivery': { in: 'live', as: /count .* ≠|counts more than once/ },
    'no-gap-filling': { in: 'storm', as: /count .* ≠/ },
    'machine-decides': { in: 'live', as: /a machine lowered a stage|stage: .* ≠/, from: 14 },
    'utc-days': { in: 'live', as: /count .* ≠/, from: 4 },
    'marks-count-each': { in: 'storm', as: /lead_interested: .* ≠|counts more than once/, from: 8 },
  },
}
const SEEDS_MAX = 120

const ask = (world: string, seed: number, seeds: number, profile: Profile, mutation?: string): Asked => ({
  seed,
  seeds,
  steps: 80,
  endsAt: Infinity,
  mutation,
  profile,
  world,
  jobs: availableParallelism(),
  all: false,
})

afterAll(() => tidyUp(inject('postgresUrl')))

describe.each(kinds)('a bug planted on purpose in $name is found', ({ name: world, mutations }) => {
  it.each(Object.keys(mutations))(
    '%s',
    async (name) => {
      const expected = shows[world]?.[name]
      if (expected === undefined) throw new Error(`say in which runs ${name} shows`)
      const url = inject('postgresUrl')
      const { from = 1 } = expected
      const { failed } = await runSeeds(ask(world, from, SEEDS_MAX, expected.in, name), url, () => {})
      const [found] = failed
      expect(found?.failure?.message).toMatch(expected.as)
      // The bug, not the seed: the same seed passes without it.
      const sound = ask(world, found?.seed ?? from, 1, expected.in)
      const without = await runSeeds(sound, url, () => {})
      expect(without.failed.map((told) => describeFailure(sound, told))).toEqual([])
    },
    180_000,
  )
})
