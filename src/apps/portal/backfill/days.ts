import type { Database, Transaction } from '../../../db/database.ts'
import type { StatisticsReader } from '../../../sources/email-bison/statistics.ts'
import { told } from '../statistics.ts'
import { keepVendorMetrics, type VendorMetrics } from '../vendor-metrics.ts'

/** A workspace's days that are to be read: `YYYY-MM-DD`, both included. */
export interface Days {
  readonly scope: string
  readonly from: string
  readonly to: string
}

/**
 * How often the month so far is asked for beside the days themselves: as of each day, or at the end of each month
 * alone, which is one call a month instead of one a day.
 */
export type Grain = 'day' | 'month'

export interface Job extends Days {
  readonly grain: Grain
  readonly fresh: boolean
  readonly signal: AbortSignal
  /** So many days more are here; `resumed` of them were before. */
  readonly onDays: (days: number, resumed?: number) => void
}

const LANE = 'statistics'
/** Older than this an interrupted reading is not carried on: the days that it had have changed since. */
const RESUME_HOURS = 24
const DAY_MS = 86_400_000

export const addDays = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * DAY_MS).toISOString().slice(0, 10)

export const countDays = ({ from, to }: Pick<Days, 'from' | 'to'>): number =>
  to < from ? 0 : Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1

const monthOf = (day: string): string => `${day.slice(0, 7)}-01`

function monthEnd(day: string): string {
  const month = new Date(`${monthOf(day)}T00:00:00Z`)
  month.setUTCMonth(month.getUTCMonth() + 1)
  return addDays(month.toISOString().slice(0, 10), -1)
}

/** The parts of a range that lie in one month each. */
function* months({ from, to }: Pick<Days, 'from' | 'to'>): Generator<{ from: string; to: string }> {
  for (let day = from; day <= to; day = addDays(monthEnd(day), 1)) {
    const end = monthEnd(day)
    yield { from: day, to: end < to ? end : to }
  }
}

/**
 * Reads the vendor's figures of a workspace's days, the oldest first, and keeps them, each with the mark of how far it
 * got: killed anywhere, it goes on after the last day that it kept.
 */
export async function readDays(db: Database, reader: StatisticsReader, job: Job): Promise<void> {
  const done = job.fresh ? undefined : await readMark(db, job)
  const from = done === undefined ? job.from : addDays(done, 1)
  const before = countDays({ from: job.from, to: addDays(from, -1) })
  if (before > 0) job.onDays(before, before)
  for (const part of months({ from, to: job.to })) {
    const charted = await reader.daily(job.scope, part.from, part.to, job.signal)
    const byDay = new Map(charted.map(({ day, ...figures }) => [day, told(figures)]))
    for (const step of stepsOf(part, job.grain)) {
      job.signal.throwIfAborted()
      await keepStep(db, reader, job, { ...step, byDay })
      job.onDays(countDays(step))
    }
  }
}

function* stepsOf(part: { from: string; to: string }, grain: Grain): Generator<{ from: string; to: string }> {
  if (grain === 'month') yield part
  else for (let day = part.from; day <= part.to; day = addDays(day, 1)) yield { from: day, to: day }
}

interface Step {
  readonly from: string
  readonly to: string
  readonly byDay: ReadonlyMap<string, VendorMetrics['figures']>
}

async function keepStep(
  db: Database,
  reader: StatisticsReader,
  job: Job,
  { from, to, byDay }: Step,
): Promise<void> {
  const { scope, signal } = job
  const polledAtMs = Date.now()
  const whole = await reader.total(scope, monthOf(to), to, signal)
  const days = [...byDay].filter(([day]) => day >= from && day <= to)
  await db.transaction(async (tx) => {
    await keepVendorMetrics(tx, [
      ...days.map(([date, figures]): VendorMetrics => ({ scope, date, period: 'day', polledAtMs, figures })),
      { scope, date: to, period: 'mtd', polledAtMs, figures: told(whole) },
    ])
    await mark(tx, job, to)
  })
}

interface Mark {
  readonly from: string
  readonly to: string
  readonly grain: Grain
  readonly done: string
}

/** The last day that an interrupted reading of the same days kept; undefined where there was none of late. */
async function readMark(db: Database, { scope, from, to, grain }: Job): Promise<string | undefined> {
  const { rows } = await db.query<{ state: Mark }>(
    `select state from lockstep.checkpoints where app = 'portal' and lane = $1 and stream = $2
       and updated_at > clock_timestamp() - make_interval(hours => $3)`,
    [LANE, scope, RESUME_HOURS],
  )
  const state = rows[0]?.state
  return state?.from === from && state.to === to && state.grain === grain ? state.done : undefined
}

async function mark(tx: Transaction, { scope, from, to, grain }: Job, done: string): Promise<void> {
  const state: Mark = { from, to, grain, done }
  await tx.query(
    `insert into lockstep.checkpoints (app, lane, stream, state) values ('portal', $1, $2, $3)
     on conflict (app, lane, stream) do update set state = excluded.state, updated_at = clock_timestamp()`,
    [LANE, scope, JSON.stringify(state)],
  )
}

/** All were read: the next time begins anew. */
export async function forgetMarks(db: Database): Promise<void> {
  await db.query(`delete from lockstep.checkpoints where app = 'portal' and lane = $1`, [LANE])
}
