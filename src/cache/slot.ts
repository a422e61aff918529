import type { Mark } from './marks.ts'
import type { Kept } from './rules.ts'

/** One thing that is read through the cache. */
export interface Reading<T> {
  /** Tells it from all others; always with the same `load`. */
  readonly key: string
  /** What it is called in the log of calls, and of whom it tells, where it is of one. */
  readonly name: string
  readonly label?: string | undefined
  /** Changes of these concern it. */
  readonly topics: readonly string[]
  /** Milliseconds; 60 seconds unless said otherwise. */
  readonly ttlMs?: number | undefined
  /** Reads it, at a time in milliseconds since 1970. */
  readonly load: (now: number) => Promise<Loaded<T>>
}

export interface Loaded<T> {
  readonly value: T
  /** Whose changes concern it; without, everybody's. */
  readonly scope?: string | undefined
}

interface Stored {
  readonly value: unknown
  readonly asOf: number
  readonly loadMs: number
  readonly sizeBytes: number
  readonly changes: number
  readonly writes: number
}

export interface Loading {
  readonly promise: Promise<void>
  readonly writes: number
}

/** What is kept of one reading. */
export class Slot {
  readonly reading: Reading<unknown>
  readonly ttlMs: number
  /** Of the last answer; until there is one, everybody's changes concern it. */
  scope: string | undefined
  stored: Stored | undefined
  loading: Loading | undefined
  readAt = 0
  failures = 0
  retryAt = 0
  /** Changes that were learnt of, and those made from here: an answer knows how many there were when it was begun. */
  changes = 0
  writes = 0

  constructor(reading: Reading<unknown>, ttlMs: number) {
    this.reading = reading
    this.ttlMs = ttlMs
  }

  get kept(): Kept | undefined {
    const { stored, ttlMs } = this
    if (stored === undefined) return undefined
    const { asOf, loadMs } = stored
    const changed = this.changes > stored.changes
    return { asOf, loadMs, ttlMs, changed, overwritten: this.writes > stored.writes }
  }

  concerns({ topic, scope }: Mark): boolean {
    const ours = this.scope === undefined || scope === '' || scope === this.scope
    return ours && this.reading.topics.includes(topic)
  }
}
