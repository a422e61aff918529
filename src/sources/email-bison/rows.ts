import type { Json, JsonObject, Value } from '../../engine/observation.ts'
import type { FetchedRow } from '../contract.ts'
import type { Kind } from './columns.ts'
import type { Workspace } from './workspaces.ts'

/** Email Bison dates records in whole seconds, written with microseconds. */
export const GRANULE_US = 1_000_000

/** The key of a record, and the first part of those of all records of a workspace. */
export const keyPrefix = ({ instance, id }: Pick<Workspace, 'instance' | 'id'>): string =>
  `${instance}/${id}/`

export const text = (value: Json | undefined): string | null => {
  const plain = typeof value === 'string' ? value.trim() : typeof value === 'number' ? `${value}` : ''
  return plain === '' ? null : plain
}

/** Numbers come as numbers or, in statistics, as strings. What is neither is unknown, never zero. */
export function number(value: Json | undefined): number | null {
  const plain = typeof value === 'string' && value.trim() !== '' ? Number(value) : value
  return typeof plain === 'number' && Number.isFinite(plain) ? plain : null
}

const integer = (value: Json | undefined): number | null => {
  const plain = number(value)
  return plain === null ? null : Math.round(plain)
}

export const boolean = (value: Json | undefined): boolean | null =>
  typeof value === 'boolean'
    ? value
    : value === 1 || value === '1'
      ? true
      : value === 0 || value === '0'
        ? false
        : null

export const object = (value: Json | undefined): JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : {}

/** Microseconds since 1970; undefined where it is no time. */
export function micros(value: Json | undefined): number | undefined {
  const ms = typeof value === 'string' ? Date.parse(value) : NaN
  return Number.isFinite(ms) ? ms * 1000 : undefined
}

/** A moment as Postgres reads it; null where it is none. */
const moment = (value: Json | undefined): string | null => (micros(value) === undefined ? null : text(value))

/** `not connected`, `Not Connected` and `NOT_CONNECTED` are one. */
export function status(value: Json | undefined): string | null {
  const plain = text(value)?.toLowerCase().replaceAll('_', ' ')
  return plain === undefined ? null : plain.charAt(0).toUpperCase() + plain.slice(1)
}

const tags = (value: Json | undefined): readonly string[] =>
  Array.isArray(value) ? value.flatMap((tag) => text(object(tag as Json)['name']) ?? []) : []

type Decode = (row: JsonObject) => Readonly<Record<string, Value>>

const decoders: Readonly<Record<Kind, Decode>> = {
  workspaces: (row) => ({ bison_workspace_name: text(row['name']) }),
  senders: (row) => ({
    bison_account_id: integer(row['id']),
    email_address: text(row['email'])?.toLowerCase() ?? null,
    account_name: text(row['name']),
    status: status(row['status']),
    account_type: text(row['type']),
    daily_limit: integer(row['daily_limit']),
    warmup_enabled: boolean(row['warmup_enabled']),
    emails_sent_count: integer(row['emails_sent_count']),
    total_replied_count: integer(row['total_replied_count']),
    unique_replied_count: integer(row['unique_replied_count']),
    total_opened_count: integer(row['total_opened_count']),
    unique_opened_count: integer(row['unique_opened_count']),
    bounced_count: integer(row['bounced_count']),
    unsubscribed_count: integer(row['unsubscribed_count']),
    interested_leads_count: integer(row['interested_leads_count']),
    total_leads_contacted_count: integer(row['total_leads_contacted_count']),
    tags: tags(row['tags']),
    vendor_created_at: moment(row['created_at']),
    vendor_updated_at: moment(row['updated_at']),
  }),
  campaigns: (row) => ({
    bison_campaign_id: integer(row['id']),
    campaign_name: text(row['name']),
    status: text(row['status'])?.toLowerCase() ?? null,
    campaign_type: text(row['type']),
    completion_percentage: number(row['completion_percentage']),
    emails_sent: integer(row['emails_sent']),
    opened: integer(row['opened']),
    unique_opens: integer(row['unique_opens']),
    replied: integer(row['replied']),
    unique_replies: integer(row['unique_replies']),
    bounced: integer(row['bounced']),
    unsubscribed: integer(row['unsubscribed']),
    interested: integer(row['interested']),
    total_leads: integer(row['total_leads']),
    total_leads_contacted: integer(row['total_leads_contacted']),
    max_emails_per_day: integer(row['max_emails_per_day']),
    max_new_leads_per_day: integer(row['max_new_leads_per_day']),
    open_tracking: boolean(row['open_tracking']),
    include_auto_replies_in_stats: boolean(row['include_auto_replies_in_stats']),
    tags: tags(row['tags']),
    vendor_created_at: moment(row['created_at']),
    vendor_updated_at: moment(row['updated_at']),
  }),
  replies: (row) => ({
    bison_reply_id: text(row['uuid']) ?? text(row['id']),
    bison_reply_numeric_id: integer(row['id']),
    bison_lead_id: integer(row['lead_id']),
    bison_campaign_id: integer(row['campaign_id']),
    original_sender_email_id: integer(row['sender_email_id']),
    scheduled_email_id: integer(row['scheduled_email_id']),
    from_name: text(row['from_name']),
    lead_email: text(row['from_email_address'])?.toLowerCase() ?? null,
    to_email: text(row['primary_to_email_address'])?.toLowerCase() ?? null,
    // The same thing has one name when it is read and another when it is told.
    subject: text(row['subject']) ?? text(row['email_subject']),
    reply_text: text(row['text_body']),
    reply_date: moment(row['date_received']),
    folder: text(row['folder']),
    reply_type: text(row['type']),
    is_interested: boolean(row['interested']),
    is_automated: boolean(row['automated_reply']),
    is_tracked: boolean(row['tracked_reply']) ?? text(row['type']) === 'Tracked Reply',
    is_read: boolean(row['read']),
    vendor_created_at: moment(row['created_at']),
    vendor_updated_at: moment(row['updated_at']),
  }),
}

/** One record as its table has it. Undefined where it has no id. */
export function decodeRow(kind: Kind, workspace: Workspace, row: JsonObject): FetchedRow | undefined {
  const id = text(row['id'])
  if (id === null) return undefined
  const updatedAt = micros(row['updated_at']) ?? micros(row['created_at'])
  const orderedAt = micros(row['created_at'])
  return {
    key: kind === 'workspaces' ? keyPrefix(workspace) : `${keyPrefix(workspace)}${id}`,
    values: {
      bison_instance: workspace.instance,
      bison_workspace_id: workspace.id,
      ...decoders[kind](row),
    },
    extra: {},
    deleted: false,
    ...(updatedAt === undefined ? {} : { updatedAt }),
    ...(orderedAt === undefined ? {} : { orderedAt }),
  }
}
