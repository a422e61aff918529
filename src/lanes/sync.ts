import type { Database } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import { ROW, type Stream } from '../sources/contract.ts'
import { backfill, checkpointKey } from './backfill.ts'
import { delta } from './delta.ts'
import type { Pipeline } from './pipeline.ts'
import { refetchOnce } from './refetch.ts'
import { type Run, wasReadWhole } from './runs.ts'

export interface SyncOptions {
  readonly signal: AbortSignal
  /** Every row, instead of what changed since the last time. */
  readonly full: boolean
  /** Only the streams of these tables. */
  readonly tables?: readonly string[] | undefined
  readonly limit?: number | undefined
  readonly fresh?: boolean | undefined
  /** Leave out the streams that their age makes be read whole many times a day. */
  readonly spareAged?: boolean
  readonly onProgress?: (progress: Progress) => void
  /** Serve the requests that the pass gave rise to before returning (no worker does it beside us). */
  readonly drain?: boolean
}

export interface Progress {
  readonly stream: Stream
  readonly part: string
  readonly rows: number
  readonly total: number | undefined
}

export interface SyncResult {
  readonly runs: readonly Run[]
  /** Streams that could not be read, with why. */
  readonly failures: readonly { readonly stream: string; readonly error: string }[]
  /** Streams that another node reads at this moment. */
  readonly busy: readonly string[]
  readonly problems: readonly string[]
}

/** One part of one stream, to be read. */
export interface Pass {
  readonly stream: Stream
  readonly part: string
}

/**
 * Brings an app's tables up to date. A stream that fails does not stop the others (I8). Whole rows come first for
 * all streams, then the parts that are paced apart, so that the tables are useful early.
 */
export async function syncApp(db: Database, pipeline: Pipeline, options: SyncOptions): Promise<SyncResult> {
  const { problems } = await pipeline.source.prepare({ fresh: options.full, signal: options.signal })
  const wanted = pipeline.source.streams.filter((s) => options.tables?.includes(s.table) ?? true)
  // Where the vendor tells nothing of what changed, the stream's own age makes it be read again.
  const asked = wanted.filter((s) => options.full || s.deltas !== false || options.tables !== undefined)
  const streams = asked.filter((s) => options.spareAged !== true || !isReadOften(s))
  const parts = options.full ? [...new Set(streams.flatMap((s) => s.parts))] : [ROW]
  const passes = parts.flatMap((part) =>
    streams.filter((stream) => stream.parts.includes(part)).map((stream) => ({ stream, part })),
  )
  const result = await runPasses(db, pipeline, passes, options)
  if (options.drain === true) await drain(db, pipeline, options.signal)
  return { ...result, problems }
}

const OFTEN_MS = 3_600_000

const isReadOften = ({ deltas, maxAgeMs = Infinity }: Stream): boolean =>
  deltas === false && maxAgeMs <= OFTEN_MS

/**
 * Makes the passes that are due: those that were interrupted and can go on, and those of which none ever came to its
 * end. Undefined where there are none.
 */
export async function catchUp(
  db: Database,
  pipeline: Pipeline,
  options: Pick<SyncOptions, 'signal' | 'onProgress'>,
): Promise<SyncResult | undefined> {
  const due = await duePasses(db, pipeline)
  if (due.length === 0) return undefined
  const { problems } = await pipeline.source.prepare({ fresh: true, signal: options.signal })
  return { ...(await runPasses(db, pipeline, due, { ...options, full: true })), problems }
}

async function runPasses(
  db: Database,
  pipeline: Pipeline,
  passes: readonly Pass[],
  options: SyncOptions,
): Promise<Omit<SyncResult, 'problems'>> {
  const runs: Run[] = []
  const failures: { stream: string; error: string }[] = []
  const busy: string[] = []
  for (const { stream, part } of passes) {
    if (options.signal.aborted) break
    try {
      const run = await syncStream(db, pipeline, stream, part, options)
      if (run === undefined) busy.push(stream.name)
      else runs.push(run)
    } catch (error) {
      failures.push({ stream: stream.name, error: describeError(error) })
    }
  }
  return { runs, failures, busy }
}

async function syncStream(
  db: Database,
  pipeline: Pipeline,
  stream: Stream,
  part: string,
  options: SyncOptions,
): Promise<Run | undefined> {
  if (!options.full && stream.deltas !== false && (await wasReadWhole(db, pipeline.app, stream))) {
    return delta(db, pipeline, stream, options)
  }
  return backfill(db, pipeline, stream, part, {
    signal: options.signal,
    limit: options.limit,
    fresh: options.fresh,
    onProgress: ({ rows, total }) => options.onProgress?.({ stream, part, rows, total }),
  })
}

async function duePasses(db: Database, { app, source }: Pipeline): Promise<Pass[]> {
  const { streams } = source
  const all = [...new Set(streams.flatMap((s) => s.parts))].flatMap((part) =>
    streams.filter((stream) => stream.parts.includes(part)).map((stream) => ({ stream, part })),
  )
  const { rows } = await db.query<{ due: boolean }>(
    // A stream that ages is read again and again: a pass that is under way is no reason to look at it here.
    `select (p.once and exists (
         select from lockstep.checkpoints where app = $1 and lane = 'backfill' and stream = p.checkpoint
       )) or not exists (
         select from lockstep.runs where app = $1 and lane = 'backfill' and stream = p.stream
           and status = 'completed' and metadata ->> 'part' = p.part
       ) or (p.part = 'row' and exists (
         -- It was to be read anew, and is not to be trusted until that is done.
         select from lockstep.freshness where app = $1 and stream = p.stream and full_pass_at is null
       )) as due
     from unnest($2::text[], $3::text[], $4::text[], $5::boolean[]) with ordinality
       as p (stream, part, checkpoint, once, n)
     order by p.n`,
    [
      app,
      all.map((p) => p.stream.id),
      all.map((p) => p.part),
      all.map((p) => checkpointKey(p.stream, p.part)),
      all.map((p) => p.stream.maxAgeMs === undefined),
    ],
  )
  return all.filter((_, i) => rows[i]?.due === true)
}

/** More rounds than this mean that requests keep giving rise to requests: leave the rest to the workers. */
const ROUNDS_MAX = 10_000

async function drain(db: Database, pipeline: Pipeline, signal: AbortSignal): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX && !signal.aborted; round++) {
    if ((await refetchOnce(db, pipeline, signal)) === 0) return
  }
}
