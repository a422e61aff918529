/** What happened to one cached answer since the last report. */
export interface KeyUsage {
  readonly key: string
  readonly label: string | undefined
  hits: number
  misses: number
  /** Milliseconds since 1970: when the answer was read, and when it will be again at the latest. */
  asOf: number | undefined
  expiresAt: number | undefined
  sizeBytes: number | undefined
  loadMs: number | undefined
  /** Why the last reading failed, where it did. */
  error: string | undefined
}

/** Calls of one kind since the last report. */
export interface CallUsage {
  readonly name: string
  readonly label: string | undefined
  readonly hit: boolean
  readonly success: boolean
  calls: number
  totalMs: number
  lastAt: number
}

export interface Report {
  readonly keys: readonly KeyUsage[]
  readonly calls: readonly CallUsage[]
}

export interface Call {
  readonly key: string
  readonly name: string
  readonly label: string | undefined
  readonly hit: boolean
  readonly success: boolean
  readonly ms: number
  readonly at: number
}

/** While reports cannot be made, no more than this is kept for them. */
const KEYS_MAX = 5_000

/** Counts reads in memory until they are reported. */
export class Usage {
  private keys = new Map<string, KeyUsage>()
  private calls = new Map<string, CallUsage>()

  get isEmpty(): boolean {
    return this.keys.size === 0 && this.calls.size === 0
  }

  count({ key, name, label, hit, success, ms, at }: Call): void {
    if (success) this.of(key, label)[hit ? 'hits' : 'misses']++
    const kind = JSON.stringify([name, label, hit, success])
    const known = this.calls.get(kind) ?? { name, label, hit, success, calls: 0, totalMs: 0, lastAt: at }
    known.calls++
    known.totalMs += ms
    known.lastAt = at
    this.calls.set(kind, known)
  }

  /** Says how an answer stands. */
  note(key: string, label: string | undefined, state: Partial<KeyUsage>): void {
    Object.assign(this.of(key, label), state)
  }

  private of(key: string, label: string | undefined): KeyUsage {
    const known = this.keys.get(key) ?? { ...UNKNOWN, key, label }
    this.keys.set(key, known)
    return known
  }

  /** All since the last time; counting begins anew. */
  take(): Report {
    const report = { keys: [...this.keys.values()], calls: [...this.calls.values()] }
    this.keys = new Map()
    this.calls = new Map()
    return report
  }

  /** Takes back a report that could not be made. */
  giveBack({ keys, calls }: Report): void {
    if (keys.length > KEYS_MAX) return
    for (const old of keys) {
      const now = this.of(old.key, old.label)
      now.hits += old.hits
      now.misses += old.misses
      if (now.asOf === undefined) Object.assign(now, { ...old, hits: now.hits, misses: now.misses })
    }
    for (const old of calls) {
      const kind = JSON.stringify([old.name, old.label, old.hit, old.success])
      const now = this.calls.get(kind)
      if (now === undefined) this.calls.set(kind, old)
      else Object.assign(now, { calls: now.calls + old.calls, totalMs: now.totalMs + old.totalMs })
    }
  }
}

const UNKNOWN = {
  hits: 0,
  misses: 0,
  asOf: undefined,
  expiresAt: undefined,
  sizeBytes: undefined,
  loadMs: undefined,
  error: undefined,
}
