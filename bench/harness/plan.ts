import { createRandom } from '../../sim/monday/world/random.ts'
import type { Change } from './customers.ts'

/** Deliveries in order, and what must be left when all of them are applied. */
export interface Plan {
  readonly changes: readonly Change[]
  /** Customer → its last revision; those that were deleted are not in it. */
  readonly live: ReadonlyMap<number, number>
}

/** A prime, so that all customers have their turn, and those of one batch lie apart. */
const STRIDE = 7_919

/**
 * Updates alone, of customers that are there, one as often as the other.
 *
 * @param from how many there were before
 */
export const updates = (count: number, customers: number, from = 0): Change[] =>
  Array.from({ length: count }, (_, i): Change => {
    const n = from + i
    return { kind: 'updated', k: (n * STRIDE) % customers, revision: 1 + Math.floor(n / customers) }
  })

/** Of so many customers, each as it was made. */
export const untouched = (customers: number): Map<number, number> =>
  new Map(Array.from({ length: customers }, (_, k) => [k, 0]))

/** What updates leave, customer → revision. */
export function after(changes: readonly Change[], before: ReadonlyMap<number, number>): Map<number, number> {
  const live = new Map(before)
  for (const { k, revision } of changes) live.set(k, revision)
  return live
}

const DUPLICATES = 0.2
const CREATES = 0.1
const DELETES = 0.04
/** How far behind its original a duplicate comes at the most. */
const BEHIND_MAX = 50

/**
 * Mixed: of the deliveries a fifth repeat one of the last fifty, a tenth create a customer, one in twenty-five deletes
 * one, the rest update one. A duplicate has an event id of its own: otherwise our inbox would have dropped it when it
 * came in, and nothing would be left of it for this benchmark.
 */
export function mixed(count: number, customers: number, seed = 1): Plan {
  const random = createRandom(seed)
  const changes: Change[] = []
  const live = untouched(customers)
  const keys = Array.from({ length: customers }, (_, k) => k)
  let next = customers
  while (changes.length < count) {
    const dice = random.next()
    if (dice < DUPLICATES && changes.length > 0) {
      changes.push(changes[changes.length - 1 - random.int(Math.min(BEHIND_MAX, changes.length))] as Change)
    } else if (dice < DUPLICATES + CREATES) {
      live.set(next, 0)
      keys.push(next)
      changes.push({ kind: 'created', k: next++, revision: 0 })
    } else {
      const place = random.int(keys.length)
      const k = keys[place] as number
      const revision = (live.get(k) ?? 0) + 1
      const deleted = dice < DUPLICATES + CREATES + DELETES
      changes.push({ kind: deleted ? 'deleted' : 'updated', k, revision })
      if (!deleted) live.set(k, revision)
      else {
        live.delete(k)
        keys[place] = keys.at(-1) as number
        keys.pop()
      }
    }
  }
  return { changes, live }
}
