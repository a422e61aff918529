import type { Database } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Json } from '../engine/observation.ts'
import { SETTLE_MS } from '../engine/read-time.ts'
import { type FetchedRow, ROW, type Stream } from '../sources/contract.ts'
import { touchedBy } from './touched.ts'
import { holdLease, withLease } from './lease.ts'
import { arrive, observePage } from './observe.ts'
import { absorb, type Pipeline } from './pipeline.ts'
import { collapseAll } from '../mirror/apply.ts'
import { noteChanged } from './webhook-health.ts'
import { countPage, finishRun, readRun, type Run, startRun } from './runs.ts'

/** More pages than this in one delta means that a full pass is the better way. */
const PAGES_MAX = 200
/**
 * So many rows in a row that are older than asked for end a delta, where the order goes by a time that changes. One is
 * not enough: an order may be fresher than the rows in it, and what changed just now then looks old, at the very top.
 */
const OLD_IN_A_ROW = 25

/**
 * Reads what changed since the last delta, newest first, until rows that are older than its watermark less `settle`
 * (a value read too early from a lagging replica is thereby read again). Returns undefined where the stream was
 * never read whole, or another node is at it.
 */
export async function delta(
  db: Database,
  pipeline: Pipeline,
  stream: Stream,
  options: { signal: AbortSignal },
): Promise<Run | undefined> {
  const lease = `delta ${pipeline.app} ${stream.id}`
  const since = await watermark(db, pipeline.app, stream)
  if (since === undefined) return undefined
  return withLease(db, lease, async () => {
    const key = { app: pipeline.app, lane: 'delta', stream: stream.id, name: stream.name } as const
    const run = await startRun(db, key, { since })
    try {
      const { floor, gaps } = await readSince(db, pipeline, stream, { run, since, lease, ...options })
      const status = gaps.length === 0 ? 'completed' : 'partial'
      // A delta with gaps leaves its watermark where it was: the next one reads those rows again.
      if (gaps.length === 0) await advance(db, pipeline.app, stream, floor)
      await finishRun(db, run, status, gaps.join('; ') || undefined)
    } catch (error) {
      await finishRun(db, run, 'failed', describeError(error))
      throw error
    }
    return readRun(db, run)
  })
}

interface Read {
  readonly run: string
  readonly since: number
  readonly lease: string
  readonly signal: AbortSignal
}

async function readSince(db: Database, pipeline: Pipeline, stream: Stream, read: Read) {
  const until = read.since - SETTLE_MS * 1000
  let cursor: Json | undefined
  let floor: number | undefined
  const gaps: string[] = []
  let old = 0
  for (let pages = 0; ; pages++) {
    const arrival = await arrive(db)
    const request = { stream, part: ROW, cursor, newestFirst: true, signal: read.signal }
    const page = await pipeline.source.readPage(request)
    floor ??= page.floor
    gaps.push(...page.gaps)
    const fresh = page.rows.filter((row) => isAfter(row, until, page.granule))
    old = page.rows.reduce((n, row) => (isAfter(row, until, page.granule) ? 0 : n + 1), old)
    const observations = observePage(stream, ROW, { ...page, rows: fresh }, arrival)
    await db.transaction(async (tx, attempt) => {
      const options = { attempt, refetches: page.refetches ?? [], touched: touchedBy(observations) }
      const { counts, changes } = await absorb(
        tx,
        pipeline,
        collapseAll(pipeline.mirror, observations),
        options,
      )
      await noteChanged(tx, pipeline.app, stream, { page, arrival, changes })
      await countPage(tx, read.run, fresh.length, counts[stream.table])
      await holdLease(tx, read.lease)
    })
    const needed = page.rows.some(({ orderedAt }) => orderedAt !== undefined) ? 1 : OLD_IN_A_ROW
    if (page.next === undefined || fresh.length === 0 || old >= needed) return { floor, gaps }
    if (pages === PAGES_MAX)
      return { floor, gaps: [...gaps, `more than ${PAGES_MAX} pages of changes: run a full sync`] }
    cursor = page.next
  }
}

function isAfter({ updatedAt, orderedAt = updatedAt }: FetchedRow, until: number, granule: number): boolean {
  return orderedAt === undefined || orderedAt + granule > until
}

/** Microseconds on the vendor's clock up to which all changes are known. */
async function watermark(db: Database, app: string, stream: Stream): Promise<number | undefined> {
  const { rows } = await db.query<{ at: number | null }>(
    `select coalesce(
       (select (state ->> 'watermark')::bigint from lockstep.checkpoints
        where app = $1 and lane = 'delta' and stream = $2),
       -- Before the first delta: when the first full pass began to read, on the vendor's clock.
       (select min((metadata ->> 'floor')::bigint) from lockstep.runs
        where app = $1 and lane = 'backfill' and stream = $2 and status = 'completed'
          and metadata ->> 'part' = 'row')) as at`,
    [app, stream.id],
  )
  return rows[0]?.at ?? undefined
}

async function advance(db: Database, app: string, stream: Stream, floor: number): Promise<void> {
  await db.query(
    `insert into lockstep.checkpoints (app, lane, stream, state)
     values ($1, 'delta', $2, jsonb_build_object('watermark', $3::bigint))
     on conflict (app, lane, stream) do update set state = excluded.state, updated_at = clock_timestamp()`,
    [app, stream.id, floor],
  )
  await db.query(
    `update lockstep.freshness set delta_at = clock_timestamp() where app = $1 and stream = $2`,
    [app, stream.id],
  )
}
