import type { Clock } from '../world/model.ts'

const TTL_MS = 60 * 60_000
/** One chain over a full board holds 33,000 ids; older chains are forgotten, as if they had expired. */
const CHAINS_MAX = 200

export interface Chain {
  readonly ids: readonly number[]
  readonly startedAt: number
}

/**
 * A chain of pages walks the ids its first page found. It expires a fixed time after that first page, however recently
 * it was read; a page may be asked for again.
 */
export class Cursors {
  readonly #clock: Clock
  readonly #chains = new Map<number, Chain>()
  #next: number
  constructor(clock: Clock) {
    this.#clock = clock
    // Not from 1: a cursor kept over a restart of the simulator must not name a chain of the new one.
    this.#next = Math.floor(clock.now() / 1000)
  }

  open(ids: readonly number[]): number {
    if (this.#chains.size >= CHAINS_MAX) this.#chains.delete(this.#chains.keys().next().value as number)
    const id = this.#next++
    this.#chains.set(id, { ids, startedAt: this.#clock.now() })
    return id
  }

  token(chain: number, offset: number): string {
    return `MSw${Buffer.from(`${chain}:${offset}:${chain * 7919 + offset}`).toString('base64url')}`
  }

  /** The chain and where its next page begins; `expired` and `unknown` are different errors to the vendor. */
  find(token: string): { chain: Chain; id: number; offset: number } | 'expired' | 'unknown' {
    const [id, offset, check] = Buffer.from(token.slice(3), 'base64url').toString().split(':').map(Number)
    if (id === undefined || offset === undefined || check !== id * 7919 + offset) return 'unknown'
    const chain = this.#chains.get(id)
    if (chain === undefined || this.#clock.now() - chain.startedAt > TTL_MS) return 'expired'
    return { chain, id, offset }
  }
}
