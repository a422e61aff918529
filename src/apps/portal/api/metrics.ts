import { createRoute, z } from '@hono/zod-openapi'
import {
  bool, cached, date, FAILURES, type Figure, freshly, int, intOrNull, json, num, numOrNull, percent, string,
  stringOrNull, time, timeOrNull,
} from './answers.ts' // prettier-ignore
import type { Portal } from './context.ts'
import { day, flag, oneOf, oneWorkspace, workspaceName } from './fields.ts'
import { rowOf, rowsOf } from './figures.ts'

const row = z
  .object({
    metric_date: date,
    emails_sent_today: int,
    emails_sent_mtd: int,
    emails_sent_last_7_days: int,
    emails_sent_last_14_days: int,
    emails_sent_last_30_days: int,
    emails_scheduled_today: intOrNull,
    emails_scheduled_tomorrow: intOrNull,
    projection_emails_eom: intOrNull,
    positive_replies_mtd: int,
    positive_replies_last_7_days: int,
    positive_replies_last_14_days: int,
    positive_replies_last_30_days: int,
    positive_replies_current_month: int,
    positive_replies_last_month: int,
    projection_positive_replies_eom: intOrNull,
    all_replies_mtd: int,
    opens_mtd: int,
    bounced_mtd: int,
    unsubscribed_mtd: int,
    mtd_leads_progress: percent,
    projection_replies_progress: percent,
    last_week_vs_week_before_progress: percent,
    update_source: stringOrNull.openapi({ description: 'webhook, poll or manual.' }),
    last_webhook_update_at: timeOrNull,
    last_poll_update_at: timeOrNull,
    updated_at: time,
  })
  .openapi('Metrics')
const answer = cached({ workspace_name: string, from: date, to: date, days: z.array(row) }).openapi(
  'MetricsHistory',
)

const span = {
  from: day.optional().openapi({ description: 'From this business day; without it, 61 days before `to`.' }),
  to: day.optional().openapi({ description: 'Up to and with this one; without it, today.' }),
}

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  tags: ['figures'],
  summary: 'The figures of a workspace by business day, counted from the ledger',
  request: { query: z.object({ workspace: workspaceName.openapi({ example: 'Northwind' }), ...span }) },
  responses: {
    200: json(answer, 'The newest day first; a day without events may have no row.'),
    ...FAILURES,
  },
})

const METRICS = `with span as (
  select coalesce($3::date, coalesce($4::date, public.business_date($1)) - 61) as first,
    coalesce($4::date, public.business_date($1)) as last
)
select $2::text as workspace_name, first::text as "from", last::text as "to",
  ${rowsOf(`select ${Object.keys(row.shape)
    .map((column) => `m.${column}`)
    .join(', ')} from public.client_metrics as m
  where m.workspace_name = $2 and m.metric_type = 'mtd' and m.metric_date between span.first and span.last
  order by m.metric_date desc`)} as days
from span`

const METRIC_NAMES = ['emails_sent', 'opened', 'replied', 'bounced', 'unsubscribed', 'interested'] as const

const drifted = z
  .object({
    scope: string,
    workspace_name: stringOrNull,
    metric_date: date,
    period: string.openapi({ description: 'day: that day alone; mtd: its month up to it.' }),
    polled_at: time,
    metric: string,
    vendor: int,
    ours: int,
    drift: int,
    drift_percentage: numOrNull,
    within_tolerance: bool,
  })
  .openapi('Drift')
const driftAnswer = cached({
  from: date,
  to: date,
  totals: z.object({ compared: int, within_tolerance: int, beyond_tolerance: int, largest: num.nullable() }),
  drift: z.array(drifted),
}).openapi('Drifts')

const drift = createRoute({
  method: 'get',
  path: '/drift',
  tags: ['figures'],
  summary: 'Our counts beside the vendor’s',
  request: {
    query: z.object({
      workspace: oneWorkspace,
      metric: oneOf(METRIC_NAMES).optional(),
      beyond: flag.optional().openapi({ type: 'boolean', description: 'true: only those beyond tolerance.' }),
      from: day
        .optional()
        .openapi({ description: 'From this business day; without it, 6 days before `to`.' }),
      to: span.to,
    }),
  },
  responses: {
    200: json(driftAnswer, 'Beyond tolerance first, then the newest; `totals` count all that was compared.'),
    ...FAILURES,
  },
})

/** $1 moment, $2 workspace, $3 metric, $4 beyond tolerance alone, $5 from, $6 to. */
const DRIFT = `with span as (
  select coalesce($5::date, coalesce($6::date, public.business_date($1)) - 6) as first,
    coalesce($6::date, public.business_date($1)) as last
),
v as materialized (
  select v.* from span cross join public.vendor_drift as v
  where v.metric_date between span.first and span.last and ($2::text is null or v.workspace_name = $2)
    and ($3::text is null or v.metric = $3)
)
select first::text as "from", last::text as "to",
  ${rowOf(`select count(*) as compared, count(*) filter (where within_tolerance) as within_tolerance,
    count(*) filter (where not within_tolerance) as beyond_tolerance, max(abs(drift)) as largest from v`)} as totals,
  ${rowsOf(`select * from v where $4::boolean is not true or not within_tolerance
    order by within_tolerance, metric_date desc, workspace_name, period, metric`)} as drift
from span`

export function addMetrics({ routes, figures }: Portal): void {
  routes.openapi(metrics, async (c) => {
    const { workspace, from, to } = c.req.valid('query')
    const found = await figures.read<Figure<typeof answer>>({
      name: 'metrics',
      params: { from, to },
      workspace,
      topics: ['metrics'],
      sql: METRICS,
      values: (asOf) => [asOf, workspace, from ?? null, to ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(drift, async (c) => {
    const { workspace, metric, beyond, from, to } = c.req.valid('query')
    const found = await figures.read<Figure<typeof driftAnswer>>({
      name: 'drift',
      params: { metric, beyond, from, to },
      workspace,
      topics: ['counts', 'vendor'],
      sql: DRIFT,
      values: (asOf) => [asOf, workspace ?? null, metric ?? null, beyond ?? null, from ?? null, to ?? null],
    })
    return c.json(freshly(found), 200)
  })
}
