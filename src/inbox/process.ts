import { setImmediate } from 'node:timers/promises'
import { bigintArray, textArray } from '../db/arrays.ts'
import { type Database, isOutage, RetryTransaction, type Transaction } from '../db/database.ts'
import { storableJson } from '../db/storable.ts'
import { describeError } from '../engine/errors.ts'
import type { Json } from '../engine/observation.ts'
import { eventRetry, nextDelayMs } from '../engine/retry.ts'
import type { Touched } from '../lanes/fan-out.ts'
import { touchedBy } from '../lanes/touched.ts'
import { absorb, type Pipeline } from '../lanes/pipeline.ts'
import { type Batch, movesRows, prepare, tryAlone } from '../mirror/apply.ts'
import type { Fact, Parsed, Refetch } from '../sources/contract.ts'

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
  /** When it was received, microseconds. */
  seen: number
  /** One of the two; the other is null. */
  text: string | null
  body: Buffer | null
}

interface Settled {
  readonly event: Claimed
  readonly parsed: Parsed
}

interface Failed {
  readonly event: Pick<Claimed, 'id' | 'attempts'>
  readonly error: string
}

const NOTHING: Processed = { settled: 0, failed: 0, refetches: 0 }

/**
 * Settles events of an app, batch after batch, until a batch is not full: while one is written, the next is claimed
 * and read. Throws what `processBatch` throws.
 */
export async function processBacklog(
  db: Database,
  pipeline: Pipeline,
  options: {
    readonly limit: number
    readonly signal: AbortSignal
    readonly onBatch: (done: Processed, ms: number) => void
  },
): Promise<void> {
  let ahead: Promise<void> | undefined
  const work = async (): Promise<void> => {
    for (let full = true; full && !options.signal.aborted;) {
      full = false
      const onClaimed = (count: number): void => {
        full = count >= options.limit
        if (!full || ahead !== undefined) return
        ahead = work()
        // It is awaited at the end; until then nobody listens to its failure.
        ahead.catch(() => {})
      }
      const startedAt = performance.now()
      const done = await processBatch(db, pipeline, options.limit, onClaimed)
      options.onBatch(done, performance.now() - startedAt)
    }
  }
  try {
    await work()
  } finally {
    await ahead
  }
}

/** Batches of one process that write the same tables would only wait for each other's rows, in the database. */
const turns = new WeakMap<Pipeline, Promise<void>>()

/** Waits until no other batch writes. What it returns must be called when this one has. */
async function takeTurn(pipeline: Pipeline): Promise<() => void> {
  const before = turns.get(pipeline)
  const { promise, resolve } = Promise.withResolvers<void>()
  turns.set(pipeline, promise)
  await before
  return resolve
}

/**
 * Takes up to `limit` due events of an app and settles them: claim, effects and settling are one transaction (I2),
 * so a node that dies leaves them as they were. An event that fails is found by halving the batch; the others go on
 * without it (I8). Errors of the database as such are thrown: no event is to blame.
 */
export async function processBatch(
  db: Database,
  pipeline: Pipeline,
  limit: number,
  onClaimed?: (count: number) => void,
): Promise<Processed> {
  let ids: readonly number[] = []
  let aside: readonly number[] = []
  let done: Processed
  let endTurn: (() => void) | undefined
  try {
    done = await db.transaction(async (tx, attempt) => {
      const claimed = await claim(tx, pipeline.app, { limit })
      aside = []
      ids = claimed.map((event) => event.id)
      onClaimed?.(claimed.length)
      const events = await parseAll(pipeline, claimed)
      const work = await workOf(pipeline, events)
      if (claimed.length > 0) endTurn ??= await takeTurn(pipeline)
      // Those that move rows need the tables for themselves: where others are at them, the rest need not wait as well.
      const movers =
        attempt === 1 ? events.settled.filter(({ parsed }) => parsed.observations.some(movesRows)) : []
      const together =
        movers.length === 0 ||
        movers.length === events.settled.length ||
        (await tryAlone(tx, pipeline.mirror, work.batch))
      if (together) return processOnce(tx, pipeline, work, attempt)
      const away = new Set(movers)
      aside = movers.map(({ event }) => event.id)
      const settled = events.settled.filter((one) => !away.has(one))
      return processOnce(tx, pipeline, await workOf(pipeline, { ...events, settled }), attempt)
    })
  } catch (error) {
    if (isUnblamed(error) || ids.length === 0) throw error
    endTurn?.()
    return blame(db, pipeline, ids, error)
  } finally {
    endTurn?.()
  }
  return aside.length === 0 ? done : sum(done, await processIds(db, pipeline, aside))
}

/** The same for these events, as far as they are still there to be taken. */
async function processIds(db: Database, pipeline: Pipeline, ids: readonly number[]): Promise<Processed> {
  const endTurn = await takeTurn(pipeline)
  try {
    return await db.transaction(async (tx, attempt) => {
      const events = await parseAll(pipeline, await claim(tx, pipeline.app, { limit: ids.length, ids }))
      return processOnce(tx, pipeline, await workOf(pipeline, events), attempt)
    })
  } catch (error) {
    if (isUnblamed(error)) throw error
    endTurn()
    return blame(db, pipeline, ids, error)
  } finally {
    endTurn()
  }
}

const isUnblamed = (error: unknown): boolean => isOutage(error) || error instanceof RetryTransaction

async function blame(
  db: Database,
  pipeline: Pipeline,
  ids: readonly number[],
  error: unknown,
): Promise<Processed> {
  if (ids.length === 1) return settleFailures(db, pipeline.app, ids, describeError(error))
  const half = Math.ceil(ids.length / 2)
  const first = await processIds(db, pipeline, ids.slice(0, half))
  return sum(first, await processIds(db, pipeline, ids.slice(half)))
}

const sum = (a: Processed, b: Processed): Processed => ({
  settled: a.settled + b.settled,
  failed: a.failed + b.failed,
  refetches: a.refetches + b.refetches,
})

interface ParsedEvents {
  readonly settled: readonly Settled[]
  readonly failed: readonly Failed[]
}

/** Events that are parsed before others of this process have their turn: the batch that is being written, the door. */
const PARSED_AT_ONCE = 25

async function parseAll({ source }: Pipeline, events: readonly Claimed[]): Promise<ParsedEvents> {
  const settled: Settled[] = []
  const failed: Failed[] = []
  for (const [i, event] of events.entries()) {
    if (i > 0 && i % PARSED_AT_ONCE === 0) await setImmediate()
    try {
      const parsed = source.parse({ n: event.id, receivedAt: event.seen, payload: parseBody(event) })
      settled.push({ event, parsed })
    } catch (error) {
      failed.push({ event, error: describeError(error) })
    }
  }
  return { settled, failed }
}

/** What events come to, ready to be written. */
interface Work extends ParsedEvents {
  readonly batch: Batch
  readonly refetches: readonly Refetch[]
  readonly touched: Touched | undefined
  readonly facts: readonly Fact[]
}

/** What can be made ready before a batch has its turn is made here. */
async function workOf({ source, mirror }: Pipeline, { settled, failed }: ParsedEvents): Promise<Work> {
  const observations = settled.flatMap(({ parsed }) => parsed.observations)
  return {
    settled,
    failed,
    batch: await prepare(mirror, observations),
    refetches: settled.flatMap(({ parsed }) => parsed.refetches),
    touched: source.dependencies().length === 0 ? undefined : touchedBy(observations),
    facts: settled.flatMap(({ parsed }) => parsed.facts ?? []),
  }
}

async function processOnce(
  tx: Transaction,
  pipeline: Pipeline,
  { settled, failed, batch, refetches, touched, facts }: Work,
  attempt: number,
): Promise<Processed> {
  if (settled.length + failed.length === 0) return NOTHING
  const done = await absorb(tx, pipeline, batch, { attempt, refetches, touched })
  if (facts.length > 0) await pipeline.record?.(tx, facts)
  await settle(tx, pipeline.app, settled)
  await recordFailures(tx, pipeline.app, failed)
  return { settled: settled.length, failed: failed.length, refetches: done.refetches }
}

/** Bodies may be a megabyte long: what one batch holds in memory is bounded, whatever the number of its events. */
const BATCH_BYTES = 16 << 20

/** What a string of Postgres's cannot hold: NUL, half a surrogate pair. */
const UNSTORABLE = /\\u(?:0000|d[89a-f])/i

function parseBody({ text, body }: Claimed): Json {
  const json = text ?? body?.toString('utf8') ?? 'null'
  const payload = JSON.parse(json) as Json
  return json.includes('\\u') && UNSTORABLE.test(json) ? storableJson(payload) : payload
}

/**
 * The oldest that are due, or those named, that no other worker has at this moment: workers side by side share them
 * out. The first comes whatever its size.
 */
async function claim(
  tx: Transaction,
  app: string,
  { limit, ids }: { limit: number; ids?: readonly number[] },
): Promise<Claimed[]> {
  const which = ids === undefined ? 'next_attempt_at <= clock_timestamp()' : 'id = any ($4::bigint[])'
  const { rows } = await tx.query<Claimed>(
    `with due as materialized (
       select id, attempts, bytes from lockstep.inbox_queue where app = $1 and ${which}
       order by id limit $2 for update skip locked
     ), fitting as (
       select id, attempts from (
         select id, attempts, bytes, sum(bytes) over (order by id rows unbounded preceding) as sum from due
       ) as sized where sum - bytes < $3
     )
     select d.id, d.attempts, (extract(epoch from e.received_at) * 1000000)::bigint as seen,
       case when e.plain then convert_from(e.body, 'UTF8') end as text, case when not e.plain then e.body end as body
     from fitting as d
     -- Each by its id, whatever the planner thinks of the number of events.
     cross join lateral (select received_at, body, plain from lockstep.inbox_events where id = d.id offset 0) as e`,
    [app, limit, BATCH_BYTES, ...(ids === undefined ? [] : [bigintArray(ids)])],
  )
  return rows
}

async function settle(tx: Transaction, app: string, settled: readonly Settled[]): Promise<void> {
  if (settled.length === 0) return
  await tx.query(
    `with done as (
       delete from lockstep.inbox_queue where app = $1 and id = any ($2::bigint[])
     )
     insert into lockstep.inbox_outcomes (id, app, status, outcome, error, attempts, processing_ms)
     select id, $1, 'processed', outcome, note, attempts,
       least(2147483647, extract(epoch from clock_timestamp()) * 1000 - seen / 1000)
     from unnest($2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) as s (id, outcome, note, attempts, seen)`,
    [
      app,
      bigintArray(settled.map(({ event }) => event.id)),
      textArray(settled.map(({ parsed }) => parsed.outcome)),
      textArray(settled.map(({ parsed }) => parsed.note ?? null)),
      bigintArray(settled.map(({ event }) => event.attempts + 1)),
      bigintArray(settled.map(({ event }) => event.seen)),
    ],
  )
}

/** Puts them back for later; those that failed too often are dead letters. */
async function recordFailures(tx: Transaction, app: string, failed: readonly Failed[]): Promise<void> {
  const tried = failed.map(({ event, error }) => ({
    id: event.id,
    attempts: event.attempts + 1,
    error: error.slice(0, 2000),
    delayMs: nextDelayMs(eventRetry, event.attempts + 1, Math.random()),
  }))
  const again = tried.filter(({ delayMs }) => delayMs !== undefined)
  if (again.length > 0)
    await tx.query(
      `update lockstep.inbox_queue as q set attempts = f.attempts, error = f.error,
         next_attempt_at = clock_timestamp() + make_interval(secs => f.delay_ms / 1000)
       from unnest($2::bigint[], $3::int[], $4::text[], $5::float8[]) as f (id, attempts, error, delay_ms)
       where q.app = $1 and q.id = f.id`,
      [
        app,
        again.map((f) => f.id),
        again.map((f) => f.attempts),
        again.map((f) => f.error),
        again.map((f) => f.delayMs),
      ],
    )
  const dead = tried.filter(({ delayMs }) => delayMs === undefined)
  if (dead.length > 0)
    await tx.query(
      `with done as (
         delete from lockstep.inbox_queue where app = $1 and id = any ($2::bigint[])
       )
       insert into lockstep.inbox_outcomes (id, app, status, error, attempts)
       select id, $1, 'dead', error, attempts from unnest($2::bigint[], $3::int[], $4::text[]) as f (id, attempts, error)`,
      [app, dead.map((f) => f.id), dead.map((f) => f.attempts), dead.map((f) => f.error)],
    )
}

/** Books one failure on events whose effects could not be written. */
async function settleFailures(
  db: Database,
  app: string,
  ids: readonly number[],
  error: string,
): Promise<Processed> {
  const failed = await db.transaction(async (tx) => {
    const { rows } = await tx.query<{ id: number; attempts: number }>(
      `select id, attempts from lockstep.inbox_queue where app = $1 and id = any ($2::bigint[])
       for update skip locked`,
      [app, bigintArray(ids)],
    )
    await recordFailures(
      tx,
      app,
      rows.map((event) => ({ event, error })),
    )
    return rows.length
  })
  return { settled: 0, failed, refetches: 0 }
}
