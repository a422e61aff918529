import { setTimeout as sleep } from 'node:timers/promises'
import type { ChangeSource, Mark } from './marks.ts'
import { CHANGED_MS, CHECK_MS, judge, nextLoadAt, PATIENCE_MS, retryMs, TTL_MS, WATCHED_MS } from './rules.ts'
import { type Loading, type Reading, Slot } from './slot.ts'
import { type Report, Usage } from './usage.ts'

/** Time as the cache sees it: milliseconds since 1970, and waiting, which ends early where the signal aborts. */
export interface CacheClock {
  readonly now: () => number
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<unknown>
}

const machineClock: CacheClock = {
  now: () => Date.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
}

export interface ReadCacheOptions {
  readonly changes: ChangeSource
  /** Keeps what the reads were; called every half minute while there are any, and when they end. */
  readonly report: (report: Report) => Promise<void>
  /** Something went on without its effect: a reading failed and an older answer serves, or a report was put off. */
  readonly onError: (what: string, error: unknown) => void
  /** Errors that are the answer, such as that there is no such thing: thrown, and nothing older is shown instead. */
  readonly isAnswer: (error: unknown) => boolean
  readonly clock?: CacheClock
}

export interface Answer<T> {
  readonly value: T
  /** It holds all that was committed before this; milliseconds since 1970. */
  readonly asOf: number
  readonly ageMs: number
  /** It is older than promised, because reading it again failed or takes long. */
  readonly stale: boolean
}

const SLOTS_MAX = 500
/** Readings without anybody waiting for them, at a time: the pool is for others too. */
const BACKGROUND_MAX = 2
const REPORT_MS = 30_000

/**
 * Keeps answers that cost much to read, and reads them again in the background: by age, and when what they show has
 * changed, on whatever node. While nobody reads it asks nothing of the database. `rules.ts` says how old an answer may
 * get; one reading of each key runs at a time.
 */
export class ReadCache {
  private readonly options: ReadCacheOptions
  private readonly clock: CacheClock
  private readonly slots = new Map<string, Slot>()
  private readonly usage = new Usage()
  private readonly ending = new AbortController()
  private background = 0
  private watching: Promise<void> | undefined
  private checking: Promise<void> | undefined
  private checkedAt = -Infinity
  private checkFailures = 0
  private reportAt = 0

  constructor(options: ReadCacheOptions) {
    this.options = options
    this.clock = options.clock ?? machineClock
  }

  /** The answer, as fresh as promised; where it cannot be, an older one, marked as stale; else the reading's error. */
  async read<T>(reading: Reading<T>): Promise<Answer<T>> {
    const began = this.clock.now()
    const { key, name, label } = reading
    const count = (hit: boolean, success: boolean): void => {
      const at = this.clock.now()
      this.usage.count({ key, name, label, hit, success, ms: at - began, at })
    }
    try {
      const slot = this.slotOf(reading)
      slot.readAt = began
      this.watch()
      await this.caughtUp(began)
      const { stale, hit } = await this.settle(slot)
      const { stored } = slot
      if (stored === undefined) throw new Error(`the cache lost "${key}" while it was read`)
      count(hit, true)
      const now = this.clock.now()
      const unsure = now - Math.max(this.checkedAt, stored.asOf) > CHANGED_MS
      const { value, asOf } = stored
      return { value: value as T, asOf, ageMs: now - asOf, stale: stale || unsure }
    } catch (error) {
      count(false, false)
      throw error
    }
  }

  /** What shows this is read again before it is shown again: for who changed it through this process. */
  overwrite(mark: Mark): void {
    for (const slot of this.slots.values()) if (slot.concerns(mark)) slot.writes++
    this.pump()
  }

  /** Resolves when nothing of it runs any more, and what was counted is reported. */
  async stop(): Promise<void> {
    this.ending.abort()
    await this.watching
    await Promise.allSettled([...this.slots.values()].flatMap(({ loading }) => loading?.promise ?? []))
    await this.report()
  }

  private slotOf(reading: Reading<unknown>): Slot {
    const known = this.slots.get(reading.key)
    const slot = known ?? new Slot(reading, reading.ttlMs ?? TTL_MS)
    // The map's order is that of the last reads.
    this.slots.delete(reading.key)
    this.slots.set(reading.key, slot)
    if (known === undefined && this.slots.size > SLOTS_MAX) {
      const oldest = [...this.slots.values()].find(({ loading }) => loading === undefined)
      if (oldest !== undefined) this.slots.delete(oldest.reading.key)
    }
    return slot
  }

  /** Waits, where it must, for something to show. A hit is what nobody waited for. */
  private async settle(slot: Slot): Promise<{ stale: boolean; hit: boolean }> {
    const now = this.clock.now()
    const { kept } = slot
    const verdict = kept === undefined ? 'dead' : judge(kept, now)
    if (verdict === 'due') this.pump()
    if (verdict === 'fresh' || verdict === 'due') return { stale: false, hit: true }
    if (verdict === 'dead') {
      await this.load(slot)
      return { stale: false, hit: false }
    }
    // What failed a moment ago is not tried by everybody who asks.
    if (now < slot.retryAt) return { stale: true, hit: true }
    const fresh = await this.within(
      this.load(slot).then(
        () => true,
        (error: unknown) => {
          if (this.options.isAnswer(error)) throw error
          return false
        },
      ),
    )
    return { stale: fresh !== true, hit: false }
  }

  /** The promise's value; undefined where it takes longer than anybody should wait. */
  private async within<T>(promise: Promise<T>): Promise<T | undefined> {
    const waited = new AbortController()
    const late = this.clock.sleep(PATIENCE_MS, waited.signal).then(
      () => undefined,
      () => undefined,
    )
    try {
      return await Promise.race([promise, late])
    } finally {
      waited.abort()
    }
  }

  /** Reads it, or waits for the reading under way; one that began before a write from here does not show it. */
  private async load(slot: Slot): Promise<void> {
    const { loading } = slot
    if (loading === undefined) return this.start(slot).promise
    if (loading.writes === slot.writes) return loading.promise
    await loading.promise.catch(() => {})
    return this.load(slot)
  }

  private start(slot: Slot): Loading {
    const { changes, writes } = slot
    const promise = this.run(slot, { changes, writes }).finally(() => (slot.loading = undefined))
    // Who waits for it has the error too; in the background nobody does.
    promise.catch(() => {})
    slot.loading = { promise, writes }
    return slot.loading
  }

  private async run(slot: Slot, known: { changes: number; writes: number }): Promise<void> {
    const { key, label, load } = slot.reading
    const asOf = this.clock.now()
    try {
      const { value, scope } = await load(asOf)
      const loadMs = this.clock.now() - asOf
      const sizeBytes = Buffer.byteLength(JSON.stringify(value) ?? '')
      slot.stored = { value, asOf, loadMs, sizeBytes, ...known }
      slot.scope = scope
      slot.failures = 0
      slot.retryAt = 0
      const state = { asOf, expiresAt: asOf + slot.ttlMs, sizeBytes, loadMs, error: undefined }
      this.usage.note(key, label, state)
    } catch (error) {
      this.failed(slot, error)
      throw error
    }
  }

  private failed(slot: Slot, error: unknown): void {
    const { key, label } = slot.reading
    if (this.options.isAnswer(error)) {
      this.slots.delete(key)
      return
    }
    slot.failures++
    slot.retryAt = this.clock.now() + retryMs(slot.failures)
    this.usage.note(key, label, { error: error instanceof Error ? error.message : String(error) })
    this.options.onError(`reading ${key}`, error)
  }

  /** Starts readings that are due of what somebody watches, the oldest answers first. */
  private pump(): void {
    if (this.background >= BACKGROUND_MAX || this.ending.signal.aborted) return
    const now = this.clock.now()
    const due = [...this.slots.values()]
      .filter((slot) => isDue(slot, now))
      .sort((a, b) => (a.stored?.asOf ?? 0) - (b.stored?.asOf ?? 0))
    for (const slot of due.slice(0, BACKGROUND_MAX - this.background)) {
      this.background++
      void this.inBackground(slot)
    }
  }

  private async inBackground(slot: Slot): Promise<void> {
    await Promise.allSettled([this.start(slot).promise])
    this.background--
    this.pump()
  }

  /** Asks each second what changed, for as long as anybody reads. */
  private watch(): void {
    if (this.watching === undefined && !this.ending.signal.aborted) this.watching = this.untilUnwatched()
  }

  private async untilUnwatched(): Promise<void> {
    const { signal } = this.ending
    this.reportAt = this.clock.now() + REPORT_MS
    while (!signal.aborted && this.isWatched()) {
      this.checking = this.check()
      await this.checking
      this.pump()
      if (this.clock.now() >= this.reportAt) await this.report()
      await this.clock.sleep(CHECK_MS, signal).catch(() => {})
    }
    if (!signal.aborted) await this.report()
    this.watching = undefined
    // Somebody may have come during the report.
    if (this.isWatched()) this.watch()
  }

  private isWatched(): boolean {
    const now = this.clock.now()
    for (const slot of this.slots.values()) if (now - slot.readAt < WATCHED_MS) return true
    return false
  }

  private async check(): Promise<void> {
    const asked = this.clock.now()
    try {
      const { all, marks } = await this.options.changes.poll()
      for (const slot of this.slots.values())
        if (all || marks.some((mark) => slot.concerns(mark))) slot.changes++
      this.checkedAt = asked
      this.checkFailures = 0
    } catch (error) {
      // Anything may have changed, then.
      for (const slot of this.slots.values()) slot.changes++
      this.checkFailures++
      if (this.checkFailures === 1) this.options.onError('asking what changed', error)
    }
  }

  /** Waits until it is known what changed up to a moment ago, or cannot be. */
  private async caughtUp(now: number): Promise<void> {
    if (now - this.checkedAt <= 2 * CHECK_MS || this.checkFailures > 0) return
    await this.within(this.checking ?? Promise.resolve())
  }

  private async report(): Promise<void> {
    this.reportAt = this.clock.now() + REPORT_MS
    if (this.usage.isEmpty) return
    const report = this.usage.take()
    try {
      await this.options.report(report)
    } catch (error) {
      this.usage.giveBack(report)
      this.options.onError('keeping the figures of the cache', error)
    }
  }
}

function isDue(slot: Slot, now: number): boolean {
  const { kept, loading, readAt, retryAt } = slot
  if (kept === undefined || loading !== undefined || now - readAt >= WATCHED_MS || now < retryAt) return false
  const verdict = judge(kept, now)
  return (verdict === 'due' || verdict === 'late') && now >= nextLoadAt(kept)
}
