import type { Finding } from '../../../alerts/alerts.ts'
import type { Transaction } from '../../../db/database.ts'
import { latencyQuantileMs } from '../../../engine/latency.ts'
import type { Account } from '../../../sources/email-bison/source.ts'
import {
  above,
  type Ailing,
  below,
  type Checked,
  type CheckInput,
  type HealthCheck,
  list,
  plural,
  round,
  type Severity,
  worst,
} from './check.ts'
import type { Thresholds } from './thresholds.ts'

export type ApiHealth = 'healthy' | 'degraded' | 'failing' | 'no_key'

/** How the calls of one account fare; times in milliseconds since 1970. */
interface AccountCalls {
  readonly account: string
  readonly failures: number
  readonly succeededAtMs: number | null
  readonly failedAtMs: number | null
  readonly error: string | null
  readonly callsToday: number
  readonly errorsToday: number
}

/**
 * How a workspace's API is: without a token nothing can be read; after some failures in a row it fails; with fewer, or
 * where the last success is old, it is degraded. Undefined where it was never asked.
 */
export function apiHealthOf(
  hasToken: boolean,
  calls: Pick<AccountCalls, 'failures' | 'succeededAtMs'> | undefined,
  { nowMs, limits }: { nowMs: number; limits: Thresholds['api'] },
): ApiHealth | undefined {
  if (!hasToken) return 'no_key'
  if (calls === undefined) return undefined
  if (calls.failures >= limits.failuresInARow) return 'failing'
  const recent =
    calls.succeededAtMs !== null && nowMs - calls.succeededAtMs <= limits.successWithinMinutes * 60_000
  return calls.failures > 0 || !recent ? 'degraded' : 'healthy'
}

const ACCOUNTS = `select a.account, a.failures_in_a_row as failures,
  (extract(epoch from a.last_success_at) * 1000)::float8 as "succeededAtMs",
  (extract(epoch from a.last_failure_at) * 1000)::float8 as "failedAtMs", a.last_error as error,
  coalesce(t.calls, 0)::int as "callsToday", coalesce(t.errors, 0)::int as "errorsToday"
from lockstep.vendor_accounts as a
left join lateral (
  select sum(calls) as calls, sum(errors) as errors from lockstep.vendor_calls as c
  where c.app = a.app and c.account = a.account
    and c.slot >= public.business_day_start(public.business_date($1)) and c.slot <= $1
) as t on true
where a.app = 'portal'`

interface InstanceCalls {
  instance: string
  calls: number
  errors: number
  rejected: number
  latencies: number[]
}

/** A slot counts where any of it lies in the window. */
const INSTANCES = `with recent as (
  select split_part(account, '/', 1) as instance, calls, errors, rejected, latencies from lockstep.vendor_calls
  where app = 'portal' and slot > $1::timestamptz - make_interval(secs => $2::float8 * 60 + 300) and slot <= $1
),
places as (
  select instance, place, sum(n)::int as n from recent, unnest(latencies) with ordinality as l (n, place)
  group by instance, place
),
timed as (
  select instance, array_agg(n order by place) as latencies from places group by instance
)
select r.instance, sum(r.calls)::int as calls, sum(r.errors)::int as errors, sum(r.rejected)::int as rejected,
  coalesce(t.latencies, '{}') as latencies
from recent as r left join timed as t using (instance)
group by r.instance, t.latencies order by r.instance`

/** How fast and how well the vendor's API answers, by installation and by workspace. */
export const vendorApi: HealthCheck = {
  name: 'api_health',
  unit: 'ms',
  async run({ db, now, thresholds: { api: limits }, bison }: CheckInput): Promise<Checked> {
    // What this node has not written yet.
    await bison.usage()
    const at = now.toISOString()
    const { rows: calls } = await db.query<AccountCalls>(ACCOUNTS, [at])
    const { rows: instances } = await db.query<InstanceCalls>(INSTANCES, [at, limits.windowMinutes])
    const { rows: off } = await db.query<{ scope: string }>(
      'select scope from public.client_registry where not is_active',
    )
    const inactive = new Set(off.map(({ scope }) => scope))
    const byAccount = new Map(calls.map((row) => [row.account, row]))
    const judged = bison.accounts().map((account) => {
      const own = byAccount.get(account.scope)
      const health = apiHealthOf(account.hasToken, own, { nowMs: now.getTime(), limits })
      return { account, calls: own, health }
    })
    const ailing = judged.flatMap((one) => (inactive.has(one.account.scope) ? [] : ailingOf(one)))
    const found = instances.map((row) => {
      const listing = describeListing(byAccount.get(row.instance), limits)
      return judgeInstance(row, { ailing, listing }, limits)
    })
    // A workspace of an installation that made no call at all, for want of a token.
    const silent = ailing.filter(({ scope }) => !instances.some((row) => row.instance === instanceOf(scope)))
    const all = [...found, ...silentInstances(silent)]
    const slowest = Math.max(...found.map(({ p95Ms }) => p95Ms ?? -1))
    return {
      severity: worst('ok', ...all.map((one) => one.severity), ...ailing.map((one) => one.severity)),
      value: slowest < 0 ? null : Math.round(slowest),
      unit: 'ms',
      detail: all.length === 0 ? 'no call was made' : all.map((one) => one.detail).join('. '),
      workspaces: ailing,
      figures: { instances: found.map(({ figures }) => figures) },
      alerts: new Map([['api_health', { found: alertsOf(all) }]]),
      keep: (tx) => keepHealth(tx, judged, now),
    }
  },
}

const instanceOf = (account: string): string => account.split('/')[0] ?? account

interface Judged {
  readonly account: Account
  readonly calls: AccountCalls | undefined
  readonly health: ApiHealth | undefined
}

const SAYS: Readonly<Record<Exclude<ApiHealth, 'healthy'>, (calls: AccountCalls | undefined) => string>> = {
  no_key: () => 'there is no token for it: give one, or a token of the installation that may mint one',
  failing: (calls) => `its last ${calls?.failures ?? 0} calls failed: ${calls?.error ?? 'no answer'}`,
  degraded: (calls) =>
    (calls?.failures ?? 0) > 0
      ? `its last call failed: ${calls?.error ?? 'no answer'}`
      : 'no call of it succeeded for long',
}

function ailingOf({ account, calls, health }: Judged): Ailing[] {
  if (health === undefined || health === 'healthy') return []
  const { scope, name } = account
  const severity = health === 'failing' ? 'critical' : 'warning'
  return [{ scope, name, severity, detail: `${health}: ${SAYS[health](calls)}` }]
}

interface InstanceJudgement {
  readonly instance: string
  readonly severity: Severity
  readonly detail: string
  readonly p95Ms?: number | undefined
  readonly figures: Readonly<Record<string, number | string | null>>
}

function judgeInstance(
  { instance, calls, errors, rejected, latencies }: InstanceCalls,
  { ailing, listing }: { readonly ailing: readonly Ailing[]; readonly listing: readonly string[] },
  limits: Thresholds['api'],
): InstanceJudgement {
  const enough = calls > 0 && calls >= limits.callsMin
  const p95Ms = enough ? latencyQuantileMs(latencies, 0.95) : undefined
  const success = enough ? ((calls - errors) * 100) / calls : undefined
  const own = unreadable(ailing.filter(({ scope }) => instanceOf(scope) === instance))
  const severity = worst(
    p95Ms === undefined ? 'ok' : above(p95Ms, limits.warningAboveP95Ms, limits.criticalAboveP95Ms),
    success === undefined
      ? 'ok'
      : below(success, limits.warningBelowSuccessPercent, limits.criticalBelowSuccessPercent),
    listing.length > 0 ? 'warning' : 'ok',
    ...own.map((one) => one.severity),
  )
  const parts = [
    enough
      ? `${instance}: 95 % of ${calls} calls were answered within ${Math.round(p95Ms ?? 0)} ms, ${round(success ?? 0)} % with success`
      : `${instance}: ${calls} calls, too few to judge by`,
    ...(rejected > 0 ? [`${rejected} were told to wait`] : []),
    ...listing,
    ...(own.length > 0 ? [describeUnreadable(own)] : []),
  ]
  return {
    instance,
    severity,
    detail: parts.join('; '),
    p95Ms,
    figures: { instance, calls, errors, rejected, p95Ms: p95Ms ?? null, successPercent: success ?? null },
  }
}

/** Those of which nothing comes any more; what is read before stays, and the whole is partial. */
const unreadable = (ailing: readonly Ailing[]): Ailing[] =>
  ailing.filter(({ detail }) => !detail.startsWith('degraded'))

const describeUnreadable = (own: readonly Ailing[]): string =>
  `partial: ${plural(own.length, 'workspace')} cannot be read: ${list(own.map(({ name, detail }) => `${name} (${detail})`))}. What was read of them before is kept`

function silentInstances(ailing: readonly Ailing[]): InstanceJudgement[] {
  return [...Map.groupBy(unreadable(ailing), ({ scope }) => instanceOf(scope))].map(([instance, own]) => ({
    instance,
    severity: worst('ok', ...own.map(({ severity }) => severity)),
    detail: `${instance}: ${describeUnreadable(own)}`,
    figures: { instance },
  }))
}

/** The token that lists workspaces is nobody's workspace: where it fails, no new one is found. */
const describeListing = (calls: AccountCalls | undefined, { failuresInARow }: Thresholds['api']): string[] =>
  calls !== undefined && calls.failures >= failuresInARow
    ? [`new workspaces cannot be found: ${calls.error ?? 'no answer'}`]
    : []

const alertsOf = (all: readonly InstanceJudgement[]): ReadonlyMap<string, Finding> =>
  new Map(
    all.flatMap(({ instance, severity, detail }): [string, Finding][] =>
      severity !== 'ok' ? [[instance, { level: severity, detail }]] : [],
    ),
  )

const moment = (ms: number | null | undefined): string | null =>
  ms === null || ms === undefined ? null : new Date(ms).toISOString()

async function keepHealth(tx: Transaction, judged: readonly Judged[], now: Date): Promise<void> {
  const column = <T>(of: (one: Judged) => T): T[] => judged.map(of)
  await tx.query(
    `insert into public.workspace_api_health as h (scope, workspace_name, api_health_status, api_consecutive_failures,
       api_calls_today, api_errors_today, api_last_success_at, api_last_failure_at, api_last_error, checked_at)
     select t.scope, coalesce(s.workspace_name, t.name), t.status, t.failures, t.calls, t.errors, t.succeeded, t.failed,
       t.error, $10
     from unnest($1::text[], $2::text[], $3::text[], $4::int[], $5::int[], $6::int[], $7::timestamptz[],
       $8::timestamptz[], $9::text[]) as t (scope, name, status, failures, calls, errors, succeeded, failed, error)
     left join portal.scopes as s on s.scope = t.scope collate "C"
     order by t.scope
     on conflict (scope) do update set (workspace_name, api_health_status, api_consecutive_failures, api_calls_today,
       api_errors_today, api_last_success_at, api_last_failure_at, api_last_error, checked_at)
     = (excluded.workspace_name, excluded.api_health_status, excluded.api_consecutive_failures,
       excluded.api_calls_today, excluded.api_errors_today, excluded.api_last_success_at,
       excluded.api_last_failure_at, excluded.api_last_error, excluded.checked_at)`,
    [
      column(({ account }) => account.scope),
      column(({ account }) => account.name),
      column(({ health }) => health ?? null),
      column(({ calls }) => calls?.failures ?? 0),
      column(({ calls }) => calls?.callsToday ?? 0),
      column(({ calls }) => calls?.errorsToday ?? 0),
      column(({ calls }) => moment(calls?.succeededAtMs)),
      column(({ calls }) => moment(calls?.failedAtMs)),
      column(({ calls }) => calls?.error ?? null),
      now.toISOString(),
    ],
  )
  // A workspace that is not configured any more.
  await tx.query('delete from public.workspace_api_health where checked_at < $1', [now.toISOString()])
}
