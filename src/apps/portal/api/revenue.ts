import { createRoute, z } from '@hono/zod-openapi'
import {
  cached, date, FAILURES, type Figure, freshly, int, json, num, numOrNull, percent, string, stringOrNull,
} from './answers.ts' // prettier-ignore
import type { Portal } from './context.ts'
import { month, oneWorkspace } from './fields.ts'
import { rowOf, rowsOf } from './figures.ts'

const row = z
  .object({
    place: int,
    workspace_name: string,
    billing_type: string.openapi({ description: 'per_lead or retainer.' }),
    leads: int,
    lead_target: int,
    price_per_lead: num,
    revenue: num,
    possible: num,
    gap: num,
    costs: num,
    costs_source: string.openapi({ description: 'entered or mailboxes.' }),
    profit: num,
    margin: percent,
  })
  .openapi('Revenue')

const answer = cached({
  month: string,
  totals: z
    .object({
      clients: int,
      leads: int,
      revenue: num,
      possible: num,
      gap: num,
      costs: num,
      profit: num,
      margin: percent,
    }) // prettier-ignore
    .openapi('RevenueTotals'),
  workspaces: z.array(row),
}).openapi('Revenues')

/** $1 moment, $2 month or null. */
const MONTH = `m as (select coalesce(to_date($2, 'YYYY-MM'), portal.month_start(public.business_date($1))) as month)`
const MONTH_NAME = `(select to_char(month, 'YYYY-MM') from m)`

const REVENUE = `with ${MONTH},
r as (
  select r.* from m cross join lateral public.portal_revenue(m.month, portal.figures_until($1)) as r
  where $3::text is null or r.workspace_name = $3
)
select ${MONTH_NAME} as month,
  ${rowOf(`select count(*) as clients, coalesce(sum(leads), 0) as leads, coalesce(sum(revenue), 0) as revenue,
    coalesce(sum(possible), 0) as possible, coalesce(sum(gap), 0) as gap, coalesce(sum(costs), 0) as costs,
    coalesce(sum(profit), 0) as profit, portal.percent(sum(profit), sum(revenue)) as margin from r`)} as totals,
  ${rowsOf('select * from r order by place')} as workspaces`

const revenue = createRoute({
  method: 'get',
  path: '/revenue',
  tags: ['figures'],
  summary: 'Revenue, costs and profit of a month, by client and together',
  request: { query: z.object({ month: month.optional(), workspace: oneWorkspace }) },
  responses: { 200: json(answer, 'Active clients, the highest revenue first.'), ...FAILURES },
})

const forecastAnswer = cached({
  month: string,
  revenue: numOrNull,
  possible: numOrNull,
  gap: numOrNull,
  daily_average: numOrNull,
  linear: numOrNull,
  velocity: numOrNull,
  conservative: numOrNull,
  optimistic: numOrNull,
  billable_revenue: numOrNull,
  billable_conservative: numOrNull,
  billable_optimistic: numOrNull,
  average_progress: percent,
  confidence: stringOrNull.openapi({ description: 'high, medium or low; null for a month that is over.' }),
}).openapi('RevenueForecast')

const forecast = createRoute({
  method: 'get',
  path: '/revenue/forecast',
  tags: ['figures'],
  summary: 'What the month may come to',
  request: { query: z.object({ month: month.optional() }) },
  responses: {
    200: json(forecastAnswer, 'Of all clients together; none for a month that is over.'),
    ...FAILURES,
  },
})

const FORECAST = `with ${MONTH}
select ${MONTH_NAME} as month, f.*
from m cross join lateral public.portal_revenue_forecast(m.month, portal.figures_until($1)) as f`

const dailyAnswer = cached({
  month: string,
  totals: z.object({ leads: int, revenue: num }),
  days: z.array(z.object({ day: date, leads: int, revenue: num, running_revenue: num })),
}).openapi('DailyRevenue')

const daily = createRoute({
  method: 'get',
  path: '/revenue/daily',
  tags: ['figures'],
  summary: 'Billable leads of a month by business day, with a running sum',
  request: { query: z.object({ month: month.optional() }) },
  responses: {
    200: json(dailyAnswer, 'Days with leads, of active clients who pay by the lead.'),
    ...FAILURES,
  },
})

const DAILY = `with ${MONTH},
d as materialized (
  select d.* from m cross join lateral public.get_daily_billable_revenue(to_char(m.month, 'YYYY-MM')) as d
)
select ${MONTH_NAME} as month,
  ${rowOf('select coalesce(sum(leads), 0) as leads, coalesce(sum(revenue), 0) as revenue from d')} as totals,
  ${rowsOf('select * from d order by day')} as days`

export function addRevenue({ routes, figures }: Portal): void {
  routes.openapi(revenue, async (c) => {
    const { month, workspace } = c.req.valid('query')
    const found = await figures.read<Figure<typeof answer>>({
      name: 'revenue',
      params: { month },
      workspace,
      topics: ['leads', 'mailboxes'],
      sql: REVENUE,
      values: (asOf) => [asOf, month ?? null, workspace ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(forecast, async (c) => {
    const { month } = c.req.valid('query')
    const found = await figures.read<Figure<typeof forecastAnswer>>({
      name: 'revenue-forecast',
      params: { month },
      topics: ['leads'],
      sql: FORECAST,
      values: (asOf) => [asOf, month ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(daily, async (c) => {
    const { month } = c.req.valid('query')
    const found = await figures.read<Figure<typeof dailyAnswer>>({
      name: 'revenue-daily',
      params: { month },
      topics: ['leads'],
      sql: DAILY,
      values: (asOf) => [asOf, month ?? null],
    })
    return c.json(freshly(found), 200)
  })
}
