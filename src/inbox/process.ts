import { type Database, isOutage, RetryTransaction, type Transaction } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Json } from '../engine/observation.ts'
import { eventRetry, nextDelayMs } from '../engine/retry.ts'
import { touchedBy } from '../lanes/touched.ts'
import { absorb, type Pipeline } from '../lanes/pipeline.ts'
import type { Parsed, Refetch } from '../sources/contract.ts'

export interface Processed {
  /** Events settled: applied, turned into a hint, ignored, or unknown. */
  readonly settled: number
  /** Events that failed and will be tried again, or are dead letters now. */
  readonly failed: number
  readonly refetches: number
}

interface Claimed {
  id: number
  attempts: number
  seen: number
  payload: Json | null
  body: Buffer | null
}

interface Settled {
  readonly id: number
  readonly parsed: Parsed
}

interface Failed {
  readonly id: number
  readonly attempts: number
  readonly error: string
}

const NOTHING: Processed = { settled: 0, failed: 0, refetches: 0 }

/**
 * Takes up to `limit` due events of an app and settles them: claim, effects and settling are one transaction (I2),
 * so a node that dies leaves them as they were. An event that fails is found by halving the batch; the others go on
 * without it (I8). Errors of the database as such are thrown: no event is to blame.
 */
export async function processBatch(db: Database, pipeline: Pipeline, limit: number): Promise<Processed> {
  let ids: readonly number[] = []
  try {
    return await db.transaction(async (tx, attempt) => {
      const events = await claimDue(tx, pipeline.app, limit)
      ids = events.map((event) => event.id)
      return processOnce(tx, pipeline, events, attempt)
    })
  } catch (error) {
    if (isUnblamed(error) || ids.length === 0) throw error
    return blame(db, pipeline, ids, error)
  }
}

/** The same for these events, as far as they are still there to be taken. */
async function processIds(db: Database, pipeline: Pipeline, ids: readonly number[]): Promise<Processed> {
  try {
    return await db.transaction(async (tx, attempt) =>
      processOnce(tx, pipeline, await claim(tx, pipeline.app, ids), attempt),
    )
  } catch (error) {
    if (isUnblamed(error)) throw error
    return blame(db, pipeline, ids, error)
  }
}

const isUnblamed = (error: unknown): boolean => isOutage(error) || error instanceof RetryTransaction

async function blame(
  db: Database,
  pipeline: Pipeline,
  ids: readonly number[],
  error: unknown,
): Promise<Processed> {
  if (ids.length === 1) return settleFailures(db, ids, describeError(error))
  const half = Math.ceil(ids.length / 2)
  const first = await processIds(db, pipeline, ids.slice(0, half))
  const second = await processIds(db, pipeline, ids.slice(half))
  return {
    settled: first.settled + second.settled,
    failed: first.failed + second.failed,
    refetches: first.refetches + second.refetches,
  }
}

async function processOnce(
  tx: Transaction,
  pipeline: Pipeline,
  events: readonly Claimed[],
  attempt: number,
): Promise<Processed> {
  if (events.length === 0) return NOTHING
  const settled: Settled[] = []
  const failed: Failed[] = []
  for (const event of events) {
    try {
      const payload = event.payload ?? (JSON.parse(event.body?.toString('utf8') ?? 'null') as Json)
      const parsed = pipeline.source.parse({ n: event.id, receivedAt: event.seen, payload })
      settled.push({ id: event.id, parsed })
    } catch (error) {
      failed.push({ id: event.id, attempts: event.attempts + 1, error: describeError(error) })
    }
  }
  const observations = settled.flatMap(({ parsed }) => parsed.observations)
  const refetches: Refetch[] = settled.flatMap(({ parsed }) => parsed.refetches)
  const done = await absorb(tx, pipeline, observations, {
    attempt,
    refetches,
    touched: touchedBy(observations),
  })
  const facts = settled.flatMap(({ parsed }) => parsed.facts ?? [])
  if (facts.length > 0) await pipeline.record?.(tx, facts)
  await settle(tx, settled)
  await recordFailures(tx, failed)
  return { settled: settled.length, failed: failed.length, refetches: done.refetches }
}

const CLAIMED = `id, attempts, (extract(epoch from received_at) * 1000000)::bigint as seen, payload,
  case when payload is null then body end as body`

/** The oldest that are due and that no other worker has at this moment: workers side by side share them out. */
async function claimDue(tx: Transaction, app: string, limit: number): Promise<Claimed[]> {
  const { rows } = await tx.query<Claimed>(
    `select ${CLAIMED} from lockstep.inbox
     where app = $1 and status = 'pending' and next_attempt_at <= clock_timestamp()
     order by id limit $2 for update skip locked`,
    [app, limit],
  )
  return rows
}

async function claim(tx: Transaction, app: string, ids: readonly number[]): Promise<Claimed[]> {
  const { rows } = await tx.query<Claimed>(
    `select ${CLAIMED} from lockstep.inbox
     where app = $1 and id = any ($2::bigint[]) and status = 'pending'
     order by id for update skip locked`,
    [app, ids],
  )
  return rows
}

async function settle(tx: Transaction, settled: readonly Settled[]): Promise<void> {
  if (settled.length === 0) return
  await tx.query(
    `update lockstep.inbox as i set status = 'processed', outcome = s.outcome, error = s.note,
       attempts = i.attempts + 1, processed_at = clock_timestamp(),
       processing_ms = least(2147483647, extract(epoch from clock_timestamp() - i.received_at) * 1000)
     from unnest($1::bigint[], $2::text[], $3::text[]) as s (id, outcome, note)
     where i.id = s.id`,
    [
      settled.map((s) => s.id),
      settled.map((s) => s.parsed.outcome),
      settled.map((s) => s.parsed.note ?? null),
    ],
  )
}

async function recordFailures(tx: Transaction, failed: readonly Failed[]): Promise<void> {
  if (failed.length === 0) return
  await tx.query(
    `update lockstep.inbox as i set attempts = f.attempts, error = f.error,
       status = case when f.delay_ms is null then 'dead' else 'pending' end,
       processed_at = case when f.delay_ms is null then clock_timestamp() end,
       next_attempt_at = coalesce(clock_timestamp() + make_interval(secs => f.delay_ms / 1000), i.next_attempt_at)
     from unnest($1::bigint[], $2::int[], $3::text[], $4::float8[]) as f (id, attempts, error, delay_ms)
     where i.id = f.id`,
    [
      failed.map((f) => f.id),
      failed.map((f) => f.attempts),
      failed.map((f) => f.error.slice(0, 2000)),
      failed.map((f) => nextDelayMs(eventRetry, f.attempts, Math.random()) ?? null),
    ],
  )
}

/** Books one failure on events whose effects could not be written. */
async function settleFailures(db: Database, ids: readonly number[], error: string): Promise<Processed> {
  const failed = await db.transaction(async (tx) => {
    const { rows } = await tx.query<{ id: number; attempts: number }>(
      `select id, attempts from lockstep.inbox where id = any ($1::bigint[]) and status = 'pending'
       for update skip locked`,
      [ids],
    )
    await recordFailures(
      tx,
      rows.map((row) => ({ id: row.id, attempts: row.attempts + 1, error })),
    )
    return rows.length
  })
  return { settled: 0, failed, refetches: 0 }
}
