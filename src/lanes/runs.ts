import type { Database, Queryable } from '../db/database.ts'
import type { Counts } from '../mirror/apply.ts'
import type { Stream } from '../sources/contract.ts'

export type Lane = 'backfill' | 'delta' | 'refetch' | 'sweep'
export type RunStatus = 'running' | 'completed' | 'partial' | 'failed'

/** A lane's pass over a stream, as the ledger has it. */
export interface Run {
  id: string
  app: string
  lane: string
  stream: string
  stream_name: string | null
  started_at: string
  finished_at: string | null
  status: RunStatus
  processed: number
  created: number
  updated: number
  unchanged: number
  deleted: number
  api_calls: number
  error: string | null
  metadata: Record<string, unknown>
}

/** A run's lane for people: a part other than the whole row is named. */
export function laneOf({ lane, metadata }: Pick<Run, 'lane' | 'metadata'>): string {
  const { part } = metadata
  return typeof part === 'string' && part !== 'row' ? `${lane} ${part}` : lane
}

export interface RunKey {
  readonly app: string
  readonly lane: Lane
  readonly stream: string
  readonly name: string
}

/** Opens a run in the ledger; what is in `metadata` describes how it was asked for. */
export async function startRun(db: Queryable, key: RunKey, metadata: object = {}): Promise<string> {
  const { rows } = await db.query<{ id: string }>(
    `insert into lockstep.runs (app, lane, stream, stream_name, metadata) values ($1, $2, $3, $4, $5) returning id`,
    [key.app, key.lane, key.stream, key.name, JSON.stringify(metadata)],
  )
  return rows[0]?.id ?? ''
}

/** Adds the figures of a page, or of several, in the transaction that wrote their rows. */
export async function countPage(
  tx: Queryable,
  run: string,
  processed: number,
  counts: Counts | undefined,
  pages = 1,
): Promise<void> {
  const c = counts ?? { created: 0, updated: 0, unchanged: processed, deleted: 0 }
  await tx.query(
    `update lockstep.runs set processed = processed + $2, created = created + $3, updated = updated + $4,
       unchanged = unchanged + $5, deleted = deleted + $6, api_calls = api_calls + $7,
       heartbeat_at = clock_timestamp()
     where id = $1`,
    [run, processed, c.created, c.updated, c.unchanged, c.deleted, pages],
  )
}

/** Closes a run truly: `partial` and `failed` say why (I11). */
export async function finishRun(
  db: Queryable,
  run: string,
  status: Exclude<RunStatus, 'running'>,
  error?: string,
): Promise<void> {
  await db.query(
    `update lockstep.runs set status = $2, error = $3, finished_at = clock_timestamp(),
       heartbeat_at = clock_timestamp()
     where id = $1`,
    [run, status, error?.slice(0, 2000) ?? null],
  )
  await db.query('delete from lockstep.pass_keys where run_id = $1', [run])
}

/** Stops a run that a later one will carry on from its checkpoint; the keys that it met are kept for that. */
export async function pauseRun(db: Queryable, run: string, error: string): Promise<void> {
  await db.query(
    `update lockstep.runs set status = 'partial', error = $2, finished_at = clock_timestamp() where id = $1`,
    [run, error.slice(0, 2000)],
  )
}

/** Opens a paused run again. */
export async function resumeRun(db: Queryable, run: string): Promise<void> {
  await db.query(
    `update lockstep.runs set status = 'running', error = null, finished_at = null,
       heartbeat_at = clock_timestamp()
     where id = $1`,
    [run],
  )
}

export async function readRun(db: Queryable, id: string): Promise<Run | undefined> {
  const { rows } = await db.query<Run>('select * from lockstep.runs where id = $1', [id])
  return rows[0]
}

/** Runs that nobody has carried on for a while, and that no checkpoint will: their node is gone. */
export async function closeLostRuns(db: Database): Promise<number> {
  const { rowCount } = await db.query(
    `update lockstep.runs as r set status = 'failed', finished_at = clock_timestamp(),
       error = 'its node stopped; a later run took over'
     where status = 'running' and heartbeat_at < clock_timestamp() - interval '15 minutes'
       and not exists (select from lockstep.checkpoints as c where c.state ->> 'run' = r.id::text)`,
  )
  return rowCount ?? 0
}

/** A stream that is read each minute leaves a thousand runs a day that say only that all was as before. */
const QUIET_DAYS = 2

/**
 * Lets go of runs that were whole and changed nothing, after two days; the last whole one of each stream, lane and
 * part stays, since what is due is told by it.
 */
export async function dropQuietRuns(db: Database, chunksMax: number): Promise<number> {
  let dropped = 0
  for (let chunk = 0; chunk < chunksMax; chunk++) {
    const { rowCount } = await db.query(
      `delete from lockstep.runs where id in (
         select r.id from lockstep.runs as r
         where status = 'completed' and created = 0 and updated = 0 and deleted = 0
           and started_at < clock_timestamp() - make_interval(days => $1)
           and exists (
             select from lockstep.runs as n
             where n.app = r.app and n.lane = r.lane and n.stream = r.stream and n.started_at > r.started_at
               and n.status = 'completed' and n.metadata ->> 'part' is not distinct from r.metadata ->> 'part')
           -- Before the first delta, the first pass tells where to begin.
           and (r.lane <> 'backfill' or exists (
             select from lockstep.checkpoints as c where c.app = r.app and c.lane = 'delta' and c.stream = r.stream)
             or exists (
               select from lockstep.runs as e
               where e.app = r.app and e.lane = r.lane and e.stream = r.stream and e.started_at < r.started_at
                 and e.status = 'completed'))
         limit 1000)`,
      [QUIET_DAYS],
    )
    dropped += rowCount ?? 0
    if ((rowCount ?? 0) < 1000) break
  }
  return dropped
}

/** Whether a stream had a clean pass from its first page to its last; before it, deltas make no sense. */
export async function wasReadWhole(db: Queryable, app: string, stream: Stream): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1 from lockstep.freshness where app = $1 and stream = $2 and full_pass_at is not null`,
    [app, stream.id],
  )
  return (rowCount ?? 0) > 0
}

/** The last pass that read a part of a stream to its end, and when it began on the vendor's clock, in microseconds. */
export async function lastPass(
  db: Queryable,
  app: string,
  stream: Stream,
  part: string,
): Promise<{ readonly floor: number | undefined } | undefined> {
  const { rows } = await db.query<{ floor: number | null }>(
    `select (metadata ->> 'floor')::bigint as floor from lockstep.runs
     where app = $1 and lane = 'backfill' and stream = $2 and status = 'completed' and metadata ->> 'part' = $3
     order by started_at desc limit 1`,
    [app, stream.id, part],
  )
  const row = rows[0]
  return row === undefined ? undefined : { floor: row.floor ?? undefined }
}
