import { emptyLatencies, latencyPlace } from '../engine/latency.ts'
import type { CallNote, SourceStore } from './contract.ts'

export interface EndedCall {
  readonly account: string
  readonly endedAtMs: number
  readonly tookMs: number
  /** `rejected`: asked too much. Undefined for a call that was answered, also with a no. */
  readonly failure: 'rejected' | { readonly error: string } | undefined
}

export const SLOT_MS = 300_000
/** So that a call costs no statement of its own. */
const KEEP_MS = 5_000
const ERROR_MAX = 300

type Mutable<T> = { -readonly [K in keyof T]: T[K] }
type Note = Mutable<Omit<CallNote, 'latencies'>> & { readonly latencies: number[] }

/** Counts the calls of this process, by account and five minutes, and gives them to the store every few seconds. */
export class CallNotes {
  private readonly store: SourceStore
  private notes = new Map<string, Note>()
  private keptAtMs = -Infinity

  constructor(store: SourceStore) {
    this.store = store
  }

  /** Notes a call; where the last time is some seconds ago, gives all to the store. */
  async add(call: EndedCall): Promise<void> {
    this.count(call)
    if (Math.abs(call.endedAtMs - this.keptAtMs) < KEEP_MS) return
    this.keptAtMs = call.endedAtMs
    await this.flush()
  }

  /** Gives what was noted to the store; what it cannot take is given again later. */
  async flush(): Promise<void> {
    const taken = [...this.notes.values()]
    if (taken.length === 0) return
    this.notes = new Map()
    try {
      await this.store.noteCalls(taken)
    } catch (error) {
      const since = [...this.notes.values()]
      this.notes = new Map()
      for (const note of [...taken, ...since]) this.merge(note)
      throw error
    }
  }

  private noteOf(account: string, slotMs: number): Note {
    const key = `${slotMs} ${account}`
    const known = this.notes.get(key)
    if (known !== undefined) return known
    const fresh: Note = {
      account,
      slotMs,
      calls: 0,
      errors: 0,
      rejected: 0,
      latencies: emptyLatencies(),
      succeededAtMs: undefined,
      failedAtMs: undefined,
      failuresInARow: 0,
      error: undefined,
    }
    this.notes.set(key, fresh)
    return fresh
  }

  private count({ account, endedAtMs, tookMs, failure }: EndedCall): void {
    const note = this.noteOf(account, Math.floor(endedAtMs / SLOT_MS) * SLOT_MS)
    if (failure === 'rejected') {
      note.rejected++
      return
    }
    note.calls++
    const place = latencyPlace(tookMs)
    note.latencies[place] = (note.latencies[place] ?? 0) + 1
    if (failure === undefined) {
      note.succeededAtMs = endedAtMs
      note.failuresInARow = 0
      return
    }
    note.errors++
    note.failedAtMs = endedAtMs
    note.failuresInARow++
    note.error = failure.error.slice(0, ERROR_MAX)
  }

  private merge(later: Note): void {
    const note = this.noteOf(later.account, later.slotMs)
    note.calls += later.calls
    note.errors += later.errors
    note.rejected += later.rejected
    for (const [place, n] of later.latencies.entries())
      note.latencies[place] = (note.latencies[place] ?? 0) + n
    note.failuresInARow =
      later.succeededAtMs === undefined ? note.failuresInARow + later.failuresInARow : later.failuresInARow
    note.succeededAtMs = later.succeededAtMs ?? note.succeededAtMs
    note.failedAtMs = later.failedAtMs ?? note.failedAtMs
    note.error = later.error ?? note.error
  }
}
