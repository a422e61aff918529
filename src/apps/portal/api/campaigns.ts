import { createRoute, z } from '@hono/zod-openapi'
import {
  bool,
  current,
  FAILURES,
  int,
  intOrNull,
  json,
  numOrNull,
  string,
  stringOrNull,
  time,
  timeOrNull,
} from './answers.ts'
import type { Portal } from './context.ts'
import { flag, oneWorkspace, text } from './fields.ts'
import { scopeOf } from './figures.ts'
import { Filter, holds, type List, PAGE, pageQuery, readPage, search } from './pages.ts'

const campaign = z
  .object({
    id: string.openapi({ format: 'uuid' }),
    bison_key: string,
    bison_campaign_id: intOrNull,
    workspace_name: stringOrNull,
    campaign_name: stringOrNull,
    status: stringOrNull,
    is_active: bool,
    campaign_type: stringOrNull,
    completion_percentage: numOrNull,
    emails_sent: intOrNull,
    opened: intOrNull,
    unique_opens: intOrNull,
    replied: intOrNull,
    unique_replies: intOrNull,
    bounced: intOrNull,
    unsubscribed: intOrNull,
    interested: intOrNull,
    total_leads: intOrNull,
    total_leads_contacted: intOrNull,
    max_emails_per_day: intOrNull,
    max_new_leads_per_day: intOrNull,
    emails_scheduled_today: intOrNull,
    emails_scheduled_tomorrow: intOrNull,
    tags: z.array(string).nullable(),
    vendor_created_at: timeOrNull,
    last_synced_at: time,
  })
  .openapi('Campaign')

const LIST: List = {
  columns: Object.keys(campaign.shape)
    .map((column) => `c.${column}`)
    .join(', '),
  from: 'public.campaigns as c',
  key: 'c.bison_key',
  keyType: 'text',
  sorts: {
    name: { sql: `lower(coalesce(c.campaign_name, ''))`, type: 'text' },
    emails_sent: { sql: 'coalesce(c.emails_sent, -1)', type: 'integer' },
    interested: { sql: 'coalesce(c.interested, -1)', type: 'integer' },
    created: { sql: `coalesce(c.vendor_created_at, '-infinity')`, type: 'timestamptz' },
  },
  sums: {
    emails_sent: 'coalesce(sum(c.emails_sent), 0)',
    replied: 'coalesce(sum(c.replied), 0)',
    interested: 'coalesce(sum(c.interested), 0)',
    bounced: 'coalesce(sum(c.bounced), 0)',
  },
}
const sums = z
  .object({ emails_sent: int, replied: int, interested: int, bounced: int })
  .openapi({ description: 'Over all rows that the filter lets through.' })

const list = createRoute({
  method: 'get',
  path: '/campaigns',
  tags: ['campaigns'],
  summary: 'Campaigns with the vendor’s statistics, in pages',
  request: {
    query: z.object({
      workspace: oneWorkspace,
      search: search.openapi({ description: 'Part of the name, in any case.' }),
      status: text(100).optional().openapi({ example: 'active' }),
      active: flag.optional().openapi({ type: 'boolean' }),
      ...pageQuery(['name', 'emails_sent', 'interested', 'created'], 'asc'),
    }),
  },
  responses: {
    200: json(current({ ...PAGE, sums, campaigns: z.array(campaign) }).openapi('Campaigns'), 'One page.'),
    ...FAILURES,
  },
})

export function addCampaigns({ routes, db }: Portal): void {
  routes.openapi(list, async (c) => {
    const { workspace, status, active, search, ...page } = c.req.valid('query')
    if (workspace !== undefined) await scopeOf(db, workspace)
    const filter = new Filter()
      .where(workspace, (place) => `c.workspace_name = ${place}`)
      .where(status, (place) => `lower(c.status) = lower(${place})`)
      .where(active, (place) => `c.is_active = ${place}`)
      .where(search, holds('c.campaign_name'))
    const asOf = new Date().toISOString()
    const { rows, ...rest } = await readPage<z.infer<typeof campaign>, z.infer<typeof sums>>(db, LIST, {
      ...page,
      filter,
    })
    return c.json({ as_of: asOf, ...rest, campaigns: rows }, 200)
  })
}
