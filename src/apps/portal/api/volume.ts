import { createRoute, z } from '@hono/zod-openapi'
import {
  bool, cached, date, FAILURES, type Figure, freshly, int, intOrNull, json, num, numOrNull, percent, string, stringOrNull,
} from './answers.ts' // prettier-ignore
import type { Portal } from './context.ts'
import { day, month, oneWorkspace } from './fields.ts'
import { rowOf, rowsOf } from './figures.ts'

const category = stringOrNull.openapi({
  description: 'On Pace, Near Target or Behind; null without a target.',
})

const row = z
  .object({
    place: int,
    scope: string,
    workspace_name: string,
    emails_sent: int,
    emails_sent_source: string,
    sending_target: int,
    progress: percent,
    daily_quota: num,
    expected_by_now: num,
    is_on_track: bool,
    projected_emails: intOrNull,
    projected_progress: percent,
    category,
    scheduled_today: intOrNull,
    scheduled_tomorrow: intOrNull,
    daily_goal: int,
  })
  .openapi('Volume')

const totals = z
  .object({
    clients: int,
    emails_sent: int,
    sending_target: int,
    progress: percent,
    projected_emails: intOrNull,
    projected_progress: percent,
    average_projected_progress: percent,
    on_pace: int,
    near_target: int,
    behind: int,
  })
  .openapi('VolumeTotals')

const answer = cached({ month: string, totals, workspaces: z.array(row) }).openapi('Volumes')

const VOLUME = `with m as (
  select coalesce(to_date($2, 'YYYY-MM'), portal.month_start(public.business_date($1))) as month
),
v as (
  select v.* from m cross join lateral public.portal_volume(m.month, $1) as v
  where $3::text is null or v.workspace_name = $3
)
select (select to_char(month, 'YYYY-MM') from m) as month,
  ${rowOf(`select count(*) as clients, coalesce(sum(emails_sent), 0) as emails_sent,
    coalesce(sum(sending_target), 0) as sending_target,
    portal.percent(sum(emails_sent), sum(sending_target)) as progress, sum(projected_emails) as projected_emails,
    portal.percent(sum(projected_emails), sum(sending_target)) as projected_progress,
    round(avg(projected_progress), 2) as average_projected_progress,
    count(*) filter (where category = 'On Pace') as on_pace,
    count(*) filter (where category = 'Near Target') as near_target,
    count(*) filter (where category = 'Behind') as behind from v`)} as totals,
  ${rowsOf('select * from v order by place')} as workspaces`

const volume = createRoute({
  method: 'get',
  path: '/volume',
  tags: ['figures'],
  summary: 'Mails sent against targets in a month, by client and together',
  request: { query: z.object({ month: month.optional(), workspace: oneWorkspace }) },
  responses: {
    200: json(answer, 'Active clients with volume_dashboard_enabled, in the order of the page.'),
    ...FAILURES,
  },
})

const bannerAnswer = cached({
  scheduled_today: intOrNull,
  daily_goal: intOrNull,
  today_progress: percent,
  status: stringOrNull.openapi({ description: 'On Target, Below Target or Critical.' }),
  scheduled_tomorrow: intOrNull,
  tomorrow_change: percent,
  tomorrow_trend: stringOrNull.openapi({ description: 'up, down or flat.' }),
  clients: int,
  clients_unread: int.openapi({
    description: 'Clients whose schedule nobody could read: their part is missing.',
  }),
}).openapi('VolumeBanner')

const banner = createRoute({
  method: 'get',
  path: '/volume/banner',
  tags: ['figures'],
  summary: 'What is scheduled for today and tomorrow, against the goals of the day',
  responses: { 200: json(bannerAnswer, 'Of all clients together.'), ...FAILURES },
})

const recapRow = z
  .object({
    workspace_name: string,
    billing_type: string,
    emails_sent: intOrNull,
    emails_sent_source: stringOrNull.openapi({
      description: 'ledger, vendor or difference; null where unknown.',
    }),
    since: date.nullable().openapi({ description: 'Where it is a difference: since when.' }),
    leads: int,
    revenue: numOrNull,
  })
  .openapi('Recap')

const recapAnswer = cached({
  day: date,
  totals: z.object({
    emails_sent: int,
    clients_unknown: int.openapi({
      description: 'Clients whose mails of the day nobody knows: not in the sum.',
    }),
    leads: int,
    revenue: num,
  }),
  workspaces: z.array(recapRow),
}).openapi('DailyRecap')

const recap = createRoute({
  method: 'get',
  path: '/volume/recap',
  tags: ['figures'],
  summary: 'Mails, leads and revenue of a business day',
  request: {
    query: z.object({
      day: day.optional().openapi({ description: 'Without it, yesterday.' }),
      workspace: oneWorkspace,
    }),
  },
  responses: { 200: json(recapAnswer, 'Active clients, by name.'), ...FAILURES },
})

const RECAP = `with d as (select coalesce($2::date, public.business_date($1) - 1) as day),
r as (
  select r.* from d cross join lateral public.portal_daily_recap(d.day) as r
  where $3::text is null or r.workspace_name = $3
)
select (select day::text from d) as day,
  ${rowOf(`select coalesce(sum(emails_sent), 0) as emails_sent,
    count(*) filter (where emails_sent is null) as clients_unknown, coalesce(sum(leads), 0) as leads,
    coalesce(sum(revenue), 0) as revenue from r`)} as totals,
  ${rowsOf('select * from r order by workspace_name')} as workspaces`

export function addVolume({ routes, figures }: Portal): void {
  routes.openapi(volume, async (c) => {
    const { month, workspace } = c.req.valid('query')
    const found = await figures.read<Figure<typeof answer>>({
      name: 'volume',
      params: { month },
      workspace,
      topics: ['counts', 'vendor'],
      sql: VOLUME,
      values: (asOf) => [asOf, month ?? null, workspace ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(banner, async (c) => {
    const found = await figures.read<Figure<typeof bannerAnswer>>({
      name: 'volume-banner',
      topics: ['counts', 'vendor'],
      sql: 'select * from public.portal_volume_banner($1)',
      values: (asOf) => [asOf],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(recap, async (c) => {
    const { day, workspace } = c.req.valid('query')
    const found = await figures.read<Figure<typeof recapAnswer>>({
      name: 'recap',
      params: { day },
      workspace,
      topics: ['leads', 'counts', 'vendor'],
      sql: RECAP,
      values: (asOf) => [asOf, day ?? null, workspace ?? null],
    })
    return c.json(freshly(found), 200)
  })
}
