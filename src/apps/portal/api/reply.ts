import { z } from '@hono/zod-openapi'
import { bool, intOrNull, string, stringOrNull, time, timeOrNull } from './answers.ts'

/** A mail in an inbox as every answer shows it. */
export const reply = z
  .object({
    id: string.openapi({ format: 'uuid' }),
    bison_key: string,
    bison_reply_id: stringOrNull,
    bison_reply_numeric_id: intOrNull,
    workspace_name: stringOrNull,
    bison_lead_id: intOrNull,
    bison_campaign_id: intOrNull,
    original_sender_email_id: intOrNull,
    from_name: stringOrNull,
    lead_email: stringOrNull,
    to_email: stringOrNull,
    subject: stringOrNull,
    reply_text: stringOrNull,
    reply_date: timeOrNull,
    folder: stringOrNull,
    reply_type: stringOrNull,
    is_interested: bool.nullable(),
    is_automated: bool.nullable(),
    is_read: bool.nullable(),
    sentiment: stringOrNull.openapi({
      description: 'positive where the vendor marked it as interested, else null.',
    }),
    is_handled: bool,
    handled_at: timeOrNull,
    handled_by: stringOrNull,
    needs_review: bool,
    last_synced_at: time,
  })
  .openapi('Reply')

export type Reply = z.infer<typeof reply>

/** The columns of a reply that a query calls `r`. */
export const REPLY = Object.keys(reply.shape)
  .map((column) => `r.${column}`)
  .join(', ')

/** Condition of replies `r`: of this lead, by the ids that its person goes by, or by the address. */
export const repliesOfLead = (lead: string): string => `exists (
  select from public.client_leads as x
  where x.id = ${lead} and r.bison_instance = split_part(x.scope, '/', 1)
    and r.bison_workspace_id = x.bison_workspace_id and (lower(btrim(r.lead_email)) = x.lead_email or r.bison_lead_id in (
      select i.lead_id from portal.lead_ids as i where i.scope = x.scope and i.person = x.lead_email)))`
