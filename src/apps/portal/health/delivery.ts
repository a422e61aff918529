import type { Finding } from '../../../alerts/alerts.ts'
import type { Findings } from '../../../alerts/settle.ts'
import type { Queryable } from '../../../db/database.ts'
import {
  type Ailing,
  below,
  type Checked,
  type CheckInput,
  type HealthCheck,
  list,
  round,
  type Severity,
  worst,
} from './check.ts'
import type { Thresholds } from './thresholds.ts'
import { alertsOfWorkspaces } from './together.ts'

interface Row {
  scope: string
  name: string
  delivered: number
  missed: number
  /** The engine has told, or tells, that webhooks of this workspace do not come. */
  told: boolean
}

/**
 * Events that webhooks brought beside those that only the vendor's own record did. What happened before the window is
 * history that was read late; before the first webhook of a workspace that is new here nobody could have told of it.
 */
const ROWS = `with span as (
  select $1::timestamptz as until, $1::timestamptz - make_interval(secs => $2::float8 * 60) as since
),
day as materialized (
  select e.stream, e.received_at, e.via = 'webhook' as told, e.via = 'webhook' or e.deliveries > 0 as delivered,
    -- Bodies are taken apart only where no webhook came: few, in an hour that is well.
    case when e.via = 'log' and e.deliveries = 0 then portal.happened_at(lockstep.body_json(e.body)) end as happened_at
  from lockstep.inbox_events as e, span
  where e.app = 'portal' and e.received_at > span.since and e.received_at <= span.until
),
began as (
  select d.stream,
    case when not exists (
      select from lockstep.inbox_events as e
      where e.app = 'portal' and e.stream = d.stream and e.received_at <= span.since
        and e.received_at > span.since - interval '48 hours'
    ) then coalesce(min(d.received_at) filter (where d.told), min(d.received_at)) end as at
  from day as d cross join span where d.stream is not null group by d.stream, span.since
)
select b.stream as scope, p.workspace_name as name,
  count(*) filter (where d.delivered)::int as delivered,
  count(*) filter (where d.happened_at > greatest(span.since, b.at))::int as missed,
  exists (select from lockstep.alerts as l where l.app = 'portal' and l.stream = b.stream
    and l.condition = 'webhooks' and (l.closed_at is null or l.closed_at > span.since)) as told
from began as b
join day as d on d.stream = b.stream
join portal.scopes as p on p.scope = b.stream collate "C"
left join public.client_registry as r on r.scope = p.scope
cross join span
where coalesce(r.is_active, true)
group by b.stream, p.workspace_name, span.since
order by p.workspace_name`

const CONDITION = 'webhook_delivery_rate'

/** Whether webhooks bring what the vendor says that it told, in a window that rolls with the clock. */
export const deliveryRate: HealthCheck = {
  name: CONDITION,
  unit: 'percent',
  async run({ db, now, thresholds: { delivery: limits } }: CheckInput): Promise<Checked> {
    const { rows } = await db.query<Row>(ROWS, [now.toISOString(), limits.windowMinutes])
    const ailing = rows.flatMap((row) => ailingOf(row, limits))
    const sum = addUp(rows)
    const all = judge(sum, limits)
    return {
      severity: worst(all?.severity ?? 'ok', ...ailing.map(({ severity }) => severity)),
      value: all === undefined ? null : round(all.rate),
      unit: 'percent',
      detail:
        all === undefined
          ? `too few events to judge by: ${sum.delivered + sum.missed}`
          : `${describe(sum, all.rate)}${ailing.length === 0 ? '' : `; too few of ${list(ailing.map(({ name }) => name))}`}`,
      workspaces: ailing,
      figures: { ...sum, windowMinutes: limits.windowMinutes },
      alerts: new Map([[CONDITION, await findingsOf(db, rows, limits)]]),
    }
  },
}

type Limits = Thresholds['delivery']
type Counts = Pick<Row, 'delivered' | 'missed'>

const addUp = (rows: readonly Counts[]): { delivered: number; missed: number } => ({
  delivered: rows.reduce((sum, row) => sum + row.delivered, 0),
  missed: rows.reduce((sum, row) => sum + row.missed, 0),
})

/** Undefined where there are too few to judge by. */
function judge(
  { delivered, missed }: Counts,
  limits: Limits,
): { rate: number; severity: Severity } | undefined {
  const events = delivered + missed
  if (events === 0 || events < limits.eventsMin) return undefined
  const rate = (delivered * 100) / events
  return { rate, severity: below(rate, limits.warningBelowPercent, limits.criticalBelowPercent) }
}

const describe = ({ delivered, missed }: Counts, rate: number): string =>
  `${round(rate)} % of ${delivered + missed} events came by webhook`

function ailingOf(row: Row, limits: Limits): Ailing[] {
  const judged = judge(row, limits)
  if (judged === undefined || judged.severity === 'ok') return []
  const detail = `${row.name}: ${describe(row, judged.rate)} in the last ${limits.windowMinutes} minutes; the others were taken from the vendor's own record. See "lockstep doctor"`
  return [{ scope: row.scope, name: row.name, severity: judged.severity, detail }]
}

/** What the engine tells of by itself is not told twice. Workspaces too small to be judged are judged together. */
async function findingsOf(db: Queryable, rows: readonly Row[], limits: Limits): Promise<Findings> {
  const untold = rows.filter(({ told }) => !told)
  const found = await alertsOfWorkspaces(
    db,
    CONDITION,
    untold.flatMap((row) => ailingOf(row, limits)),
  )
  const sum = addUp(untold)
  const all = judge(sum, limits)
  const alone = found.size === 0 && all !== undefined && all.severity !== 'ok'
  const together: readonly [string, Finding][] = alone
    ? [['', { level: all.severity === 'critical' ? 'critical' : 'warning', detail: describe(sum, all.rate) }]]
    : []
  // Silence is no recovery; a workspace that is given up is none either, but nobody's concern any more.
  const judged = rows.filter((row) => judge(row, limits) !== undefined).map(({ scope }) => scope)
  const idle = await inactiveScopes(db)
  const whole = all === undefined ? [] : ['']
  return { found: new Map([...found, ...together]), judged: new Set([...judged, ...idle, ...whole]) }
}

async function inactiveScopes(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{ scope: string }>(
    'select scope from public.client_registry where not is_active and scope is not null',
  )
  return rows.map(({ scope }) => scope)
}
