import { createRoute, z } from '@hono/zod-openapi'
import { current, FAILURES, int, json, string, stringOrNull, time, timeOrNull } from './answers.ts'
import type { Portal } from './context.ts'
import { oneOf, oneWorkspace } from './fields.ts'
import { scopeOf } from './figures.ts'
import { Filter, type List, PAGE, pageQuery, readPage } from './pages.ts'

const alert = z
  .object({
    id: int,
    condition: string.openapi({ description: 'What is wrong, as one word.' }),
    level: string.openapi({ description: 'warning or critical.' }),
    stream: string.openapi({ description: 'Which scope or stream it concerns; empty: the whole app.' }),
    workspace_name: stringOrNull,
    detail: string,
    opened_at: time,
    closed_at: timeOrNull,
    returns: int.openapi({ description: 'How often it was over for so short a while that nobody was told.' }),
    purpose: stringOrNull.openapi({ description: 'Under which purpose people are told of it.' }),
  })
  .openapi('Alert')

const LIST: List = {
  columns: `a.id, a.condition, a.level, a.stream, s.workspace_name, a.detail, a.opened_at, a.closed_at, a.returns,
    a.purpose`,
  // A stream of a workspace is its scope, or begins with it.
  from: `lockstep.alerts as a left join portal.scopes as s
    on s.scope = (split_part(a.stream, '/', 1) || '/' || split_part(a.stream, '/', 2)) collate "C"`,
  key: 'a.id',
  keyType: 'bigint',
  sorts: { opened: { sql: 'a.opened_at', type: 'timestamptz' } },
  sums: {
    open: 'count(*) filter (where a.closed_at is null)',
    critical: `count(*) filter (where a.closed_at is null and a.level = 'critical')`,
  },
}
const sums = z
  .object({ open: int, critical: int.openapi({ description: 'Of those that are open.' }) })
  .openapi({ description: 'Over all alerts that the filter lets through.' })

const STATES = { open: 'a.closed_at is null', past: 'a.closed_at is not null', all: undefined } as const

const list = createRoute({
  method: 'get',
  path: '/alerts',
  tags: ['health'],
  summary: 'Alerts, open and past, the newest first, in pages',
  request: {
    query: z
      .object({
        workspace: oneWorkspace,
        state: oneOf(['open', 'past', 'all']).default('open'),
        level: oneOf(['warning', 'critical']).optional(),
        ...pageQuery(['opened']),
      })
      .omit({ sort: true, order: true }),
  },
  responses: {
    200: json(current({ ...PAGE, sums, alerts: z.array(alert) }).openapi('Alerts'), 'One page.'),
    ...FAILURES,
  },
})

export function addAlerts({ routes, db }: Portal): void {
  routes.openapi(list, async (c) => {
    const { workspace, state, level, limit, cursor } = c.req.valid('query')
    if (workspace !== undefined) await scopeOf(db, workspace)
    const filter = new Filter()
      .and(`a.app = 'portal'`)
      .and(STATES[state])
      .where(workspace, (place) => `s.workspace_name = ${place}`)
      .where(level, (place) => `a.level = ${place}`)
    const asOf = new Date().toISOString()
    const page = { filter, sort: 'opened', order: 'desc', limit, cursor } as const
    const { rows, ...rest } = await readPage<z.infer<typeof alert>, z.infer<typeof sums>>(db, LIST, page)
    return c.json({ as_of: asOf, ...rest, alerts: rows }, 200)
  })
}
