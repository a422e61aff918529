import type { Database, Queryable } from '../db/database.ts'
import type { Notifier } from '../sinks/contract.ts'
import { type AlertTimes, closeAlert, openAlert } from './alerts.ts'
import { describeDuration } from './messages.ts'

/** How messages of one purpose fare. Times in seconds, or as Postgres writes them. */
export interface PathHealth {
  purpose: string
  /** Due, and neither sent nor given up. */
  pending: number
  /** Since the oldest of them was due; null where none waits. */
  oldestPendingS: number | null
  /** Given up in the last 24 hours. */
  dead24h: number
  /** Of the last 24 hours, for want of a hook: no fault, if that is meant. */
  skipped24h: number
  /** Null where none was sent of those of the last 30 days. */
  lastSentAt: string | null
  /** Of the newest message that waits or was given up. */
  lastError: string | null
  /** Nothing waits for more than ten minutes, and none was given up since the last that was sent. */
  healthy: boolean
}

/** Past this a message that waits is itself a reason to tell people. */
export const PENDING_MAX_S = 600

/** Whether people are reached, by purpose; purposes without messages in the last 30 days are not listed. */
export async function alertPathHealth(
  db: Queryable,
  app: string,
  { now }: Pick<AlertTimes, 'now'> = {},
): Promise<PathHealth[]> {
  const { rows } = await db.query<Omit<PathHealth, 'healthy'> & { deadSinceSent: boolean }>(
    `with clock as materialized (select coalesce($2::timestamptz, clock_timestamp()) as now),
     recent as (
       select n.*, clock.now, status = 'pending' and send_after <= clock.now as waits,
         status = 'dead' and dead_at > clock.now - interval '24 hours' as died
       from lockstep.notifications as n, clock
       where app = $1 and (status = 'pending' or created_at > clock.now - interval '30 days')
     )
     select purpose, count(*) filter (where waits) as pending,
       extract(epoch from max(now) - min(send_after) filter (where waits))::float8 as "oldestPendingS",
       count(*) filter (where died) as dead24h,
       count(*) filter (where status = 'skipped' and created_at > now - interval '24 hours') as skipped24h,
       max(sent_at) as "lastSentAt",
       (array_agg(error order by id desc) filter (where error is not null and (waits or died)))[1] as "lastError",
       coalesce(max(dead_at) filter (where died) > coalesce(max(sent_at), '-infinity'), false) as "deadSinceSent"
     from recent group by purpose order by purpose`,
    [app, now === undefined ? null : new Date(now)],
  )
  return rows.map(({ deadSinceSent, ...row }) => ({
    ...row,
    healthy: !deadSinceSent && (row.oldestPendingS ?? 0) <= PENDING_MAX_S,
  }))
}

/** Whom to tell of a path that is ill; never a purpose that outsiders read. */
const TELL_UNDER: readonly string[] = ['alerts', 'team', 'summary']

export interface PathWatch extends AlertTimes {
  readonly tellUnder?: readonly string[]
}

/**
 * Opens an alert for each configured purpose whose messages do not come through, and closes it when they do again.
 * It is told under another purpose that works and leads elsewhere; where there is none it is only kept, and shown
 * where open alerts are.
 */
export async function watchAlertPath(
  db: Database,
  app: string,
  notifiers: ReadonlyMap<string, Notifier>,
  { tellUnder = TELL_UNDER, ...times }: PathWatch = {},
): Promise<PathHealth[]> {
  const health = await alertPathHealth(db, app, times)
  const ill = new Set(health.filter((path) => !path.healthy).map(({ purpose }) => purpose))
  for (const path of health) {
    const key = { app, stream: path.purpose, condition: 'notifications' }
    const notifier = notifiers.get(path.purpose)
    if (path.healthy || notifier === undefined) {
      await closeAlert(db, key, times)
      continue
    }
    const illHooks = new Set([...ill].map((purpose) => notifiers.get(purpose)))
    const other = tellUnder.find((purpose) => notifiers.has(purpose) && !illHooks.has(notifiers.get(purpose)))
    await openAlert(db, key, { level: 'critical', detail: describe(path), purpose: other ?? null }, times)
  }
  return health
}

function describe({ purpose, pending, oldestPendingS, dead24h, lastError }: PathHealth): string {
  const waiting =
    pending > 0 ? [`${pending} wait, the oldest for ${describeDuration(oldestPendingS ?? 0)}`] : []
  const dead = dead24h > 0 ? [`${dead24h} were given up in the last 24 hours`] : []
  const error = lastError === null ? '' : `. The last error: ${lastError}`
  return `messages for "${purpose}" do not come through: ${[...waiting, ...dead].join('; ')}${error}`
}
