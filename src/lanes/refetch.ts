import { type Database, isOutage, sqlState } from '../db/database.ts'
import { DailyCapError, describeError, VendorUnavailableError } from '../engine/errors.ts'
import { SETTLE_MS } from '../engine/read-time.ts'
import { nextDelayMs, refetchRetry } from '../engine/retry.ts'
import { type Page, ROW, type Stream } from '../sources/contract.ts'
import { type Arrival, arrive, observeAbsence, observePage } from './observe.ts'
import { absorb, type Pipeline } from './pipeline.ts'
import { collapseAll } from '../mirror/apply.ts'
import {
  type ClaimedBatch,
  type ClaimedKey,
  claimRefetch,
  postponeRefetch,
  settleRefetch,
  type Share,
} from './refetch-queue.ts'
import { touchedBy } from './touched.ts'

/** After its tries a request rests this long between tries: it is never dropped. */
const REST_MS = 3_600_000

/**
 * Serves up to `keysMax` requests of the stream that waited longest. Returns how many keys it took; 0 where nothing
 * is due. Throws VendorUnavailableError and DailyCapError after giving the requests back: the caller waits.
 */
export async function refetchOnce(
  db: Database,
  pipeline: Pipeline,
  signal: AbortSignal,
  share?: Share,
): Promise<number> {
  const batch = await claimRefetch(db, pipeline.app, pipeline.source.keysMax, share)
  if (batch === undefined) return 0
  const stream = pipeline.source.streams.find((s) => s.id === batch.stream)
  if (stream === undefined) {
    // The board was taken out of the configuration: nothing will ever serve these.
    await settleRefetch(db, pipeline.app, batch, batch.keys)
    return batch.keys.length
  }
  await fetchAndServe(db, pipeline, stream, batch, signal)
  return batch.keys.length
}

/** A row that the database refuses is found by halving, as with events: the others must not wait for it. */
async function fetchAndServe(
  db: Database,
  pipeline: Pipeline,
  stream: Stream,
  batch: ClaimedBatch,
  signal: AbortSignal,
): Promise<void> {
  try {
    const arrival = await arrive(db)
    const keys = batch.keys.map((k) => k.key)
    const page = await pipeline.source.readKeys({ stream, part: batch.part, keys, signal })
    await serve(db, pipeline, stream, { batch, page, arrival })
  } catch (error) {
    // Stopped amid a call or a wait: as little the rows' fault as an outage.
    const passing = isPassing(error) || signal.aborted
    // Only the database tells a bad row from the others. What the vendor refuses, it would refuse a hundred times.
    if (passing || batch.keys.length === 1 || sqlState(error) === undefined) {
      await giveBack(db, pipeline.app, batch, error, !passing)
      if (passing) throw error
      return
    }
    const half = Math.ceil(batch.keys.length / 2)
    for (const keys of [batch.keys.slice(0, half), batch.keys.slice(half)]) {
      await fetchAndServe(db, pipeline, stream, { ...batch, keys }, signal)
    }
  }
}

/** Nothing about the rows is at fault. */
const isPassing = (error: unknown): boolean =>
  error instanceof VendorUnavailableError || error instanceof DailyCapError || isOutage(error)

interface Answer {
  readonly batch: ClaimedBatch
  readonly page: Page
  readonly arrival: Arrival
}

/**
 * What an answer with gaps withholds may be just what was asked for, so its requests are asked again, rows and all; a
 * row that was met is let go when its tries are used up, for then its gap is there to stay.
 */
async function serve(db: Database, pipeline: Pipeline, stream: Stream, answer: Answer): Promise<void> {
  const { batch, page, arrival } = answer
  const met = new Set(page.rows.map((row) => row.key))
  const missing = batch.part === ROW ? batch.keys.filter((k) => !met.has(k.key)) : []
  const partial = page.gaps.length > 0
  // A replica may lag behind the event that made us ask: only after `settle` does "not there" mean gone, and only when
  // it was said before, since somebody may have set the clock that the age is told by.
  const early = partial
    ? batch.keys.filter((k) => !met.has(k.key) || nextDelayMs(refetchRetry, k.attempts + 1, 0) !== undefined)
    : missing.filter((k) => !k.asked || k.age_s * 1000 < SETTLE_MS)
  const gone = missing.filter((k) => !early.includes(k))
  const observations = [
    ...observePage(stream, batch.part, page, arrival),
    ...gone.map((k) => observeAbsence(stream, k.key, page, arrival)),
  ]
  const served = batch.keys.filter((k) => !early.includes(k))
  await db.transaction(async (tx, attempt) => {
    const options = { attempt, refetches: page.refetches ?? [], touched: touchedBy(observations) }
    await absorb(tx, pipeline, collapseAll(pipeline.mirror, observations), options)
    await settleRefetch(tx, pipeline.app, batch, served)
    const counted = partial
    const waits = early.map((k) => ({
      key: k.key,
      delayMs: counted ? retryMs(k) : settledInMs(k),
    }))
    const error = counted ? page.gaps.join('; ') : 'not found yet'
    if (waits.length > 0) await postponeRefetch(tx, pipeline.app, batch, waits, { error, counted })
  })
}

const settledInMs = ({ age_s }: ClaimedKey): number => {
  const ageMs = age_s * 1000
  return ageMs > 0 && ageMs < SETTLE_MS ? SETTLE_MS - ageMs : SETTLE_MS
}

const retryMs = (key: ClaimedKey): number =>
  nextDelayMs(refetchRetry, key.attempts + 1, Math.random()) ?? REST_MS

async function giveBack(
  db: Database,
  app: string,
  batch: ClaimedBatch,
  error: unknown,
  counted: boolean,
): Promise<void> {
  const waitMs =
    error instanceof DailyCapError
      ? Math.max(0, error.untilMs - Date.now())
      : error instanceof VendorUnavailableError
        ? (error.retryAfterMs ?? 5_000)
        : undefined
  const keys = batch.keys.map((k) => ({ key: k.key, delayMs: waitMs ?? (counted ? retryMs(k) : 1_000) }))
  await postponeRefetch(db, app, batch, keys, {
    error: describeError(error).slice(0, 2000),
    counted,
  })
}
