import { createRoute, z } from '@hono/zod-openapi'
import {
  cached,
  date,
  FAILURES,
  type Figure,
  freshly,
  int,
  intOrNull,
  json,
  num,
  numOrNull,
  percent,
  string,
  time,
} from './answers.ts'
import type { Portal } from './context.ts'
import { count, day, text } from './fields.ts'
import { rowsOf } from './figures.ts'

const stat = {
  email_provider: string,
  bison_instance: string,
  total_accounts: int,
  active_accounts: int,
  total_sent: int,
  total_replies: int,
  unique_replies: int,
  total_bounces: int,
  avg_reply_rate: percent,
  avg_emails_per_account: numOrNull,
  total_daily_limit: int,
  total_volume_capacity: int,
  utilization_percentage: percent,
}
const statsAnswer = cached({ providers: z.array(z.object(stat).openapi('Provider')) }).openapi('Providers')

const stats = createRoute({
  method: 'get',
  path: '/providers',
  tags: ['providers'],
  summary: 'Mailboxes, mails and replies by provider and instance',
  responses: { 200: json(statsAnswer, 'Since each mailbox began.'), ...FAILURES },
})

const rate = z
  .object({
    dimension: string.openapi({ description: 'provider or reseller.' }),
    name: string,
    mailboxes: int,
    emails_sent: int,
    replies: int,
    reply_rate: percent,
  })
  .openapi('ProviderRate')
const ratesAnswer = cached({ rates: z.array(rate) }).openapi('ProviderRates')

const minSent = (standard: number) => count(1, 2_000_000_000, standard, 'Fewer mails say nothing.')

const rates = createRoute({
  method: 'get',
  path: '/providers/rates',
  tags: ['providers'],
  summary: 'Reply rates of providers and resellers, by all replies',
  request: { query: z.object({ min_sent: minSent(50) }) },
  responses: { 200: json(ratesAnswer, 'The best first.'), ...FAILURES },
})

const snapshot = z
  .object({
    ...stat,
    snapshot_date: date,
    sent_delta: intOrNull,
    replies_delta: intOrNull,
    unique_replies_delta: intOrNull,
    bounces_delta: intOrNull,
    created_at: time,
  })
  .openapi('ProviderSnapshot')
const historyAnswer = cached({ from: date, to: date, snapshots: z.array(snapshot) }).openapi(
  'ProviderHistory',
)

const history = createRoute({
  method: 'get',
  path: '/providers/history',
  tags: ['providers'],
  summary: 'Figures of each provider by day, with what changed since the day before',
  request: {
    query: z.object({
      provider: text(100).optional(),
      from: day.optional().openapi({ description: 'Without it, 30 days before `to`.' }),
      to: day.optional().openapi({ description: 'Without it, today.' }),
    }),
  },
  responses: { 200: json(historyAnswer, 'The newest day first.'), ...FAILURES },
})

const HISTORY = `with span as (
  select coalesce($3::date, coalesce($4::date, public.business_date($1)) - 30) as first,
    coalesce($4::date, public.business_date($1)) as last
)
select first::text as "from", last::text as "to", ${rowsOf(`select h.* from public.provider_performance_history as h
  where h.snapshot_date between span.first and span.last and ($2::text is null or lower(h.email_provider) = lower($2))
  order by h.snapshot_date desc, h.email_provider, h.bison_instance`)} as snapshots from span`

const drop = z
  .object({
    email_provider: string,
    bison_instance: string,
    snapshot_date: date,
    previous_rate: num,
    current_rate: num,
    drop_percentage: num,
  })
  .openapi('ProviderDrop')
const dropsAnswer = cached({ drops: z.array(drop) }).openapi('ProviderDrops')

const drops = createRoute({
  method: 'get',
  path: '/providers/drops',
  tags: ['providers'],
  summary: 'Providers whose reply rate fell by more than a fifth from one day to the next',
  request: { query: z.object({ min_sent: minSent(100) }) },
  responses: { 200: json(dropsAnswer, 'The deepest first.'), ...FAILURES },
})

export function addProviders({ routes, figures }: Portal): void {
  routes.openapi(stats, async (c) => {
    const found = await figures.read<Figure<typeof statsAnswer>>({
      name: 'providers',
      topics: ['mailboxes'],
      sql: `select ${rowsOf('select * from public.aggregate_provider_stats() order by 1, 2')} as providers`,
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(rates, async (c) => {
    const { min_sent } = c.req.valid('query')
    const found = await figures.read<Figure<typeof ratesAnswer>>({
      name: 'provider-rates',
      params: { min_sent },
      topics: ['mailboxes'],
      sql: `select ${rowsOf(`select * from public.portal_provider_rates($1)
        order by dimension, reply_rate desc nulls last, name`)} as rates`,
      values: () => [min_sent],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(history, async (c) => {
    const { provider, from, to } = c.req.valid('query')
    const found = await figures.read<Figure<typeof historyAnswer>>({
      name: 'provider-history',
      params: { provider, from, to },
      topics: ['providers'],
      sql: HISTORY,
      values: (asOf) => [asOf, provider ?? null, from ?? null, to ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(drops, async (c) => {
    const { min_sent } = c.req.valid('query')
    const found = await figures.read<Figure<typeof dropsAnswer>>({
      name: 'provider-drops',
      params: { min_sent },
      topics: ['providers'],
      sql: `select ${rowsOf(`select * from public.check_provider_reply_rate_drop($1)
        order by drop_percentage desc, email_provider, bison_instance`)} as drops`,
      values: () => [min_sent],
    })
    return c.json(freshly(found), 200)
  })
}
