import type { Database } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Stream } from '../sources/contract.ts'
import { withLease } from './lease.ts'
import type { Pipeline } from './pipeline.ts'
import { refetchOnce } from './refetch.ts'
import { syncApp } from './sync.ts'
import { driftOf, isReadWhole } from './verify-ledger.ts'
import { type PassOptions, type Verification, VerifyPass } from './verify-pass.ts'
import { streamDue } from './verify-schedule.ts'

export interface VerifyOptions {
  readonly signal: AbortSignal
  readonly repair: boolean
  /** Compare formulas too; default true. */
  readonly formulas?: boolean | undefined
  /** Only these tables. */
  readonly tables?: readonly string[] | undefined
  /** Milliseconds for which a difference must last to count; default 30 s, and as long as requests may wait. */
  readonly settleMs?: number | undefined
  readonly patienceMs?: number | undefined
  readonly mendMs?: number | undefined
  /** Share of the rows compared that may differ before a repair reads everything anew; default 0.05. */
  readonly tolerance?: number | undefined
  readonly onProgress?: (progress: {
    stream: Stream
    part: string
    rows: number
    total: number | undefined
  }) => void
}

export interface VerifyResult {
  readonly verifications: readonly Verification[]
  /** Streams that could not be verified, with why. */
  readonly failures: readonly { readonly stream: string; readonly error: string }[]
  /** Streams that another node verifies at this moment. */
  readonly busy: readonly string[]
  readonly problems: readonly string[]
}

const TOLERANCE = 0.05

/**
 * Compares an app's tables with the vendor, row by row and column by column. A stream that fails does not stop the
 * others (I8). Writes no mirrored table unless it repairs.
 */
export async function verifyApp(
  db: Database,
  pipeline: Pipeline,
  options: VerifyOptions,
): Promise<VerifyResult> {
  const { problems } = await pipeline.source.prepare({ fresh: true, signal: options.signal })
  const streams = pipeline.source.streams.filter((s) => options.tables?.includes(s.table) ?? true)
  const verifications: Verification[] = []
  const failures: { stream: string; error: string }[] = []
  const busy: string[] = []
  for (const stream of streams) {
    if (options.signal.aborted) break
    if (!(await isReadWhole(db, pipeline.app, stream.id))) {
      const error = `it was never read whole, so there is nothing to verify yet. Run "lockstep sync ${pipeline.app} --full"`
      failures.push({ stream: stream.name, error })
      continue
    }
    try {
      const onProgress: PassOptions['onProgress'] = (part, rows, total) =>
        options.onProgress?.({ stream, part, rows, total })
      const pass = { ...passOptions(db, pipeline, options), onProgress }
      const verification = await verifyStream(db, pipeline, stream, pass)
      if (verification === undefined) busy.push(stream.name)
      else verifications.push(verification)
    } catch (error) {
      failures.push({ stream: stream.name, error: describeError(error) })
    }
  }
  return { verifications, failures, busy, problems }
}

/** True where all was compared and nothing is left different. */
export const isClean = ({ verifications, failures, busy }: VerifyResult): boolean =>
  failures.length + busy.length === 0 &&
  verifications.every((v) => v.run.status === 'completed' && driftOf(v) === v.repaired)

export interface SliceOptions {
  readonly signal: AbortSignal
  readonly now: Date
  readonly tolerance?: number | undefined
  readonly settleMs?: number | undefined
  readonly patienceMs?: number | undefined
  /** Pages at the least that one slice reads, where the lap has so many left; default 20. */
  readonly pagesMin?: number | undefined
}

const SLICE_PAGES = 20

/**
 * Verifies and repairs a slice: the next pages of the lap that is under way, else the first ones of the stream that
 * waited longest, if the vendor's calls allow it. Undefined where nothing is due.
 */
export async function verifySlice(
  db: Database,
  pipeline: Pipeline,
  options: SliceOptions,
): Promise<Verification | undefined> {
  const due = await streamDue(db, pipeline, options.now)
  if (due === undefined) return undefined
  await pipeline.source.prepare({ fresh: due.isNewLap, signal: options.signal })
  const { tolerance, signal, settleMs, patienceMs } = options
  return verifyStream(db, pipeline, due.stream, {
    ...passOptions(db, pipeline, { signal, repair: true, tolerance, settleMs, patienceMs }),
    slice: { pagesMin: options.pagesMin ?? SLICE_PAGES },
  })
}

async function verifyStream(
  db: Database,
  pipeline: Pipeline,
  stream: Stream,
  options: PassOptions,
): Promise<Verification | undefined> {
  const lease = `sweep ${pipeline.app} ${stream.id}`
  return withLease(db, lease, async () => {
    const pass = await VerifyPass.begin(db, pipeline, stream, lease, options)
    return pass.run()
  })
}

function passOptions(
  db: Database,
  pipeline: Pipeline,
  { signal, repair, formulas = true, settleMs, patienceMs, mendMs, tolerance = TOLERANCE }: VerifyOptions,
): PassOptions {
  return {
    signal,
    repair,
    formulas,
    settleMs,
    patienceMs,
    mendMs,
    tolerance,
    serve: () => drain(db, pipeline, signal),
    reconcile: (stream, keepLease) => reconcile(db, pipeline, stream, { signal, keepLease }),
  }
}

/**
 * Reads a stream anew. It counts as never read whole until that is done, so that a node that dies over it, or finds
 * another one at it, leaves it to the pass that is then due.
 */
async function reconcile(
  db: Database,
  pipeline: Pipeline,
  stream: Stream,
  { signal, keepLease }: { signal: AbortSignal; keepLease: () => void },
): Promise<void> {
  await db.query(`update lockstep.freshness set full_pass_at = null where app = $1 and stream = $2`, [
    pipeline.app,
    stream.id,
  ])
  await syncApp(db, pipeline, {
    signal,
    full: true,
    fresh: true,
    tables: [stream.table],
    drain: true,
    onProgress: keepLease,
  })
}

/** More rounds than this mean that requests keep giving rise to requests: leave the rest to the workers. */
const ROUNDS_MAX = 10_000

async function drain(db: Database, pipeline: Pipeline, signal: AbortSignal): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX && !signal.aborted; round++) {
    if ((await refetchOnce(db, pipeline, signal)) === 0) return
  }
}
