import { createRoute, z } from '@hono/zod-openapi'
import { isRefusal, sqlState } from '../../../db/database.ts'
import { RefusedError } from '../../refused.ts'
import { body, current, json, REFUSALS } from './answers.ts'
import type { Portal } from './context.ts'
import {
  byActor,
  money,
  oneOf,
  ofId,
  POLICIES,
  soundSoFar,
  STAGES,
  text,
  uuid,
  wholeNumber,
  workspaceName,
} from './fields.ts'
import { LEAD, lead, type Lead } from './lead.ts'

/** What people do to leads: the functions of migration 0007, each with its refusals. */

const contact = text(1_000).nullable()
const contactFields = z
  .strictObject(
    {
      first_name: contact,
      last_name: contact,
      phone: contact,
      address: contact,
      city: contact,
      state: contact,
      zip: contact,
      title: contact,
      company: contact,
      renewal: contact,
      birthday: contact,
    },
    {
      error: ({ code, keys }) =>
        code === 'unrecognized_keys' ? `${(keys ?? []).join(', ')}: no contact field` : 'give an object',
    },
  )
  .partial()

/** A body for an action, and the call that it makes: its function, and the parameters after the lead's id. */
interface Action<B extends z.ZodType> {
  readonly summary: string
  readonly body: B
  readonly call: (given: z.infer<B>, actor: string) => readonly [name: string, ...parameters: unknown[]]
}

const action = <B extends z.ZodType>(given: Action<B>): Action<B> => given
const unlessEmpty = (given: string | null | undefined): string | null => given ?? null

const ACTIONS = {
  move: action({
    summary: 'Move a lead to a stage, and to a place in it',
    body: z.strictObject({
      stage: oneOf(STAGES),
      position: wholeNumber
        .optional()
        .openapi({ description: 'Place in the column; without it, as it was.' }),
    }),
    call: ({ stage, position }, actor) => ['move_lead', stage, position ?? null, actor],
  }),
  note: action({
    summary: 'Write the notes of a lead',
    body: z.strictObject({ notes: text(50_000).nullable() }),
    call: ({ notes }) => ['note_lead', notes],
  }),
  assign: action({
    summary: 'Assign a lead to somebody, or to nobody',
    body: z.strictObject({ user_id: uuid.nullable().optional(), name: text(200).nullable().optional() }),
    call: ({ user_id, name }, actor) => ['assign_lead', unlessEmpty(user_id), unlessEmpty(name), actor],
  }),
  win: action({
    summary: 'Win a lead, with its premium and policy type',
    body: z.strictObject({ premium_amount: money(9_999_999_999.99), policy_type: oneOf(POLICIES) }),
    call: ({ premium_amount, policy_type }, actor) => ['win_lead', premium_amount, policy_type, actor],
  }),
  edit: action({
    summary: 'Correct contact fields; null gives a field back to the vendor',
    body: contactFields.refine((given) => Object.keys(given).length > 0, {
      error: 'give at least one field',
      when: soundSoFar,
    }),
    call: (changes) => ['edit_lead', JSON.stringify(changes)],
  }),
  delete: action({
    summary: 'Delete a lead softly; it counts nowhere until it is restored',
    body: z.strictObject({ reason: text(1_000).nullable().optional() }),
    call: ({ reason }, actor) => ['delete_lead', unlessEmpty(reason), actor],
  }),
  restore: action({
    summary: 'Restore a deleted lead',
    body: z.strictObject({}),
    call: () => ['restore_lead'],
  }),
}

const changed = current({ lead }).openapi('ChangedLead')

export function addLeadActions(portal: Portal): void {
  for (const [name, { summary, body: schema, call }] of Object.entries<Action<z.ZodType>>(ACTIONS)) {
    const route = createRoute({
      method: 'post',
      path: `/leads/{id}/${name}`,
      tags: ['leads'],
      summary,
      request: { params: ofId, headers: byActor, body: body(schema.openapi(`Lead_${name}`)) },
      responses: { 200: json(changed, 'The lead as it is now.'), ...REFUSALS },
    })
    portal.routes.openapi(route, async (c) => {
      const { id } = c.req.valid('param')
      const actor = c.req.valid('header')['x-lockstep-actor']
      const [func, ...parameters] = call(c.req.valid('json'), actor)
      return c.json(await act(portal, func, [id, ...parameters]), 200)
    })
  }
  addAdding(portal)
}

const add = createRoute({
  method: 'post',
  path: '/leads',
  tags: ['leads'],
  summary: 'Add a lead by hand; one e-mail is one lead of a workspace',
  request: {
    headers: byActor,
    body: body(
      z
        .strictObject({
          workspace: workspaceName.openapi({ example: 'Northwind' }),
          email: text(320)
            .trim()
            .regex(/^[^\s@]+@[^\s@]+$/, { error: 'give an e-mail address' })
            .openapi({ example: 'pat@customer.example' }),
          stage: oneOf(STAGES).default('interested'),
          details: contactFields.default({}).openapi({ description: 'Contact fields.' }),
        })
        .openapi('NewLead'),
    ),
  },
  responses: { 201: json(changed, 'The lead.'), ...REFUSALS },
})

function addAdding(portal: Portal): void {
  portal.routes.openapi(add, async (c) => {
    const { workspace, email, stage, details } = c.req.valid('json')
    const actor = c.req.valid('header')['x-lockstep-actor']
    return c.json(
      await act(portal, 'add_lead', [workspace, email, JSON.stringify(details), stage, actor]),
      201,
    )
  })
}

/** Calls the function; what it refuses becomes the answer. */
async function act(
  { db, figures }: Portal,
  name: string,
  parameters: readonly unknown[],
): Promise<{ as_of: string; lead: Lead }> {
  const places = parameters.map((_, i) => `$${i + 1}`).join(', ')
  const asOf = new Date().toISOString()
  try {
    const lead = await db.transaction(async (tx) => {
      const { rows } = await tx.query<{ id: string }>(`select id from public.${name}(${places})`, parameters)
      const found = await tx.query<{ lead: Lead }>(
        `select (select to_json(c) from (select ${LEAD}) as c) as lead from public.client_leads as l where l.id = $1`,
        [rows[0]?.id],
      )
      return found.rows[0]?.lead
    })
    if (lead === undefined) throw new Error(`${name} returned no lead`)
    figures.overwrite('leads', lead.scope)
    return { as_of: asOf, lead }
  } catch (error) {
    throw refusalOf(error)
  }
}

/** SQLSTATE → what it means to the caller. */
const STATES: Readonly<Record<string, { readonly status: 404 | 409; readonly code: string }>> = {
  P0002: { status: 404, code: 'not_found' },
  23505: { status: 409, code: 'conflict' },
}

/** The function's own words, with its hint. Everything else stays the error that it is. */
function refusalOf(error: unknown): unknown {
  const state = sqlState(error)
  if (!(error instanceof Error) || state === undefined) return error
  const known = STATES[state] ?? (isRefusal(error) ? { status: 422 as const, code: 'refused' } : undefined)
  if (known === undefined) return error
  const { hint } = error as { hint?: unknown }
  const message = typeof hint === 'string' ? `${error.message}. ${hint}` : error.message
  return new RefusedError(known.status, known.code, message, { cause: error })
}
