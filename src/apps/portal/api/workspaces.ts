import { createRoute, z } from '@hono/zod-openapi'
import { RefusedError } from '../../refused.ts'
import {
  body, bool, cached, current, FAILURES, type Figure, freshly, int, intOrNull, json, num, numOrNull, string, stringOrNull, time,
  timeOrNull,
} from './answers.ts' // prettier-ignore
import type { Portal } from './context.ts'
import { byActor, flag, money, oneOf, soundSoFar, text, wholeNumber, workspaceName } from './fields.ts'
import { rowsOf, scopeOf } from './figures.ts'

const target = 'Hand-entered; 0 where there is none.'
const workspace = z
  .object({
    workspace_name: string,
    scope: string.openapi({ description: '<instance>/<id at the vendor>.', example: 'send/37' }),
    display_name: stringOrNull,
    client_type: stringOrNull,
    is_active: bool,
    is_agency: bool,
    monthly_kpi_target: int.openapi({ description: target }),
    monthly_sending_target: int.openapi({ description: target }),
    daily_sending_target: int.openapi({ description: target }),
    billing_type: string.openapi({ description: 'per_lead or retainer.' }),
    price_per_lead: num,
    retainer_amount: num,
    payout: numOrNull,
    kpi_dashboard_enabled: bool,
    volume_dashboard_enabled: bool,
    portal_access_enabled: bool,
    live_replies_enabled: bool,
    disconnect_notifications_enabled: bool,
    timezone: stringOrNull.openapi({ description: 'Set here; goes before the vendor’s.' }),
    bison_timezone: stringOrNull,
    effective_timezone: stringOrNull,
    bison_max_emails_per_day: intOrNull.openapi({ description: 'Sum over active campaigns.' }),
    bison_daily_limit: intOrNull.openapi({ description: 'Sum over connected mailboxes.' }),
    notes: stringOrNull,
    created_at: time,
    counts: z.object({
      mailboxes: int,
      connected_mailboxes: int,
      campaigns: int,
      active_campaigns: int,
      leads: int,
      interested: int,
      won: int,
      replies_to_handle: int.openapi({ description: 'Interested replies that nobody has handled.' }),
    }),
    freshness: z
      .object({
        mailboxes_read_at: timeOrNull,
        campaigns_read_at: timeOrNull,
        replies_read_at: timeOrNull,
        statistics_read_at: timeOrNull,
        last_event_at: timeOrNull,
      })
      .openapi({
        description: 'When each was last confirmed against the vendor to the end; null for never.',
      }),
  })
  .openapi('Workspace')

/** People's columns; what is not told stays. */
const settings = z
  .strictObject(
    {
      display_name: text(200).nullable(),
      client_type: text(200).nullable(),
      is_active: z.boolean({ error: 'give true or false' }),
      is_agency: z.boolean({ error: 'give true or false' }),
      monthly_kpi_target: wholeNumber,
      monthly_sending_target: wholeNumber,
      daily_sending_target: wholeNumber,
      billing_type: oneOf(['per_lead', 'retainer']),
      price_per_lead: money(99_999_999.99),
      retainer_amount: money(99_999_999.99),
      payout: money(99_999_999.99).nullable(),
      kpi_dashboard_enabled: z.boolean({ error: 'give true or false' }),
      volume_dashboard_enabled: z.boolean({ error: 'give true or false' }),
      portal_access_enabled: z.boolean({ error: 'give true or false' }),
      live_replies_enabled: z.boolean({ error: 'give true or false' }),
      disconnect_notifications_enabled: z.boolean({ error: 'give true or false' }),
      timezone: text(100)
        .refine(isTimeZone, { error: 'give a time zone such as America/Chicago' })
        .nullable()
        .openapi({ example: 'America/Chicago' }),
      notes: text(10_000).nullable(),
    },
    { error: (issue) => (issue.code === 'unrecognized_keys' ? noSetting(issue.keys) : 'give an object') },
  )
  .partial()
  .refine((given) => Object.keys(given).length > 0, { error: 'give at least one setting', when: soundSoFar })
  .openapi('WorkspaceSettings')

const noSetting = (keys: readonly string[] = []): string =>
  `${keys.join(', ')}: no setting of people's; what the vendor says is changed at the vendor`

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name }).format(0)
    return true
  } catch {
    return false
  }
}

/** Rows of all workspaces. */
const ALL = `with mailboxes as (
  select bison_instance || '/' || bison_workspace_id as scope, count(*) as n,
    count(*) filter (where lower(status) = 'connected') as connected
  from public.sender_emails_cache group by 1
),
campaigns as (
  select bison_instance || '/' || bison_workspace_id as scope, count(*) as n, count(*) filter (where is_active) as active
  from public.campaigns group by 1
),
replies as (
  select bison_instance || '/' || bison_workspace_id as scope, count(*) as n
  from public.lead_replies where is_interested and not is_handled group by 1
),
read as (
  select split_part(stream, '/', 1) || '/' || split_part(stream, '/', 2) as scope,
    max(greatest(full_pass_at, delta_at)) filter (where table_name = 'sender_emails_cache') as mailboxes,
    max(greatest(full_pass_at, delta_at)) filter (where table_name = 'campaigns') as campaigns,
    max(greatest(full_pass_at, delta_at)) filter (where table_name = 'lead_replies') as replies
  from lockstep.freshness where app = 'portal' group by 1
),
statistics as (select scope, max(polled_at) as at from public.vendor_metrics group by 1),
events as (select scope, max(told_at) as at from public.email_daily_counts group by 1)
select r.workspace_name, r.scope, r.display_name, r.client_type, r.is_active, r.is_agency, r.monthly_kpi_target,
  r.monthly_sending_target, r.daily_sending_target, r.billing_type, r.price_per_lead, r.retainer_amount, r.payout,
  r.kpi_dashboard_enabled, r.volume_dashboard_enabled, r.portal_access_enabled, r.live_replies_enabled,
  r.disconnect_notifications_enabled, r.timezone, r.bison_timezone, r.effective_timezone,
  r.bison_max_emails_per_day, r.bison_daily_limit, r.notes, r.created_at,
  json_build_object('mailboxes', coalesce(m.n, 0), 'connected_mailboxes', coalesce(m.connected, 0),
    'campaigns', coalesce(c.n, 0), 'active_campaigns', coalesce(c.active, 0), 'leads', coalesce(l.total, 0),
    'interested', coalesce(l.interested, 0), 'won', coalesce(l.won, 0), 'replies_to_handle', coalesce(p.n, 0)) as counts,
  json_build_object('mailboxes_read_at', f.mailboxes, 'campaigns_read_at', f.campaigns, 'replies_read_at', f.replies,
    'statistics_read_at', s.at, 'last_event_at', e.at) as freshness
from public.client_registry as r
left join mailboxes as m on m.scope = r.scope
left join campaigns as c on c.scope = r.scope
left join replies as p on p.scope = r.scope
left join read as f on f.scope = r.scope
left join statistics as s on s.scope = r.scope
left join events as e on e.scope = r.scope
left join public.get_workspace_lead_counts() as l on l.workspace_name = r.workspace_name
where r.workspace_name is not null and ($1::text is null or r.workspace_name = $1)
  and ($2::boolean is null or r.is_active = $2)
order by r.workspace_name`

const listAnswer = cached({ total: int, workspaces: z.array(workspace) }).openapi('Workspaces')

const list = createRoute({
  method: 'get',
  path: '/workspaces',
  tags: ['workspaces'],
  summary: 'Workspaces with their settings, counts and freshness',
  request: { query: z.object({ active: flag.optional().openapi({ type: 'boolean' }) }) },
  responses: { 200: json(listAnswer, 'By name.'), ...FAILURES },
})

const oneAnswer = cached({ workspace }).openapi('OneWorkspace')
const byName = z.object({ name: workspaceName.openapi({ example: 'Northwind' }) })

const one = createRoute({
  method: 'get',
  path: '/workspaces/{name}',
  tags: ['workspaces'],
  summary: 'One workspace',
  request: { params: byName },
  responses: { 200: json(oneAnswer, 'The workspace.'), ...FAILURES },
})

const change = createRoute({
  method: 'patch',
  path: '/workspaces/{name}',
  tags: ['workspaces'],
  summary: 'Change what people set: name to show, targets, billing, switches, time zone, notes',
  request: { params: byName, headers: byActor, body: body(settings) },
  responses: {
    200: json(current({ workspace }).openapi('ChangedWorkspace'), 'The workspace as it is now.'),
    ...FAILURES,
  },
})

const TOPICS = ['leads', 'mailboxes', 'campaigns', 'replies', 'counts', 'vendor'] as const
type Workspace = z.infer<typeof workspace>

export function addWorkspaces(portal: Portal): void {
  const { routes, figures } = portal
  routes.openapi(list, async (c) => {
    const { active } = c.req.valid('query')
    const found = await figures.read<Figure<typeof listAnswer>>({
      name: 'workspaces',
      params: { active },
      topics: TOPICS,
      sql: `select json_array_length(w) as total, w as workspaces from (select ${rowsOf(ALL)} as w) as all_of_them`,
      values: () => [null, active ?? null],
    })
    return c.json(freshly(found), 200)
  })
  routes.openapi(one, async (c) => {
    const { name } = c.req.valid('param')
    const found = await figures.read<{ workspace: Workspace | null }>({
      name: 'workspace',
      workspace: name,
      topics: TOPICS,
      sql: `select (${rowsOf(ALL)} -> 0) as workspace`,
      values: () => [name, null],
    })
    const { workspace } = found.value
    // Events told of it, and no list of workspaces has shown it yet.
    if (workspace === null) throw noWorkspace(name)
    return c.json({ ...freshly(found), workspace }, 200)
  })
  addChange(portal)
}

function addChange({ routes, db, figures, log }: Portal): void {
  routes.openapi(change, async (c) => {
    const { name } = c.req.valid('param')
    const given = c.req.valid('json')
    const actor = c.req.valid('header')['x-lockstep-actor']
    const scope = await scopeOf(db, name)
    const columns = Object.keys(given)
    // Their names are those of the schema: nothing else passes it.
    const set = columns.map((column) => `${column} = t.${column}`).join(', ')
    const { rowCount } = await db.transaction(async (tx) =>
      tx.query(
        `update public.client_registry as r set ${set}
         from jsonb_populate_record(null::public.client_registry, $2) as t where r.scope = $1`,
        [scope, JSON.stringify(given)],
      ),
    )
    if (rowCount === 0) throw noWorkspace(name)
    log.info({ app: 'portal', workspace: name, actor, columns }, 'settings of a workspace were changed')
    figures.overwrite('settings', scope)
    const asOf = new Date().toISOString()
    const { rows } = await db.query<{ workspace: Workspace | null }>(
      `select (${rowsOf(ALL)} -> 0) as workspace`,
      [name, null],
    )
    const { workspace } = rows[0] ?? {}
    if (workspace === undefined || workspace === null) throw noWorkspace(name)
    return c.json({ as_of: asOf, workspace }, 200)
  })
}

const noWorkspace = (name: string): RefusedError =>
  new RefusedError(404, 'not_found', `there is no workspace "${name}"`)
