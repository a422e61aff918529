import { createRoute, z } from '@hono/zod-openapi'
import { RefusedError } from '../../refused.ts'
import { current, FAILURES, int, json, string, stringOrNull, time } from './answers.ts'
import type { Portal } from './context.ts'
import { count, day, flag, oneOf, ofId, oneWorkspace, STAGES, uuid } from './fields.ts'
import { rowOf, rowsOf, scopeOf } from './figures.ts'
import { BOARD_SORTS, LEAD, lead, type Lead, LEAD_SORTS, LEAD_SUMS, leadSums, stage } from './lead.ts'
import { Filter, holds, type List, PAGE, pageQuery, readPage, search } from './pages.ts'
import { repliesOfLead, REPLY, reply, type Reply } from './reply.ts'

const LIST: List = {
  columns: LEAD,
  from: 'public.client_leads as l',
  key: 'l.id',
  keyType: 'uuid',
  sorts: LEAD_SORTS,
  sums: LEAD_SUMS,
}
const BOARD: List = { ...LIST, from: 'public.pipeline_leads as l', sorts: BOARD_SORTS }

const whose = {
  workspace: oneWorkspace,
  assigned_to: uuid.optional().openapi({ description: 'Id of the user that they are assigned to.' }),
  search: search.openapi({
    description: 'Part of the e-mail, a name, the company or the phone number, in any case.',
  }),
}

interface Whose {
  readonly workspace?: string | undefined
  readonly assigned_to?: string | undefined
  readonly search?: string | undefined
}

const filterOf = ({ workspace, assigned_to, search }: Whose): Filter =>
  new Filter()
    .where(workspace, (place) => `l.workspace_name = ${place}`)
    .where(assigned_to, (place) => `l.assigned_to_user_id = ${place}::uuid`)
    .where(search, holds('l.lead_email', `concat_ws(' ', l.first_name, l.last_name)`, 'l.company', 'l.phone'))

/** Deleted leads are asked for by name. */
const DELETED = { no: 'l.deleted_at is null', only: 'l.deleted_at is not null', all: undefined } as const

const list = createRoute({
  method: 'get',
  path: '/leads',
  tags: ['leads'],
  summary: 'Leads, in pages',
  request: {
    query: z.object({
      ...whose,
      stage: oneOf(STAGES).optional(),
      interested: flag
        .optional()
        .openapi({ type: 'boolean', description: 'Whether the vendor marked them so.' }),
      delivery_state: oneOf(['ok', 'bounced', 'unsubscribed']).optional(),
      interested_from: day
        .optional()
        .openapi({ description: 'Business day of the first interest, from this one.' }),
      interested_to: day.optional().openapi({ description: 'And up to and with this one.' }),
      deleted: oneOf(['no', 'only', 'all']).default('no').openapi({ description: 'Deleted leads.' }),
      ...pageQuery(['received', 'interested', 'created', 'email', 'value']),
    }),
  },
  responses: {
    200: json(current({ ...PAGE, sums: leadSums, leads: z.array(lead) }).openapi('Leads'), 'One page.'),
    ...FAILURES,
  },
})

const column = z.object({ stage, ...PAGE, sums: leadSums, leads: z.array(lead) }).openapi('BoardColumn')

const board = createRoute({
  method: 'get',
  path: '/leads/board',
  tags: ['leads'],
  summary: 'The pipeline: every stage with its number of leads and its first page',
  request: {
    query: z.object({
      ...whose,
      limit: count(1, 200, 50, 'Leads of each column.'),
    }),
  },
  responses: {
    200: json(
      current({ total: int, columns: z.array(column) }).openapi('Board'),
      'Leads that the vendor calls interested or that people added, of one moment; the stages from new to bounced.',
    ),
    ...FAILURES,
  },
})

const boardColumn = createRoute({
  method: 'get',
  path: '/leads/board/{stage}',
  tags: ['leads'],
  summary: 'One column of the pipeline, in pages',
  request: {
    params: z.object({ stage: oneOf(STAGES) }),
    query: z.object({ ...whose, ...pageQuery(['place'], 'asc') }).omit({ sort: true, order: true }),
  },
  responses: { 200: json(current(column.shape).openapi('OneBoardColumn'), 'One page.'), ...FAILURES },
})

const change = z
  .object({
    old_stage: stringOrNull,
    new_stage: string,
    changed_at: time,
    actor_kind: string.openapi({ description: 'machine or human.' }),
    actor: string,
  })
  .openapi('StageChange')

const conversation = z
  .object({ replies: int, recent_replies: int, last_reply_at: time, conversation_status: string })
  .openapi('Conversation')
type Conversation = z.infer<typeof conversation>

const one = createRoute({
  method: 'get',
  path: '/leads/{id}',
  tags: ['leads'],
  summary: 'One lead with its replies and the history of its stage',
  request: { params: ofId },
  responses: {
    200: json(
      current({
        lead,
        conversation: conversation.nullable(),
        replies_total: int,
        replies: z.array(reply).openapi({ description: 'The newest 100; /replies?lead=… has all.' }),
        stage_history: z.array(change).openapi({ description: 'The newest first.' }),
      }).openapi('OneLead'),
      'The lead, deleted or not.',
    ),
    ...FAILURES,
  },
})

export function addLeads(portal: Portal): void {
  addList(portal)
  addBoard(portal)
  addOne(portal)
}

function addList({ routes, db }: Portal): void {
  routes.openapi(list, async (c) => {
    const query = c.req.valid('query')
    const { workspace, stage, interested, delivery_state, interested_from, interested_to, deleted } = query
    if (workspace !== undefined) await scopeOf(db, workspace)
    const filter = filterOf(query)
      .and(DELETED[deleted])
      .where(stage, (place) => `l.pipeline_stage = ${place}`)
      .where(interested, (place) => `l.interested = ${place}`)
      .where(delivery_state, (place) => `l.delivery_state = ${place}`)
      .where(interested_from, (place) => `l.interested_at >= public.business_day_start(${place}::date)`)
      .where(interested_to, (place) => `l.interested_at < public.business_day_start(${place}::date + 1)`)
    const { sort, order, limit, cursor } = query
    const asOf = new Date().toISOString()
    const page = { filter, sort, order, limit, cursor }
    const { rows, ...rest } = await readPage<Lead, z.infer<typeof leadSums>>(db, LIST, page)
    return c.json({ as_of: asOf, ...rest, leads: rows }, 200)
  })
}

type Column = z.infer<typeof column>

function addBoard({ routes, db }: Portal): void {
  routes.openapi(board, async (c) => {
    const { limit, ...whose } = c.req.valid('query')
    if (whose.workspace !== undefined) await scopeOf(db, whose.workspace)
    const asOf = new Date().toISOString()
    const columns = await db.transaction(async (tx) => {
      // One moment for all columns: a lead that is moved meanwhile is in one of them, and in one only.
      await tx.query('set transaction isolation level repeatable read, read only')
      const read: Column[] = []
      for (const stage of STAGES) {
        const filter = filterOf(whose).where(stage, (place) => `l.pipeline_stage = ${place}`)
        const page = { filter, sort: 'place', order: 'asc', limit } as const
        const { rows, ...rest } = await readPage<Lead, z.infer<typeof leadSums>>(tx, BOARD, page)
        read.push({ stage, ...rest, leads: rows })
      }
      return read
    })
    const total = columns.reduce((sum, column) => sum + column.total, 0)
    return c.json({ as_of: asOf, total, columns }, 200)
  })
  routes.openapi(boardColumn, async (c) => {
    const { stage } = c.req.valid('param')
    const { limit, cursor, ...whose } = c.req.valid('query')
    if (whose.workspace !== undefined) await scopeOf(db, whose.workspace)
    const filter = filterOf(whose).where(stage, (place) => `l.pipeline_stage = ${place}`)
    const asOf = new Date().toISOString()
    const page = { filter, sort: 'place', order: 'asc', limit, cursor } as const
    const { rows, ...rest } = await readPage<Lead, z.infer<typeof leadSums>>(db, BOARD, page)
    return c.json({ as_of: asOf, stage, ...rest, leads: rows }, 200)
  })
}

interface Found {
  lead: Lead
  conversation: Conversation | null
  replies_total: number
  replies: Reply[]
  stage_history: z.infer<typeof change>[]
}

const ONE = `select ${rowOf(`select ${LEAD}`)} as lead,
  ${rowOf(`select k.replies, k.recent_replies, k.last_reply_at, k.conversation_status
    from public.lead_conversations as k where k.lead_id = l.id`)} as conversation,
  (select count(*) from public.lead_replies as r where ${repliesOfLead('l.id')}) as replies_total,
  ${rowsOf(`select ${REPLY} from public.lead_replies as r where ${repliesOfLead('l.id')}
    order by r.reply_date desc nulls last, r.bison_key desc limit 100`)} as replies,
  ${rowsOf(`select h.old_stage, h.new_stage, h.changed_at, h.actor_kind, h.actor
    from public.pipeline_stage_history as h where h.lead_id = l.id order by h.id desc`)} as stage_history
from public.client_leads as l where l.id = $1`

function addOne({ routes, db }: Portal): void {
  routes.openapi(one, async (c) => {
    const { id } = c.req.valid('param')
    const asOf = new Date().toISOString()
    const { rows } = await db.query<Found>(ONE, [id])
    if (rows[0] === undefined) throw new RefusedError(404, 'not_found', `there is no lead ${id}`)
    return c.json({ as_of: asOf, ...rows[0] }, 200)
  })
}
