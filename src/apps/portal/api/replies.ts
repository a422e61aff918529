import { createRoute, z } from '@hono/zod-openapi'
import { RefusedError } from '../../refused.ts'
import { body, current, FAILURES, int, json } from './answers.ts'
import type { Portal } from './context.ts'
import { byActor, day, flag, oneOf, ofId, oneWorkspace, uuid } from './fields.ts'
import { scopeOf } from './figures.ts'
import { Filter, holds, type List, PAGE, pageQuery, readPage, search } from './pages.ts'
import { repliesOfLead, REPLY, reply, type Reply } from './reply.ts'

const LIST: List = {
  columns: REPLY,
  from: 'public.lead_replies as r',
  key: 'r.bison_key',
  keyType: 'text',
  sorts: { date: { sql: `coalesce(r.reply_date, '-infinity')`, type: 'timestamptz' } },
  sums: {
    interested: 'count(*) filter (where r.is_interested)',
    to_handle: 'count(*) filter (where r.is_interested and not r.is_handled)',
    needs_review: 'count(*) filter (where r.needs_review)',
  },
}
const sums = z
  .object({ interested: int, to_handle: int, needs_review: int })
  .openapi({ description: 'Over all replies that the filter lets through.' })

/** Our own mails lie among the replies of a conversation. */
const OUTGOING = `(coalesce(r.reply_type, '') ilike 'outgoing%' or coalesce(r.folder, '') ilike 'sent%')`
const DIRECTIONS = { in: `not ${OUTGOING}`, out: OUTGOING, all: undefined } as const

const list = createRoute({
  method: 'get',
  path: '/replies',
  tags: ['replies'],
  summary: 'Replies, the newest first, in pages',
  request: {
    query: z
      .object({
        workspace: oneWorkspace,
        lead: uuid.optional().openapi({ description: 'Id of a lead: its replies.' }),
        search: search.openapi({
          description: 'Part of the address, the name, the subject or the text, in any case.',
        }),
        interested: flag.optional().openapi({ type: 'boolean' }),
        handled: flag.optional().openapi({ type: 'boolean' }),
        needs_review: flag.optional().openapi({ type: 'boolean' }),
        direction: oneOf(['in', 'out', 'all'])
          .default('in')
          .openapi({ description: 'Theirs, our own, or both.' }),
        from: day.optional().openapi({ description: 'From this business day.' }),
        to: day.optional().openapi({ description: 'Up to and with this business day.' }),
        ...pageQuery(['date']),
      })
      .omit({ sort: true, order: true }),
  },
  responses: {
    200: json(current({ ...PAGE, sums, replies: z.array(reply) }).openapi('Replies'), 'One page.'),
    ...FAILURES,
  },
})

const triage = createRoute({
  method: 'post',
  path: '/replies/{id}/triage',
  tags: ['replies'],
  summary: 'Mark a reply as handled, or as one to review',
  request: {
    params: ofId,
    headers: byActor,
    body: body(
      z
        .strictObject({
          is_handled: z.boolean({ error: 'give true or false' }).optional(),
          needs_review: z.boolean({ error: 'give true or false' }).optional(),
        })
        .refine((given) => given.is_handled !== undefined || given.needs_review !== undefined, {
          error: 'give is_handled, needs_review, or both',
        })
        .openapi('Triage'),
    ),
  },
  responses: { 200: json(current({ reply }).openapi('OneReply'), 'The reply as it is now.'), ...FAILURES },
})

export function addReplies(portal: Portal): void {
  const { routes, db } = portal
  routes.openapi(list, async (c) => {
    const query = c.req.valid('query')
    const { workspace, lead, interested, handled, needs_review, direction, from, to, limit, cursor } = query
    if (workspace !== undefined) await scopeOf(db, workspace)
    if (lead !== undefined) await mustBeLead(portal, lead)
    const filter = new Filter()
      .and(DIRECTIONS[direction])
      .where(workspace, (place) => `r.workspace_name = ${place}`)
      .where(lead, (place) => repliesOfLead(`${place}::uuid`))
      .where(interested, (place) => `coalesce(r.is_interested, false) = ${place}`)
      .where(handled, (place) => `r.is_handled = ${place}`)
      .where(needs_review, (place) => `r.needs_review = ${place}`)
      .where(from, (place) => `r.reply_date >= public.business_day_start(${place}::date)`)
      .where(to, (place) => `r.reply_date < public.business_day_start(${place}::date + 1)`)
      .where(query.search, holds('r.lead_email', 'r.from_name', 'r.subject', 'r.reply_text'))
    const asOf = new Date().toISOString()
    const page = { filter, sort: 'date', order: 'desc', limit, cursor } as const
    const { rows, ...rest } = await readPage<Reply, z.infer<typeof sums>>(db, LIST, page)
    return c.json({ as_of: asOf, ...rest, replies: rows }, 200)
  })
  addTriage(portal)
}

function addTriage({ routes, db, figures }: Portal): void {
  routes.openapi(triage, async (c) => {
    const { id } = c.req.valid('param')
    const { is_handled = null, needs_review = null } = c.req.valid('json')
    const actor = c.req.valid('header')['x-lockstep-actor']
    const asOf = new Date().toISOString()
    const { rows } = await db.query<Reply & { scope: string }>(
      `update public.lead_replies as r set
         (is_handled, handled_at, handled_by) = (
           select h, case when h then coalesce(r.handled_at, clock_timestamp()) end,
             case when h then coalesce(r.handled_by, $4) end
           from coalesce($2::boolean, r.is_handled) as h),
         needs_review = coalesce($3::boolean, r.needs_review)
       where r.id = $1 returning ${REPLY}, r.bison_instance || '/' || r.bison_workspace_id as scope`,
      [id, is_handled, needs_review, actor],
    )
    if (rows[0] === undefined) throw new RefusedError(404, 'not_found', `there is no reply ${id}`)
    const { scope, ...reply } = rows[0]
    figures.overwrite('replies', scope)
    return c.json({ as_of: asOf, reply }, 200)
  })
}

async function mustBeLead({ db }: Portal, id: string): Promise<void> {
  const { rowCount } = await db.query('select 1 from public.client_leads where id = $1', [id])
  if (rowCount === 0) throw new RefusedError(404, 'not_found', `there is no lead ${id}`)
}
