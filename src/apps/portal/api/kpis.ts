import { createRoute, z } from '@hono/zod-openapi'
import {
  cached,
  FAILURES,
  type Figure,
  freshly,
  int,
  intOrNull,
  json,
  numOrNull,
  percent,
  string,
  stringOrNull,
} from './answers.ts'
import type { Portal } from './context.ts'
import { month, oneWorkspace } from './fields.ts'
import { rowOf, rowsOf } from './figures.ts'

const row = z
  .object({
    scope: string,
    workspace_name: string,
    days_elapsed: int,
    days_in_month: int,
    leads: int,
    lead_target: int,
    lead_progress: percent,
    projected_leads: intOrNull,
    projected_progress: percent,
    leads_last_7_days: int,
    leads_last_14_days: int,
    leads_last_30_days: int,
    week_over_week: percent,
    leads_last_month: int,
    versus_last_month: percent,
    client_status: stringOrNull.openapi({ description: 'above, ontrack or below; null without a target.' }),
    color: stringOrNull.openapi({ description: 'green, amber or red; null without a target.' }),
    emails_sent: int,
    emails_sent_source: string.openapi({ description: 'ledger or vendor.' }),
    emails_sent_ledger: int,
    emails_sent_vendor: intOrNull,
    emails_sent_drift: intOrNull,
    replies: int,
    reply_rate: percent,
    reply_rate_status: stringOrNull,
    interested_rate: percent,
    opens: int,
    bounced: int,
    unsubscribed: int,
  })
  .openapi('Kpi')

const totals = z
  .object({
    clients: int,
    leads: int,
    lead_target: int,
    lead_progress: percent,
    projected_leads: intOrNull,
    projected_progress: percent,
    emails_sent: int,
    replies: int,
    reply_rate: percent,
    above: int,
    ontrack: int,
    below: int,
  })
  .openapi('KpiTotals')

const answer = cached({ month: string, totals, workspaces: z.array(row) }).openapi('Kpis')

/** $1 moment, $2 month or null, $3 workspace or null. */
const KPIS = `with m as (
  select coalesce(to_date($2, 'YYYY-MM'), portal.month_start(public.business_date($1))) as month
),
k as (
  select k.* from m cross join lateral public.portal_kpis(m.month, portal.figures_until($1)) as k
  where $3::text is null or k.workspace_name = $3
)
select (select to_char(month, 'YYYY-MM') from m) as month,
  ${rowOf(`select count(*) as clients, coalesce(sum(leads), 0) as leads, coalesce(sum(lead_target), 0) as lead_target,
    portal.percent(sum(leads), sum(lead_target)) as lead_progress, sum(projected_leads) as projected_leads,
    portal.percent(sum(projected_leads), sum(lead_target)) as projected_progress,
    coalesce(sum(emails_sent), 0) as emails_sent, coalesce(sum(replies), 0) as replies,
    portal.percent(sum(replies), sum(emails_sent)) as reply_rate,
    count(*) filter (where client_status = 'above') as above,
    count(*) filter (where client_status = 'ontrack') as ontrack,
    count(*) filter (where client_status = 'below') as below from k`)} as totals,
  ${rowsOf('select * from k order by workspace_name')} as workspaces`

const kpis = createRoute({
  method: 'get',
  path: '/kpis',
  tags: ['figures'],
  summary: 'Leads, targets, projections and rates of a month, by client and together',
  request: { query: z.object({ month: month.optional(), workspace: oneWorkspace }) },
  responses: { 200: json(answer, 'Active clients with kpi_dashboard_enabled, by name.'), ...FAILURES },
})

const warned = cached({
  warnings: z.array(z.object({ workspace_name: string, warning: string, value: numOrNull })),
}).openapi('Warnings')

const warnings = createRoute({
  method: 'get',
  path: '/kpis/warnings',
  tags: ['figures'],
  summary: 'Figures that cannot be right, or need a person',
  request: { query: z.object({ workspace: oneWorkspace }) },
  responses: {
    200: json(warned, 'By workspace.'),
    ...FAILURES,
  },
})

const TOPICS = ['leads', 'counts', 'vendor'] as const

export function addKpis({ routes, figures }: Portal): void {
  routes.openapi(kpis, async (c) => {
    const { month, workspace } = c.req.valid('query')
    const found = await figures.read<Figure<typeof answer>>({
      name: 'kpis',
      params: { month },
      workspace,
      topics: TOPICS,
      sql: KPIS,
      values: (asOf) => [asOf, month ?? null, workspace ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(warnings, async (c) => {
    const { workspace } = c.req.valid('query')
    const found = await figures.read<Figure<typeof warned>>({
      name: 'warnings',
      workspace,
      topics: [...TOPICS, 'metrics'],
      sql: `select ${rowsOf(`select * from public.portal_warnings(portal.figures_until($1))
        where $2::text is null or workspace_name = $2`)} as warnings`,
      values: (asOf) => [asOf, workspace ?? null],
    })
    return c.json(freshly(found), 200)
  })
}
