import { setTimeout as sleep } from 'node:timers/promises'
import type { Database } from '../../../db/database.ts'
import { describeError, LockstepError } from '../../../engine/errors.ts'
import { checkEventLog } from '../../../inbox/event-log.ts'
import { processBatch } from '../../../inbox/process.ts'
import type { StatisticsReader } from '../../../sources/email-bison/statistics.ts'
import type { Backfilled, BackfillRequest } from '../../contract.ts'
import { countDays, type Days, forgetMarks, type Grain, readDays } from './days.ts'
import { checkDays, readToday, wholeHistory } from './range.ts'

/** Workspaces asked side by side; the source's budget paces them. */
const AT_ONCE = 4
/** Younger events may still be on their way by webhook. */
const GRACE_MS = 90_000
const EVENTS_PER_BATCH = 500
/** A node that reads a workspace's record at this moment is done with it in a second or two. */
const BUSY_TRIES = 20
const BUSY_MS = 500
const DAY_MS = 86_400_000

interface Failure {
  readonly name: string
  readonly error: string
}

/**
 * The truth sync of past days: the vendor's figures of these days for every workspace, and the events of these days as
 * far as the vendor keeps them. A workspace that cannot be read is named and holds nobody.
 */
export async function backfillPortal(
  db: Database,
  reader: StatisticsReader,
  request: BackfillRequest,
): Promise<Backfilled> {
  const today = await readToday(db, request.now)
  if (request.days !== undefined) checkDays(request.days, today)
  const names = new Map(reader.scopes().map(({ scope, name }) => [scope, name]))
  const wanted = await daysOf(db, [...names.keys()], request.days, today.today)
  const from = wanted.reduce((first, days) => (days.from < first ? days.from : first), today.today)
  const to = request.days?.to ?? today.today
  const events = await readEvents(db, request, { scopes: names, from, to })
  const grain: Grain = request.days === undefined ? 'month' : 'day'
  const statistics = await readAllDays(db, reader, request, { wanted, names, grain })
  const failures = [...events.failures, ...statistics.failures]
  // One that was stopped, or that lacks a workspace, is carried on by the same command.
  if (failures.length === 0 && !request.signal.aborted) await forgetMarks(db)
  return {
    from,
    to,
    accounts: wanted.length,
    days: statistics.days,
    resumed: statistics.resumed,
    events: events.filled,
    failures,
    notes: [...events.notes, ...(statistics.resumed > 0 ? [RESUMED] : [])],
  }
}

const RESUMED = 'It went on where the last one stopped; with --fresh it begins anew'

async function daysOf(
  db: Database,
  scopes: readonly string[],
  days: BackfillRequest['days'],
  today: string,
): Promise<readonly Days[]> {
  if (days === undefined) return wholeHistory(db, scopes, today)
  return scopes.map((scope) => ({ scope, ...days }))
}

interface Wanted {
  readonly wanted: readonly Days[]
  readonly names: ReadonlyMap<string, string>
  readonly grain: Grain
}

async function readAllDays(
  db: Database,
  reader: StatisticsReader,
  { fresh, signal, onProgress }: BackfillRequest,
  { wanted, names, grain }: Wanted,
): Promise<{ days: number; resumed: number; failures: Failure[] }> {
  const total = wanted.reduce((sum, days) => sum + countDays(days), 0)
  let [done, resumed] = [0, 0]
  const onDays = (days: number, before = 0): void => {
    done += days
    resumed += before
    onProgress?.({ done, total })
  }
  const failures = await sideBySide(wanted, signal, names, (days) =>
    readDays(db, reader, { ...days, grain, fresh, signal, onDays }),
  )
  return { days: done - resumed, resumed, failures }
}

/** Does the work for each workspace, a few at a time; what fails is named. Ends early when `signal` aborts. */
async function sideBySide<T extends { readonly scope: string }>(
  all: readonly T[],
  signal: AbortSignal,
  names: ReadonlyMap<string, string>,
  work: (one: T) => Promise<void>,
): Promise<Failure[]> {
  const failures: Failure[] = []
  const next = all.values()
  const worker = async (): Promise<void> => {
    for (const one of next) {
      if (signal.aborted) return
      try {
        await work(one)
      } catch (error) {
        if (signal.aborted) return
        failures.push({ name: names.get(one.scope) ?? one.scope, error: describeError(error) })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return failures
}

/** The events since these days began, as far as the vendor keeps them: into the inbox, and from there counted. */
async function readEvents(
  db: Database,
  { pipeline, now, signal }: BackfillRequest,
  { scopes, from, to }: { scopes: ReadonlyMap<string, string>; from: string; to: string },
): Promise<{ filled: number; failures: Failure[]; notes: string[] }> {
  const keptMs = pipeline.source.eventLog?.keptMs ?? 0
  const { rows } = await db.query<{ from: number; to: number }>(
    `select (extract(epoch from public.business_day_start($1::date)) * 1000)::float8 as from,
       (extract(epoch from public.business_day_start($2::date + 1)) * 1000)::float8 as to`,
    [from, to],
  )
  const range = rows[0] ?? { from: 0, to: 0 }
  const keptFromMs = now.getTime() - keptMs
  const notes =
    range.from < keptFromMs
      ? [
          `Events are kept by the vendor for ${Math.floor(keptMs / DAY_MS)} days; of older days only its figures are read`,
        ]
      : []
  if (range.to <= keptFromMs) return { filled: 0, failures: [], notes }
  let filled = 0
  const all = [...scopes.keys()].map((scope) => ({ scope }))
  const failures = await sideBySide(all, signal, scopes, async ({ scope }) => {
    const options = { signal, nowMs: now.getTime(), graceMs: GRACE_MS, againFromMs: range.from }
    const here = await untilFree(
      async () => (await checkEventLog(db, pipeline, scope, options))?.filled,
      signal,
    )
    filled += here
  })
  await countThem(db, pipeline, signal)
  return { filled, failures, notes }
}

async function untilFree(work: () => Promise<number | undefined>, signal: AbortSignal): Promise<number> {
  for (let tries = 1; tries <= BUSY_TRIES; tries++) {
    const done = await work()
    if (done !== undefined) return done
    await sleep(BUSY_MS, undefined, { signal })
  }
  throw new LockstepError('another process reads its events at this moment; try again')
}

/** Claims keep a worker that runs beside us from settling the same events. */
async function countThem(
  db: Database,
  pipeline: BackfillRequest['pipeline'],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const { settled, failed } = await processBatch(db, pipeline, EVENTS_PER_BATCH)
    if (settled + failed === 0) return
  }
}
