import type { Queryable } from '../../../db/database.ts'
import type { Json } from '../../../engine/observation.ts'
import type { Thresholds } from './thresholds.ts'

/** One of our counts that differs from the vendor's by more than is tolerated. */
export interface Drift {
  readonly scope: string
  readonly name: string
  readonly metric: string
  /** Business day, YYYY-MM-DD; of `mtd` the last of the month so far. */
  readonly day: string
  readonly period: 'day' | 'mtd'
  readonly ours: number
  readonly vendor: number
  /** Of the vendor's figure; 100 where that is 0. */
  readonly percent: number
}

/** How many days back each day is compared: late replies and bounces still change those of a week. */
const DAYS_BACK = 7

const DRIFTS = `select v.scope, v.workspace_name as name, v.metric, v.metric_date::text as day, v.period, v.ours, v.vendor,
  coalesce(v.drift_percentage, 100)::float8 as percent
from public.vendor_drift as v
join public.client_registry as r on r.scope = v.scope and r.is_active
where abs(v.drift) > $2 and coalesce(v.drift_percentage, 100) > $3 and ($4::text[] is null or v.scope = any ($4))
  and v.metric_date <= public.business_date($1)
  and v.metric_date >= case v.period when 'day' then public.business_date($1) - $5::int else public.business_date($1) end
order by v.workspace_name, percent desc, v.metric, v.metric_date desc`

/** What differs, of all active workspaces or of these, the gravest first of each. */
export async function readDrifts(
  db: Queryable,
  now: Date,
  limits: Thresholds['consistency'],
  scopes?: readonly string[],
): Promise<Drift[]> {
  const { rows } = await db.query<Drift>(DRIFTS, [
    now.toISOString(),
    limits.toleratedCount,
    limits.warningAbovePercent,
    scopes ?? null,
    DAYS_BACK,
  ])
  return rows
}

/** How many figures of active workspaces were compared. */
export async function countCompared(db: Queryable, now: Date): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from public.vendor_drift as v
     join public.client_registry as r on r.scope = v.scope and r.is_active
     where v.metric_date <= public.business_date($1)
       and v.metric_date >= case v.period when 'day' then public.business_date($1) - $2::int
         else public.business_date($1) end`,
    [now.toISOString(), DAYS_BACK],
  )
  return rows[0]?.n ?? 0
}

const WORDS: Readonly<Record<string, string>> = {
  emails_sent: 'mails sent',
  opened: 'opens',
  replied: 'replies',
  bounced: 'bounces',
  unsubscribed: 'unsubscribes',
  interested: 'interested',
}

const LISTED = 3

/** `mails sent of 2026-11-20: 90 here, 120 at Email Bison (25 %)`, of the gravest few. */
export function describeDrifts(drifts: readonly Drift[]): string {
  const parts = drifts
    .slice(0, LISTED)
    .map(
      ({ metric, day, period, ours, vendor, percent }) =>
        `${WORDS[metric] ?? metric} ${period === 'day' ? 'of' : 'of the month up to'} ${day}: ${ours} here, ${vendor} at Email Bison (${Math.round(percent * 10) / 10} %)`,
    )
  const rest = drifts.length - LISTED
  return rest > 0 ? `${parts.join('; ')}; and ${rest} more` : parts.join('; ')
}

export const driftsJson = (drifts: readonly Drift[]): Json =>
  drifts.map(({ metric, day, period, ours, vendor, percent }) => ({
    metric,
    day,
    period,
    ours,
    vendor,
    percent,
  }))
