import { z } from '@hono/zod-openapi'
import {
  bool, int, intOrNull, num, numOrNull, string, stringOrNull, time, timeOrNull,
} from './answers.ts' // prettier-ignore
import { STAGES } from './fields.ts'
import type { Sort } from './pages.ts'

/** A lead as every answer shows it. */

export const stage = string.openapi({ description: `One of ${STAGES.join(', ')}.` })
const json = z.unknown().openapi({ description: 'As the vendor tells it.' })

export const lead = z
  .object({
    id: string.openapi({ format: 'uuid' }),
    scope: string,
    workspace_name: string,
    lead_email: string,
    first_name: stringOrNull,
    last_name: stringOrNull,
    phone: stringOrNull,
    address: stringOrNull,
    city: stringOrNull,
    state: stringOrNull,
    zip: stringOrNull,
    title: stringOrNull,
    company: stringOrNull,
    renewal: stringOrNull,
    birthday: stringOrNull,
    edits: z.record(string, z.unknown()).openapi({ description: 'Contact fields that people corrected.' }),
    custom_variables: json,
    tags: json,
    lead_status: stringOrNull,
    date_received: timeOrNull.openapi({ description: 'Of the latest reply.' }),
    interested: bool,
    interested_at: timeOrNull,
    pipeline_stage: stage,
    machine_stage: stage,
    human_stage: stringOrNull,
    human_stage_at: timeOrNull,
    human_stage_by: stringOrNull,
    pipeline_position: intOrNull,
    delivery_state: string.openapi({ description: 'ok, bounced or unsubscribed.' }),
    bounced_at: timeOrNull,
    unsubscribed_at: timeOrNull,
    notes: stringOrNull,
    lead_value: num,
    premium_amount: numOrNull,
    policy_type: stringOrNull,
    assigned_to_user_id: stringOrNull,
    assigned_to_name: stringOrNull,
    assigned_at: timeOrNull,
    assigned_by_user_id: stringOrNull,
    is_manual: bool,
    bison_lead_id: stringOrNull,
    bison_reply_uuid: stringOrNull,
    bison_conversation_url: stringOrNull,
    deleted_at: timeOrNull,
    deleted_by_user_id: stringOrNull,
    deletion_reason: stringOrNull,
    created_at: time,
    updated_at: time,
    conversation_status: stringOrNull.openapi({
      description: 'hot, in_conversation or single_reply; null without a reply.',
    }),
  })
  .openapi('Lead')

export type Lead = z.infer<typeof lead>

/** The columns of a lead that a query calls `l`. */
export const LEAD = [
  ...Object.keys(lead.shape)
    .filter((column) => column !== 'conversation_status')
    .map((column) => `l.${column}`),
  '(select k.conversation_status from public.lead_conversations as k where k.lead_id = l.id) as conversation_status',
].join(', ')

/** Of leads that a query calls `l`. */
export const LEAD_SUMS = {
  interested: 'count(*) filter (where l.interested)',
  won: `count(*) filter (where l.pipeline_stage = 'won')`,
  lead_value: 'coalesce(sum(l.lead_value), 0)',
  premium_amount: `coalesce(sum(l.premium_amount) filter (where l.pipeline_stage = 'won'), 0)`,
}
export const leadSums = z
  .object({
    interested: int,
    won: int,
    lead_value: num,
    premium_amount: num.openapi({ description: 'Of those that are won.' }),
  })
  .openapi({ description: 'Over all leads that the filter lets through.' })

export const LEAD_SORTS: Readonly<Record<string, Sort>> = {
  received: { sql: `coalesce(l.date_received, '-infinity')`, type: 'timestamptz' },
  interested: { sql: `coalesce(l.interested_at, '-infinity')`, type: 'timestamptz' },
  created: { sql: 'l.created_at', type: 'timestamptz' },
  email: { sql: 'l.lead_email', type: 'text collate "C"' },
  value: { sql: 'l.lead_value', type: 'numeric' },
}

/** The place on the board: as people put them, then the newest reply first. */
export const BOARD_SORTS: Readonly<Record<string, Sort>> = {
  place: {
    sql: `array[coalesce(l.pipeline_position, 2147483648)::numeric, -extract(epoch from coalesce(l.date_received, l.created_at))]`,
    type: 'numeric[]',
  },
}
