import type { Faults } from '../faults.ts'
import type { Clock, Item } from '../world/model.ts'

interface Past {
  readonly until: number
  readonly item: Item
}

/** Keeps what items were, for as long as reads lag behind writes. */
export class Replica {
  readonly #faults: Faults
  readonly #clock: Clock
  readonly #past = new Map<number, Past[]>()
  constructor(faults: Faults, clock: Clock) {
    this.#faults = faults
    this.#clock = clock
  }

  keep(item: Item): void {
    const { replicaLagMs } = this.#faults
    if (replicaLagMs <= 0) return
    const kept = this.#past.get(item.id)
    const copy = { until: this.#clock.now() + replicaLagMs, item: { ...item, cells: [...item.cells] } }
    if (kept === undefined) this.#past.set(item.id, [copy])
    else kept.push(copy)
  }

  view(item: Item): Item | undefined {
    const { replicaLagMs } = this.#faults
    if (replicaLagMs <= 0) {
      // The knob at zero is a replica that has caught up.
      this.#past.clear()
      return item
    }
    const now = this.#clock.now()
    if (item.createdAt > now - replicaLagMs) return undefined
    const kept = this.#past.get(item.id)
    if (kept === undefined) return item
    const live = kept.filter((past) => past.until > now)
    if (live.length === 0) this.#past.delete(item.id)
    else this.#past.set(item.id, live)
    return live[0]?.item ?? item
  }
}
