import type { Database } from '../../db/database.ts'
import { describeError, LockstepError } from '../../engine/errors.ts'
import type { Statistics, StatisticsReader } from '../../sources/email-bison/statistics.ts'
import type { Job, JobContext } from '../contract.ts'
import { forgetOldSchedules, keepSchedules, type Schedules } from './schedules.ts'
import { keepVendorMetrics, type VendorMetrics } from './vendor-metrics.ts'

/** What a workspace is asked for the first time: as far back as its pages go. */
const HISTORY_DAYS = 90
/** And each night: late replies and bounces still change the days before. */
const NIGHTLY_DAYS = 7
const PATIENCE_MS = 20 * 60_000
/** Workspaces asked side by side; the source's budget paces them. */
const AT_ONCE = 4

/** The vendor's own figures, of today every quarter of an hour and of the days before each night, beside our ledger's. */
export function statisticsJobs(reader: () => StatisticsReader | undefined, timeZone: string): readonly Job[] {
  const run = (daysBack: number) => async (db: Database, now: Date, context: JobContext) => {
    const statistics = reader()
    if (statistics === undefined) return
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)])
    const { failures } = await refreshStatistics(db, statistics, { now, daysBack, signal })
    if (failures.length > 0)
      throw new LockstepError(
        `${failures.length} workspaces have no fresh statistics: ${failures.map(({ name, error }) => `${name}: ${error}`).join('; ')}`,
      )
  }
  return [
    { name: 'portal-statistics', cron: '*/15 * * * *', run: run(0) },
    { name: 'portal-truth', cron: '0 3 * * *', timeZone, run: run(NIGHTLY_DAYS) },
  ]
}

export interface Refresh {
  readonly now: Date
  /** Days before today that are read too; the first time of a workspace it is 90 whatever this says. */
  readonly daysBack: number
  readonly signal: AbortSignal
  /** Only these workspaces. */
  readonly scopes?: readonly string[]
}

/** Reads and keeps the vendor's figures of every workspace; one that fails keeps what it had, and is named. */
export async function refreshStatistics(
  db: Database,
  reader: StatisticsReader,
  { now, daysBack, signal, scopes }: Refresh,
): Promise<{ readonly failures: readonly { readonly name: string; readonly error: string }[] }> {
  const { rows } = await db.query<{ today: string; month: string }>(
    `select d::text as today, date_trunc('month', d)::date::text as month
     from public.business_date($1::timestamptz) as d`,
    [now.toISOString()],
  )
  const { today = '', month = '' } = rows[0] ?? {}
  const failures: { name: string; error: string }[] = []
  await forgetOldSchedules(db, now)
  const wanted = reader.scopes().filter(({ scope }) => scopes?.includes(scope) ?? true)
  const next = wanted.values()
  const work = async (): Promise<void> => {
    for (const { scope, name } of next) {
      if (signal.aborted) return
      try {
        const from = dayBefore(today, (await isKnown(db, scope)) ? daysBack : HISTORY_DAYS)
        const { schedules, ...read } = await readScope(reader, { scope, from, today, month, signal })
        await db.transaction(async (tx) => keepVendorMetrics(tx, read.metrics))
        if (schedules !== undefined) await db.transaction(async (tx) => keepSchedules(tx, schedules))
        if (read.error !== undefined) failures.push({ name, error: read.error })
      } catch (error) {
        failures.push({ name, error: describeError(error) })
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return { failures }
}

interface Asked {
  readonly scope: string
  readonly from: string
  readonly today: string
  readonly month: string
  readonly signal: AbortSignal
}

interface ScopeRead {
  readonly metrics: readonly VendorMetrics[]
  readonly schedules: Schedules | undefined
  /** Why the schedules are not here. */
  readonly error: string | undefined
}

async function readScope(reader: StatisticsReader, asked: Asked): Promise<ScopeRead> {
  const { scope, from, today, month, signal } = asked
  const polledAtMs = Date.now()
  const days = await reader.daily(scope, from, today, signal)
  const whole = await reader.total(scope, month, today, signal)
  const { schedules, error } = await readSchedules(reader, asked)
  const scheduled =
    schedules === undefined
      ? {}
      : {
          emails_scheduled_today: sumOf(schedules.today),
          emails_scheduled_tomorrow: sumOf(schedules.tomorrow),
        }
  const metrics: VendorMetrics[] = [
    ...days.map(({ day, ...figures }): VendorMetrics => ({
      scope,
      date: day,
      period: 'day',
      polledAtMs,
      figures: told(figures),
    })),
    { scope, date: today, period: 'mtd', polledAtMs, figures: { ...told(whole), ...scheduled } },
  ]
  return { metrics, schedules, error }
}

const sumOf = (scheduled: Schedules['today']): number =>
  scheduled.reduce((sum, { emails }) => sum + emails, 0)

/** Schedules that cannot be read do not keep the statistics from being kept. */
async function readSchedules(
  reader: StatisticsReader,
  { scope, today: day, signal }: Asked,
): Promise<Pick<ScopeRead, 'schedules' | 'error'>> {
  try {
    const today = await reader.scheduled(scope, 'today', signal)
    const tomorrow = await reader.scheduled(scope, 'tomorrow', signal)
    return { schedules: { scope, day, today, tomorrow }, error: undefined }
  } catch (error) {
    return { schedules: undefined, error: `what is scheduled: ${describeError(error)}` }
  }
}

/** What the vendor left out is not zero. */
export const told = (figures: Statistics): VendorMetrics['figures'] =>
  Object.fromEntries(Object.entries(figures).filter(([, value]) => value !== null))

async function isKnown(db: Database, scope: string): Promise<boolean> {
  const { rowCount } = await db.query(
    `select 1 from public.vendor_metrics where scope = $1 and period = 'day' limit 1`,
    [scope],
  )
  return (rowCount ?? 0) > 0
}

const dayBefore = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) - days * 86_400_000).toISOString().slice(0, 10)
