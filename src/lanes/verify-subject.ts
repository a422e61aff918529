import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../db/database.ts'
import type { TableSpec } from '../mirror/table-spec.ts'
import type { Stream } from '../sources/contract.ts'
import { holdLease } from './lease.ts'
import type { Pipeline } from './pipeline.ts'

/** What a verification is about, and the bounds that it keeps. */
export interface Subject {
  readonly db: Database
  readonly pipeline: Pipeline
  readonly stream: Stream
  readonly spec: TableSpec
  readonly run: string
  readonly lease: string
  readonly signal: AbortSignal
  /** Serves the requests that are due, where this pass may write. */
  readonly serve: () => Promise<void>
  /** How long a difference must last to count: longer than an event or a request is on its way. */
  readonly settleMs: number
  /** Beyond that, how long events and requests that wait may take. */
  readonly patienceMs: number
  /** How long a row is read again until it outranks what is stored. */
  readonly mendMs: number
  /** Rows changed at the vendor after this are read by the next delta, their computed columns with them; µs. */
  readonly deltaMark: number
}

const NAP_MAX_MS = 10_000

/** Waits and keeps the lease. */
export async function nap({ db, lease, signal }: Subject, ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= NAP_MAX_MS) {
    await sleep(Math.min(left, NAP_MAX_MS), undefined, { signal })
    await holdLease(db, lease)
  }
}

export function* chunks<T>(items: readonly T[], size: number): Generator<T[]> {
  for (let at = 0; at < items.length; at += size) yield items.slice(at, at + size)
}
