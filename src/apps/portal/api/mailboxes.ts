import { createRoute, z } from '@hono/zod-openapi'
import {
  bool, cached, current, FAILURES, type Figure, freshly, int, intOrNull, json, num, numOrNull, percent, string,
  stringOrNull, time,
} from './answers.ts' // prettier-ignore
import type { Portal } from './context.ts'
import { flag, oneOf, oneWorkspace, text } from './fields.ts'
import { rowOf, rowsOf, scopeOf } from './figures.ts'
import { Filter, holds, type List, PAGE, pageQuery, readPage, search } from './pages.ts'

const RULES = ['disconnected', 'burnt', 'high_bounce', 'zero_reply', 'low_reply', 'idle'] as const

const mailbox = z
  .object({
    id: string.openapi({ format: 'uuid' }),
    bison_key: string,
    workspace_name: stringOrNull,
    email_address: stringOrNull,
    account_name: stringOrNull,
    status: stringOrNull,
    account_type: stringOrNull,
    email_provider: string,
    reseller: string,
    domain: stringOrNull,
    mailboxes_on_domain: intOrNull,
    tags: z.array(string).nullable(),
    daily_limit: intOrNull,
    volume_per_account: intOrNull,
    warmup_enabled: bool.nullable(),
    price: numOrNull,
    price_source: string,
    pricing_needs_review: bool.nullable(),
    emails_sent: int,
    total_replies: int,
    unique_replies: intOrNull,
    total_bounces: int,
    reply_rate_percentage: num.openapi({ description: 'Unique replies of mails sent; 0 where none were.' }),
    total_reply_rate: percent,
    bounce_rate: percent,
    interested_leads: intOrNull,
    problems: z.array(string).openapi({ description: `Rules that it breaks: ${RULES.join(', ')}.` }),
    notes: stringOrNull,
    last_synced_at: time.openapi({ description: 'When the row last changed here.' }),
  })
  .openapi('Mailbox')

const LIST: List = {
  columns: `s.id, s.bison_key, s.workspace_name, s.email_address, s.account_name, s.status, s.account_type,
    s.email_provider, s.reseller, s.domain, s.mailboxes_on_domain, s.tags, s.daily_limit, s.volume_per_account,
    s.warmup_enabled, s.price, s.price_source, s.pricing_needs_review, h.emails_sent, h.total_replies,
    s.unique_replied_count as unique_replies, h.total_bounces, s.reply_rate_percentage, h.total_reply_rate, h.bounce_rate,
    s.interested_leads_count as interested_leads, h.problems, s.notes, s.last_synced_at`,
  from: 'public.sender_emails_cache as s join public.mailbox_health as h on h.bison_key = s.bison_key',
  key: 's.bison_key',
  keyType: 'text',
  sorts: {
    email: { sql: `lower(coalesce(s.email_address, ''))`, type: 'text' },
    emails_sent: { sql: 'h.emails_sent', type: 'integer' },
    reply_rate: { sql: 'coalesce(h.total_reply_rate, -1)', type: 'numeric' },
    bounce_rate: { sql: 'coalesce(h.bounce_rate, -1)', type: 'numeric' },
    daily_limit: { sql: 'coalesce(s.daily_limit, -1)', type: 'integer' },
    price: { sql: 'coalesce(s.price, -1)', type: 'numeric' },
  },
  sums: {
    emails_sent: 'coalesce(sum(h.emails_sent), 0)',
    total_replies: 'coalesce(sum(h.total_replies), 0)',
    total_bounces: 'coalesce(sum(h.total_bounces), 0)',
    daily_limit: 'coalesce(sum(s.daily_limit), 0)',
    volume: 'coalesce(sum(s.volume_per_account), 0)',
    price: 'round(coalesce(sum(s.price), 0), 2)',
  },
}

const sums = z
  .object({
    emails_sent: int,
    total_replies: int,
    total_bounces: int,
    daily_limit: int,
    volume: int,
    price: num,
  })
  .openapi({ description: 'Over all rows that the filter lets through.' })

const list = createRoute({
  method: 'get',
  path: '/mailboxes',
  tags: ['mailboxes'],
  summary: 'Mailboxes, in pages',
  request: {
    query: z.object({
      workspace: oneWorkspace,
      search: search.openapi({ description: 'Part of the address or the name, in any case.' }),
      status: text(100)
        .optional()
        .openapi({ description: 'As the vendor says it, in any case.', example: 'Connected' }),
      provider: text(100).optional().openapi({ example: 'Google' }),
      reseller: text(100).optional().openapi({ example: 'Zapmail' }),
      rule: oneOf(RULES).optional().openapi({ description: 'Mailboxes that break this rule of health.' }),
      needs_review: flag
        .optional()
        .openapi({ type: 'boolean', description: 'Whether nobody knows its price.' }),
      ...pageQuery(['email', 'emails_sent', 'reply_rate', 'bounce_rate', 'daily_limit', 'price'], 'asc'),
    }),
  },
  responses: {
    200: json(current({ ...PAGE, sums, mailboxes: z.array(mailbox) }).openapi('Mailboxes'), 'One page.'),
    ...FAILURES,
  },
})

const alertRow = z
  .object({
    workspace_name: stringOrNull.openapi({ description: 'Null: of all workspaces together.' }),
    rule: string,
    level: string.openapi({ description: 'critical, warning or info.' }),
    priority: int,
    mailboxes: int,
    examples: z.array(stringOrNull).openapi({ description: 'Up to ten addresses.' }),
  })
  .openapi('MailboxAlert')
const alertsAnswer = cached({ alerts: z.array(alertRow) }).openapi('MailboxAlerts')

const alerts = createRoute({
  method: 'get',
  path: '/mailboxes/alerts',
  tags: ['mailboxes'],
  summary: 'Rules of health with how many mailboxes break each',
  request: { query: z.object({ workspace: oneWorkspace }) },
  responses: { 200: json(alertsAnswer, 'The gravest first.'), ...FAILURES },
})

const capacityRow = z
  .object({
    workspace_name: string,
    mailboxes: int,
    connected: int,
    capacity: int,
    available: int,
    wanted: int,
    shortfall: int,
    utilization: percent,
    zero_reply_percentage: percent,
    price: num,
    price_per_mailbox: numOrNull,
  })
  .openapi('MailboxCapacity')
const capacityAnswer = cached({
  totals: z.object({
    mailboxes: int, connected: int, capacity: int, available: int, wanted: int, shortfall: int, utilization: percent,
    price: num,
  }), // prettier-ignore
  workspaces: z.array(capacityRow),
}).openapi('MailboxCapacities')

const capacity = createRoute({
  method: 'get',
  path: '/mailboxes/capacity',
  tags: ['mailboxes'],
  summary: 'What the mailboxes of each client can send in a day, and what is wanted of them',
  request: { query: z.object({ workspace: oneWorkspace }) },
  responses: { 200: json(capacityAnswer, 'Active clients, by name.'), ...FAILURES },
})

const CAPACITY = `with c as (
  select * from public.portal_mailbox_capacity() where $1::text is null or workspace_name = $1
)
select ${rowOf(`select coalesce(sum(mailboxes), 0) as mailboxes, coalesce(sum(connected), 0) as connected,
    coalesce(sum(capacity), 0) as capacity, coalesce(sum(available), 0) as available, coalesce(sum(wanted), 0) as wanted,
    coalesce(sum(shortfall), 0) as shortfall, portal.percent(sum(available), sum(capacity)) as utilization,
    coalesce(sum(price), 0) as price from c`)} as totals,
  ${rowsOf('select * from c order by workspace_name')} as workspaces`

const statusAnswer = cached({
  total: int,
  connected: int,
  disconnected: int,
  failed: int,
  not_connected: int,
  other: int,
  disconnect_rate: num,
}).openapi('MailboxStatus')

const status = createRoute({
  method: 'get',
  path: '/mailboxes/status',
  tags: ['mailboxes'],
  summary: 'Mailboxes by status, each once though several workspaces see it',
  responses: { 200: json(statusAnswer, 'Of all workspaces.'), ...FAILURES },
})

function addList({ routes, db }: Portal): void {
  routes.openapi(list, async (c) => {
    const { workspace, status, provider, reseller, rule, needs_review, search, ...page } =
      c.req.valid('query')
    if (workspace !== undefined) await scopeOf(db, workspace)
    const filter = new Filter()
      .where(workspace, (place) => `s.workspace_name = ${place}`)
      .where(status, (place) => `lower(s.status) = lower(${place})`)
      .where(provider, (place) => `lower(s.email_provider) = lower(${place})`)
      .where(reseller, (place) => `lower(s.reseller) = lower(${place})`)
      .where(rule, (place) => `${place}::text = any (h.problems)`)
      .where(needs_review, (place) => `coalesce(s.pricing_needs_review, false) = ${place}`)
      .where(search, holds('s.email_address', 's.account_name'))
    const asOf = new Date().toISOString()
    const { rows, ...rest } = await readPage<z.infer<typeof mailbox>, z.infer<typeof sums>>(db, LIST, {
      ...page,
      filter,
    })
    return c.json({ as_of: asOf, ...rest, mailboxes: rows }, 200)
  })
}

export function addMailboxes(portal: Portal): void {
  const { routes, figures } = portal
  addList(portal)
  routes.openapi(alerts, async (c) => {
    const { workspace } = c.req.valid('query')
    const found = await figures.read<Figure<typeof alertsAnswer>>({
      name: 'mailbox-alerts',
      workspace,
      topics: ['mailboxes'],
      sql: `select ${rowsOf(`select * from public.portal_mailbox_alerts($1)
        where $2::text is null or workspace_name = $2 order by priority, workspace_name nulls first, rule`)} as alerts`,
      values: (asOf) => [asOf, workspace ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(capacity, async (c) => {
    const { workspace } = c.req.valid('query')
    const found = await figures.read<Figure<typeof capacityAnswer>>({
      name: 'mailbox-capacity',
      workspace,
      topics: ['mailboxes'],
      sql: CAPACITY,
      values: () => [workspace ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(status, async (c) => {
    const found = await figures.read<Figure<typeof statusAnswer>>({
      name: 'mailbox-status',
      topics: ['mailboxes'],
      sql: 'select * from public.get_account_status_stats()',
    })
    return c.json(freshly(found), 200)
  })
}
