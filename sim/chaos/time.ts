import type { Clock } from '../../src/sources/contract.ts'
import type { Random } from '../monday/world/random.ts'

/** A call takes up to this long, half of it on the way there. */
const LATENCY_MAX_MS = 60

/**
 * Time stands still until somebody moves it, so that a run of days takes a part of a second and a seed gives one run
 * on any machine. Three clocks show it: the vendor's, ours, and the database's, each with an offset of its own.
 */
export class VirtualTime {
  readonly #startMs: number
  #nowMs: number
  ourOffsetMs = 0
  databaseOffsetMs = 0
  /** What the database was last set to. */
  databaseShownMs = -1
  readonly #random: Random

  constructor(random: Random, startMs: number) {
    this.#random = random
    this.#startMs = startMs
    this.#nowMs = startMs
  }

  get nowMs(): number {
    return this.#nowMs
  }

  advance(ms: number): void {
    this.#nowMs += Math.max(0, Math.ceil(ms))
  }

  #look(): number {
    this.advance(this.#random.int(LATENCY_MAX_MS / 2))
    const now = this.#nowMs
    this.advance(this.#random.int(LATENCY_MAX_MS / 2))
    return now
  }

  /** Before the vendor's own offset, which is a fault of the simulator's. */
  readonly vendor = { now: (): number => this.#nowMs }

  /** Looking at it takes time: it is looked at before a request is sent and after its answer came. */
  readonly ours: Clock = {
    now: () => this.#look() + this.ourOffsetMs,
    steady: () => this.#look() - this.#startMs,
    sleep: (ms, signal) => {
      signal?.throwIfAborted()
      this.advance(ms)
      return Promise.resolve()
    },
  }
}
