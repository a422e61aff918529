import fc from 'fast-check'
import { expect, it } from 'vitest'
import { decide, merge, type Registers } from './merge.ts'
import { DELETED, type Json } from './observation.ts'
import { NEVER, stamp, type Stamp } from './stamp.ts'

const stampOf = (at: number): Stamp => (at === 0 ? NEVER : stamp({ at, seen: 0, n: 0 }))
/** Few moments, so that equal ones and every order of them come up. */
const moment = fc.integer({ min: 0, max: 4 }).map(stampOf)
const columns = ['a', 'b', 'c']
const vendorColumns = ['x', 'y', 'z']
const some = (names: string[]): fc.Arbitrary<string[]> => fc.subarray(names)

/** A state whose every value tells the stamp of its register, as in life: equal stamps carry equal values. */
const state = (whole: boolean): fc.Arbitrary<Registers> =>
  fc
    .record({
      base: whole ? fc.integer({ min: 1, max: 4 }).map(stampOf) : fc.constant(NEVER),
      own: fc.dictionary(
        fc.constantFrom(...columns, ...vendorColumns.map((name) => `+${name}`), DELETED),
        moment,
      ),
      held: some(columns),
      extraHeld: some(vendorColumns),
    })
    .map(({ base, own, held, extraHeld }) => {
      const stamps = Object.fromEntries(Object.entries(own).filter(([, at]) => at !== base))
      const at = (register: string): Stamp => stamps[register] ?? base
      const told = (names: string[], prefix: string): Record<string, Json> =>
        Object.fromEntries(
          names.flatMap((name) => (at(prefix + name) === NEVER ? [] : [[name, at(prefix + name)]])),
        )
      // What the vendor has is decided by the moment too: a value is there, or is not, at every one alike.
      return {
        key: 'k',
        base,
        stamps,
        values: told(held, ''),
        extra: told(extraHeld, '+'),
        deleted: false,
      }
    })

it('decides by stamps alone what a merge would make of the values', () => {
  fc.assert(
    fc.property(state(true), fc.boolean().chain(state), (known, incoming) => {
      const merged = merge(known, incoming)
      const decision = decide(known, incoming)
      if (decision === undefined) {
        expect(merged).toEqual({ ...known, stamps: merged.stamps })
        return
      }
      const { whole, keys, values: told } = decision.extra
      const kept = Object.entries(known.extra).filter(([key]) => keys.includes(key) === whole)
      const won = Object.entries(incoming.values).filter(([column]) => !decision.losing.includes(column))
      expect(won).toHaveLength(decision.winning)
      expect(decision.base).toBe(merged.base)
      expect(decision.stamps).toEqual(merged.stamps)
      expect({ ...Object.fromEntries(kept), ...told }).toEqual(merged.extra)
      // A column that wins without a value is one that nobody observed.
      const unobserved = Object.keys(known.values).filter((column) => !(column in merged.values))
      const before = Object.entries(known.values).filter(([column]) => !unobserved.includes(column))
      expect({ ...Object.fromEntries(before), ...Object.fromEntries(won) }).toEqual(merged.values)
    }),
    { numRuns: 5_000 },
  )
})
