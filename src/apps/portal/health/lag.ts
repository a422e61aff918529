import { describeDuration } from '../../../alerts/messages.ts'
import { above, type Checked, type CheckInput, type HealthCheck, oneAlert, worst } from './check.ts'

interface Row {
  settled: number
  p50: number | null
  p95: number | null
  pending: number
  oldest_s: number | null
  retrying: number
  dead: number
}

/** Events that failed wait for their next try on purpose: they are counted apart from those that wait for us. */
const FIGURES = `with span as (
  select $1::timestamptz as until, $1::timestamptz - make_interval(secs => $2::float8 * 60) as since
),
settled as (
  select o.processing_ms
  from span
  join lockstep.inbox_events as e on e.received_at > span.since and e.received_at <= span.until
  join lockstep.inbox_outcomes as o on o.id = e.id
  where e.app = 'portal' and e.via = 'webhook' and o.status = 'processed'
),
waiting as (
  select e.received_at, q.attempts
  from lockstep.inbox_queue as q join lockstep.inbox_events as e on e.id = q.id where q.app = 'portal'
)
select (select count(*)::int from settled) as settled,
  (select percentile_cont(0.5) within group (order by processing_ms) from settled) as p50,
  (select percentile_cont(0.95) within group (order by processing_ms) from settled) as p95,
  (select count(*)::int from waiting where attempts = 0) as pending,
  (select extract(epoch from span.until - min(received_at))::float8 from waiting where attempts = 0) as oldest_s,
  (select count(*)::int from waiting where attempts > 0) as retrying,
  (select count(*)::int from lockstep.inbox_outcomes where app = 'portal' and status = 'dead'
    and processed_at > span.until - interval '24 hours') as dead
from span`

const NONE: Row = { settled: 0, p50: null, p95: null, pending: 0, oldest_s: null, retrying: 0, dead: 0 }

/** How long events take from their receipt until they are counted, and whether any wait. */
export const syncLag: HealthCheck = {
  name: 'sync_lag',
  unit: 'ms',
  async run({ db, now, thresholds: { lag: limits } }: CheckInput): Promise<Checked> {
    const { rows } = await db.query<Row>(FIGURES, [now.toISOString(), limits.windowMinutes])
    const row = rows[0] ?? NONE
    const oldestS = Math.max(0, row.oldest_s ?? 0)
    const failing = row.retrying + row.dead
    const severity = worst(
      above(row.p95 ?? 0, limits.warningAboveP95Ms, limits.criticalAboveP95Ms),
      above(oldestS, limits.warningAbovePendingS, limits.criticalAbovePendingS),
      above(failing, limits.warningAboveFailing, limits.criticalAboveFailing),
    )
    const parts = [
      row.p95 === null
        ? `no event came by webhook in the last ${limits.windowMinutes} minutes`
        : `95 % of ${row.settled} events were settled within ${Math.round(row.p95)} ms`,
      ...(row.pending > 0 ? [`${row.pending} wait, the oldest for ${describeDuration(oldestS)}`] : []),
      ...(failing > 0
        ? [`${row.retrying} failed and wait for another try, ${row.dead} were given up in 24 hours`]
        : []),
    ]
    const help = severity === 'ok' ? '' : '. See "lockstep status" and "lockstep events dead"'
    const detail = `${parts.join('; ')}${help}`
    return {
      severity,
      value: row.p95 === null ? null : Math.round(row.p95),
      unit: 'ms',
      detail,
      workspaces: [],
      figures: {
        settled: row.settled,
        p50Ms: row.p50,
        p95Ms: row.p95,
        pending: row.pending,
        oldestPendingS: row.oldest_s,
        retrying: row.retrying,
        dead24h: row.dead,
      },
      alerts: oneAlert('sync_lag', severity, detail),
    }
  },
}
