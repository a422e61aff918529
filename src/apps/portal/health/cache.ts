import {
  below,
  type Checked,
  type CheckInput,
  type HealthCheck,
  list,
  oneAlert,
  plural,
  round,
  worst,
} from './check.ts'

interface Row {
  reads: number
  hits: number
  failed: number
  broken: string[] | null
}

const FIGURES = `select coalesce(sum(calls), 0)::int as reads,
  coalesce(sum(calls) filter (where cache_hit), 0)::int as hits,
  coalesce(sum(calls) filter (where not success), 0)::int as failed,
  (select array_agg(cache_key order by cache_key) from public.data_cache_metadata
    where error is not null and greatest(last_updated_at, coalesce(expires_at, '-infinity'))
      > $1::timestamptz - make_interval(secs => $2::float8 * 60)) as broken
from public.function_call_logs
where called_at > $1::timestamptz - make_interval(secs => $2::float8 * 60) and called_at <= $1::timestamptz`

/** How many reads were answered from the cache, and whether it can be filled. */
export const cacheHitRate: HealthCheck = {
  name: 'cache_hit_rate',
  unit: 'percent',
  async run({ db, now, thresholds: { cache: limits } }: CheckInput): Promise<Checked> {
    const { rows } = await db.query<Row>(FIGURES, [now.toISOString(), limits.windowMinutes])
    const { reads, hits, failed, broken } = rows[0] ?? { reads: 0, hits: 0, failed: 0, broken: null }
    const rate = reads === 0 || reads < limits.readsMin ? undefined : (hits * 100) / reads
    const severity = worst(
      rate === undefined ? 'ok' : below(rate, limits.warningBelowPercent, limits.criticalBelowPercent),
      broken === null && failed === 0 ? 'ok' : 'warning',
    )
    const parts = [
      rate === undefined
        ? `too few reads to judge by: ${reads}`
        : `${round(rate)} % of ${reads} reads were answered from the cache`,
      ...(failed === 0 ? [] : [`${plural(failed, 'read')} had no answer`]),
      ...(broken === null ? [] : [`could not be read anew: ${list(broken)}`]),
    ]
    const detail = parts.join('; ')
    return {
      severity,
      value: rate === undefined ? null : round(rate),
      unit: 'percent',
      detail,
      workspaces: [],
      figures: { reads, hits, failed, broken: broken ?? [] },
      // Nobody reads at night: that is no recovery.
      alerts:
        rate === undefined && severity === 'ok' ? new Map() : oneAlert('cache_hit_rate', severity, detail),
    }
  },
}
