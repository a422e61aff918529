import type { Transaction } from '../db/database.ts'
import { applyBatch, type ApplyResult, type Batch, type Change, type Mirror } from '../mirror/apply.ts'
import { type Fact, holdsKey, type Refetch, ROW, type Source } from '../sources/contract.ts'
import { fanOut, type Touched } from './fan-out.ts'
import { requestRefetch } from './refetch-queue.ts'

/** One app as the engine runs it: its source, its mirrored tables, and what it derives from them. */
export interface Pipeline {
  readonly app: string
  readonly source: Source
  readonly mirror: Mirror
  readonly derive: ((tx: Transaction, changes: readonly Change[]) => Promise<void>) | undefined
  readonly record: ((tx: Transaction, facts: readonly Fact[]) => Promise<void>) | undefined
}

export interface Absorbed extends ApplyResult {
  /** Rows that were asked for again because of this batch. */
  readonly refetches: number
}

export interface AbsorbOptions {
  /** Of the transaction. */
  readonly attempt: number
  readonly refetches?: readonly Refetch[]
  /** The registers of each changed key, where known; `'all'` for whole rows; undefined asks for nothing. */
  readonly touched?: Touched | undefined
  /** As in `FanOut`. */
  readonly othersAlone?: boolean | undefined
}

/**
 * The one way into the tables, for every lane: merge, derive, and ask again for what shows the changed values
 * elsewhere, in the caller's transaction.
 */
export async function absorb(
  tx: Transaction,
  pipeline: Pipeline,
  batch: Batch,
  options: AbsorbOptions,
): Promise<Absorbed> {
  const result = await applyBatch(tx, pipeline.mirror, batch, options)
  if (result.changes.length > 0) await pipeline.derive?.(tx, result.changes)
  const wanted = [...(options.refetches ?? []), ...doubts(pipeline, result.doubtful)]
  const { touched, othersAlone } = options
  if (touched !== undefined) {
    wanted.push(...(await fanOut(tx, pipeline, result.changes, { touched, othersAlone })))
  }
  const refetches = await requestRefetch(tx, pipeline.app, wanted)
  return { ...result, refetches }
}

function doubts({ source }: Pipeline, doubtful: ApplyResult['doubtful']): Refetch[] {
  return doubtful.flatMap(({ table, key, reason, delayMs = 0 }) => {
    const stream = source.streams.find((s) => s.table === table && holdsKey(s, key))
    return stream === undefined ? [] : [{ stream: stream.id, part: ROW, keys: [key], reason, delayMs }]
  })
}
