import type { Database } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import { ROW, type Stream } from '../sources/contract.ts'
import { backfill } from './backfill.ts'
import { delta } from './delta.ts'
import type { Pipeline } from './pipeline.ts'
import type { Run } from './runs.ts'

/** A stream that could not be read is tried again after this, or its own age where that is less. */
const RETRY_MS = 60_000
/** Streams read side by side: the vendor's budget paces them, and one that hangs does not hold the others. */
const AT_ONCE = 4

export interface Aged {
  readonly runs: readonly Run[]
  readonly failures: readonly { readonly stream: string; readonly error: string }[]
  /** Milliseconds until the next stream is due; undefined where none ages. */
  readonly nextInMs: number | undefined
}

/**
 * Reads the streams again that were confirmed longer ago than they may be, the most overdue first. A stream that was
 * never read whole is left to the first pass.
 */
export async function refreshAged(db: Database, pipeline: Pipeline, signal: AbortSignal): Promise<Aged> {
  const ages = await readAges(db, pipeline)
  const due = ages.filter(({ dueInMs }) => dueInMs <= 0).map(({ stream }) => stream)
  const runs: Run[] = []
  const failures: { stream: string; error: string }[] = []
  const next = due.values()
  const work = async (): Promise<void> => {
    for (const stream of next) {
      if (signal.aborted) return
      try {
        const run = await readAgain(db, pipeline, stream, signal)
        if (run !== undefined) runs.push(run)
      } catch (error) {
        failures.push({ stream: stream.name, error: describeError(error) })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  const rest = (due.length === 0 ? ages : await readAges(db, pipeline)).map(({ dueInMs }) => dueInMs)
  return { runs, failures, nextInMs: rest.length === 0 ? undefined : Math.max(0, Math.min(...rest)) }
}

const readAgain = (db: Database, pipeline: Pipeline, stream: Stream, signal: AbortSignal) =>
  stream.deltas === false
    ? backfill(db, pipeline, stream, ROW, { signal })
    : delta(db, pipeline, stream, { signal })

async function readAges(db: Database, { app, source }: Pipeline) {
  const streams = source.streams.filter(({ maxAgeMs }) => maxAgeMs !== undefined)
  const { rows } = await db.query<{ stream: string; due_in_ms: number }>(
    // An attempt that failed counts as one: it is not made again at once.
    `select s.stream, (extract(epoch from greatest(
         coalesce(greatest(f.full_pass_at, f.delta_at), f.full_pass_at) + make_interval(secs => s.age_ms / 1000),
         r.started_at + make_interval(secs => least(s.age_ms, $4) / 1000)) - clock_timestamp()) * 1000)::float8 as due_in_ms
     from unnest($2::text[], $3::float8[]) as s (stream, age_ms)
     join lockstep.freshness as f on f.app = $1 and f.stream = s.stream and f.full_pass_at is not null
     left join lateral (
       select started_at from lockstep.runs where app = $1 and stream = s.stream and lane in ('backfill', 'delta')
       order by started_at desc limit 1) as r on true
     order by 2`,
    [app, streams.map(({ id }) => id), streams.map(({ maxAgeMs }) => maxAgeMs), RETRY_MS],
  )
  const byId = new Map(streams.map((stream) => [stream.id, stream]))
  return rows.flatMap((row) => {
    const stream = byId.get(row.stream)
    return stream === undefined ? [] : [{ stream, dueInMs: row.due_in_ms }]
  })
}
