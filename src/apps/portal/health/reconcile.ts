import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../../db/database.ts'
import { encodeJson } from '../../../db/storable.ts'
import { describeError, LockstepError } from '../../../engine/errors.ts'
import type { Json } from '../../../engine/observation.ts'
import { checkEventLog } from '../../../inbox/event-log.ts'
import { replayEvents } from '../../../inbox/ledger.ts'
import { processBatch } from '../../../inbox/process.ts'
import { backfill } from '../../../lanes/backfill.ts'
import type { Pipeline } from '../../../lanes/pipeline.ts'
import type { StatisticsReader } from '../../../sources/email-bison/statistics.ts'
import { ROW } from '../../../sources/contract.ts'
import { refreshStatistics } from '../statistics.ts'
import { type Drift, driftsJson, readDrifts } from './drift.ts'
import type { Thresholds } from './thresholds.ts'

/** Younger events may still be on their way by webhook. */
const GRACE_MS = 90_000
const EVENTS_PER_BATCH = 500
const SETTLE_MS = 100
/** Days that are compared, and so read again. */
const DAYS_BACK = 7

/** What reading a workspace again brought. */
export interface Reconciled {
  readonly scope: string
  readonly startedAt: Date
  /** Events that the vendor's record has and that were missing. */
  readonly filled: number
  /** Events that had been given up and were tried again. */
  readonly replayed: number
  /** Replies that were added or changed. */
  readonly replies: number
  /** What could not be read, with why. */
  readonly problems: readonly string[]
  /** What differs still. */
  readonly remains: readonly Drift[]
}

export interface ReconcileInput {
  readonly db: Database
  readonly pipeline: Pipeline
  readonly statistics: StatisticsReader
  readonly limits: Thresholds['consistency']
  readonly now: Date
  readonly signal: AbortSignal
}

/** When each of these workspaces was last read again, milliseconds since 1970; those that never were are left out. */
export async function lastReconciled(db: Database, scopes: readonly string[]): Promise<Map<string, number>> {
  const { rows } = await db.query<{ scope: string; at: number }>(
    `select scope, (extract(epoch from max(started_at)) * 1000)::float8 as at from portal.reconciliations
     where scope = any ($1::text[]) group by scope`,
    [scopes],
  )
  return new Map(rows.map(({ scope, at }) => [scope, at]))
}

/**
 * Reads all of a workspace again that could explain a difference: the vendor's record of its events as far as it goes,
 * what was given up here, every reply, and the vendor's statistics; and compares anew. What cannot be read is said, and
 * does not keep the rest from being read.
 */
export async function reconcile(
  input: ReconcileInput,
  scope: string,
  found: readonly Drift[],
): Promise<Reconciled> {
  const { db, now, limits } = input
  const id = await begin(db, scope, now, found)
  const problems: string[] = []
  const attempt = async (what: string, work: () => Promise<number>): Promise<number> => {
    try {
      return await work()
    } catch (error) {
      problems.push(`${what}: ${describeError(error)}`)
      return 0
    }
  }
  const filled = await attempt("the vendor's record of its events", () => readLogAgain(input, scope))
  const replayed = await attempt('events that were given up', () => replayDead(db, scope))
  const replies = await attempt('the replies', () => readReplies(input, scope))
  await attempt('the events that wait', () => settle(input, scope))
  await attempt('the statistics', () => readStatistics(input, scope))
  const remains = await readDrifts(db, now, limits, [scope])
  const done = { scope, startedAt: now, filled, replayed, replies, problems, remains }
  await finish(db, id, done)
  return done
}

async function readLogAgain({ db, pipeline, now, signal }: ReconcileInput, scope: string): Promise<number> {
  const check = await checkEventLog(db, pipeline, scope, {
    signal,
    nowMs: now.getTime(),
    graceMs: GRACE_MS,
    againFromMs: 0,
  })
  if (check === undefined) throw new LockstepError('another node reads it at this moment')
  return check.filled
}

async function replayDead(db: Database, scope: string): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    `select o.id from lockstep.inbox_outcomes as o join lockstep.inbox_events as e on e.id = o.id
     where o.app = 'portal' and o.status = 'dead' and e.stream = $1`,
    [scope],
  )
  if (rows.length === 0) return 0
  return replayEvents(db, { ids: rows.map(({ id }) => id), deadOnly: true })
}

async function readReplies({ db, pipeline, signal }: ReconcileInput, scope: string): Promise<number> {
  const stream = pipeline.source.streams.find(
    ({ table, keyPrefix }) => table === 'lead_replies' && keyPrefix === `${scope}/`,
  )
  if (stream === undefined) throw new LockstepError('the workspace is not known any more')
  const run = await backfill(db, pipeline, stream, ROW, { signal })
  if (run === undefined) throw new LockstepError('another node reads them at this moment')
  if (run.status !== 'completed') throw new LockstepError(run.error ?? `the pass is ${run.status}`)
  return run.created + run.updated
}

/** Until the workspace's events are settled, by us or by those who do so anyway. */
async function settle({ db, pipeline, signal }: ReconcileInput, scope: string): Promise<number> {
  for (;;) {
    const { settled, failed } = await processBatch(db, pipeline, EVENTS_PER_BATCH)
    if (settled + failed > 0) continue
    const { rows } = await db.query<{ n: number }>(
      `select count(*)::int as n from lockstep.inbox_queue as q join lockstep.inbox_events as e on e.id = q.id
       where q.app = 'portal' and e.stream = $1 and q.attempts = 0`,
      [scope],
    )
    if ((rows[0]?.n ?? 0) === 0) return 0
    await sleep(SETTLE_MS, undefined, { signal })
  }
}

async function readStatistics(
  { db, statistics, now, signal }: ReconcileInput,
  scope: string,
): Promise<number> {
  const { failures } = await refreshStatistics(db, statistics, {
    now,
    daysBack: DAYS_BACK,
    signal,
    scopes: [scope],
  })
  const [failure] = failures
  if (failure !== undefined) throw new LockstepError(failure.error)
  return 0
}

async function begin(db: Database, scope: string, now: Date, found: readonly Drift[]): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    'insert into portal.reconciliations (scope, started_at, found) values ($1, $2, $3) returning id',
    [scope, now.toISOString(), encodeJson(driftsJson(found))],
  )
  return rows[0]?.id ?? 0
}

async function finish(
  db: Database,
  id: number,
  { filled, replayed, replies, problems, remains }: Reconciled,
): Promise<void> {
  const done: Json = { filled, replayed, replies, problems: [...problems] }
  const outcome = remains.length === 0 ? 'mended' : problems.length > 0 ? 'failed' : 'differs'
  await db.query(
    `update portal.reconciliations set finished_at = clock_timestamp(), done = $2, remains = $3, outcome = $4
     where id = $1`,
    [id, encodeJson(done), encodeJson(driftsJson(remains)), outcome],
  )
}
