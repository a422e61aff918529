import type { Queryable } from '../db/database.ts'
import type { Json } from '../engine/observation.ts'
import type { Counts } from '../mirror/apply.ts'

import type { RunStatus } from './runs.ts'
import type { Subject } from './verify-subject.ts'

/** What a verification looked at and found. `missing`, `extra`, `different`, `unsettled` and `repaired` are rows. */
export interface Figures {
  rows: number
  cells: number
  missing: number
  extra: number
  different: number
  repaired: number
  unsettled: number
}

export interface Example {
  readonly key: string
  readonly kind: 'missing' | 'extra' | 'different'
  /** A column, or `extra.ID` for one that is not mapped; null for a whole row. */
  readonly column: string | null
  readonly ours: string | null
  readonly theirs: string | null
}

/** The last verification of a stream, as the ledger has it. */
export interface Drift extends Figures {
  run_id: string
  stream: string
  table_name: string
  verified_at: string
  /** Of the last one that was whole; null where none was. */
  completed_at: string | null
  status: RunStatus
  reconciled: boolean
  examples: Example[]
}

/** Where a pass stands. Slices keep it as a checkpoint; it follows what they confirmed and mended. */
export interface Lap {
  run: string
  part: string
  cursor: Json
  restarts: number
  /** Why this pass can't prove absence; empty while it can. */
  gaps: string[]
  figures: Figures
  examples: Example[]
  reconciled: boolean
  /** Pages a slice, so that the lap ends within the life of the vendor's cursor; 0 until the first page told. */
  slicePages: number
}

export const noFigures = (): Figures => ({
  rows: 0, cells: 0, missing: 0, extra: 0, different: 0, repaired: 0, unsettled: 0,
}) // prettier-ignore

export const driftOf = ({ missing, extra, different }: Figures): number => missing + extra + different

/** Adds what mending wrote to the run; its calls are counted where they are made. */
export async function countMended(
  tx: Queryable,
  run: string,
  { created, updated, deleted }: Counts,
): Promise<void> {
  await tx.query(
    `update lockstep.runs set created = created + $2, updated = updated + $3, deleted = deleted + $4,
       heartbeat_at = clock_timestamp()
     where id = $1`,
    [run, created, updated, deleted],
  )
}

export async function recordDrift(
  db: Queryable,
  { pipeline, stream }: Pick<Subject, 'pipeline' | 'stream'>,
  lap: Lap,
  status: RunStatus,
): Promise<void> {
  const f = lap.figures
  await db.query(
    `insert into lockstep.drift (run_id, app, stream, table_name, status, rows, cells, missing, extra, different,
       repaired, unsettled, reconciled, examples)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     on conflict (run_id) do update set verified_at = clock_timestamp(), status = excluded.status,
       rows = excluded.rows, cells = excluded.cells, missing = excluded.missing, extra = excluded.extra,
       different = excluded.different, repaired = excluded.repaired, unsettled = excluded.unsettled,
       reconciled = excluded.reconciled, examples = excluded.examples`,
    [
      lap.run, pipeline.app, stream.id, stream.table, status, f.rows, f.cells, f.missing, f.extra, f.different,
      f.repaired, f.unsettled, lap.reconciled, JSON.stringify(lap.examples),
    ], // prettier-ignore
  )
}

/** The last verification of each stream of an app. One that was never verified is not among them. */
export async function latestDrift(db: Queryable, app: string): Promise<Drift[]> {
  const { rows } = await db.query<Drift>(
    `select distinct on (stream) run_id, stream, table_name, verified_at, status, rows, cells, missing, extra,
       different, repaired, unsettled, reconciled, examples, (
         select max(c.verified_at) from lockstep.drift as c
         where c.app = d.app and c.stream = d.stream and c.status = 'completed'
       ) as completed_at
     from lockstep.drift as d where app = $1 order by stream, verified_at desc`,
    [app],
  )
  return rows
}

/** Microseconds on the vendor's clock after which changes are still to be read by the next delta. */
export async function deltaMark(db: Queryable, app: string, stream: string): Promise<number> {
  const { rows } = await db.query<{ at: number }>(
    `select greatest(
       (select (state ->> 'watermark')::bigint from lockstep.checkpoints
        where app = $1 and lane = 'delta' and stream = $2),
       (select max((metadata ->> 'floor')::bigint) from lockstep.runs
        where app = $1 and lane = 'backfill' and stream = $2 and status = 'completed'
          and metadata ->> 'part' = 'row'), 0) as at`,
    [app, stream],
  )
  return rows[0]?.at ?? 0
}

/** Whether the stream had a clean pass from its first page to its last; before it there is nothing to verify. */
export async function isReadWhole(db: Queryable, app: string, stream: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1 from lockstep.freshness where app = $1 and stream = $2 and full_pass_at is not null`,
    [app, stream],
  )
  return (rowCount ?? 0) > 0
}

/** The lap of slices that is under way, if any. */
export async function readLap(db: Queryable, app: string, stream: string): Promise<Lap | undefined> {
  const { rows } = await db.query<{ state: Lap }>(
    `select c.state from lockstep.checkpoints as c join lockstep.runs as r on r.id = (c.state ->> 'run')::uuid
     where c.app = $1 and c.lane = 'sweep' and c.stream = $2`,
    [app, stream],
  )
  return rows[0]?.state
}

export async function saveLap(db: Queryable, app: string, stream: string, lap: Lap): Promise<void> {
  await db.query(
    `insert into lockstep.checkpoints (app, lane, stream, state) values ($1, 'sweep', $2, $3)
     on conflict (app, lane, stream) do update set state = excluded.state, updated_at = clock_timestamp()`,
    [app, stream, JSON.stringify(lap)],
  )
}

export async function dropLap(db: Queryable, app: string, stream: string): Promise<void> {
  await db.query(`delete from lockstep.checkpoints where app = $1 and lane = 'sweep' and stream = $2`, [
    app,
    stream,
  ])
}
