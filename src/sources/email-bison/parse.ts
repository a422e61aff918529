import { createHash } from 'node:crypto'
import { DELETED, type Json, type JsonObject, type Observation } from '../../engine/observation.ts'
import { stamp } from '../../engine/stamp.ts'
import { type Delivery, type EventIdentity, type Fact, type Outcome, type Parsed, ROW } from '../contract.ts'
import { decodeRow, GRANULE_US, keyPrefix, micros, object, status, text } from './rows.ts'
import { scopeOf, type Workspace } from './workspaces.ts'

/** Names of instances by the host of the address that events carry. */
export type InstanceOf = (instanceUrl: string) => string | undefined

/** What a delivery says of itself. */
export interface Told {
  readonly type: string
  readonly workspace: Workspace
  readonly event: JsonObject
  readonly data: JsonObject
}

/** Undefined where it is no event of a workspace of ours. Types come in upper or lower case, names with blanks. */
export function readEvent(payload: Json, instanceOf: InstanceOf): Told | undefined {
  const event = object(object(payload)['event'])
  const type = text(event['type'])?.toLowerCase()
  const instance = instanceOf(text(event['instance_url']) ?? '')
  const id = Number(event['workspace_id'] ?? NaN)
  if (type === undefined || instance === undefined || !Number.isSafeInteger(id)) return undefined
  const name = text(event['workspace_name']) ?? `Workspace ${id}`
  return { type, workspace: { instance, id, name }, event, data: object(object(payload)['data']) }
}

type Identify = (data: JsonObject) => readonly (string | undefined)[]

const id = (name: string, value: Json | undefined, field = 'id'): string | undefined => {
  const found = text(object(value)[field])
  return found === null ? undefined : `${name}:${found}`
}

const ofMail: Identify = (data) => [
  id('mail', data['scheduled_email']),
  id('event', data['campaign_event']),
  id('reply', data['reply'], 'uuid') ?? id('reply', data['reply']),
]
/** An account may be lost and found again: which time it is, only the time of its change tells. */
const ofAccount: Identify = ({ sender_email: sender }) => {
  const account = id('account', sender)
  const at = text(object(sender)['updated_at'])
  return account === undefined || at === null ? [] : [account, at]
}
/** A reply makes one event of each type, and each way of learning of it knows the reply. */
const ofReply: Identify = ({ reply }) => [id('reply', reply, 'uuid') ?? id('reply', reply)]

/** Which parts of an event's data are the event's own. What is not here is told apart by all ids that it carries. */
const identities: Readonly<Record<string, Identify>> = {
  lead_replied: ofReply,
  lead_interested: ofReply,
  untracked_reply_received: ofReply,
  email_bounced: ofReply,
  email_account_added: ofAccount,
  email_account_removed: ofAccount,
  email_account_disconnected: ofAccount,
  email_account_reconnected: ofAccount,
  warmup_disabled_receiving_bounces: ofAccount,
  warmup_disabled_causing_bounces: ofAccount,
  // A tag may be attached again: nothing in the event tells that from the first time.
  tag_attached: () => [],
  tag_removed: () => [],
}

/** `<scope>/<type>/<ids>`: the same however the event is learnt. Undefined where it carries no id of its own. */
function naturalKey({ type, workspace, data }: Told): string | undefined {
  const own = (identities[type] ?? ofMail)(data).filter((part) => part !== undefined)
  const parts =
    own.length > 0 || identities[type] === undefined ? own : ofMail(data).filter((p) => p !== undefined)
  const isTag = type.startsWith('tag_')
  return parts.length === 0 || isTag ? undefined : `${scopeOf(workspace)}/${type}/${parts.join('/')}`
}

export function identify(payload: Json, instanceOf: InstanceOf): EventIdentity {
  const told = readEvent(payload, instanceOf)
  if (told === undefined)
    return {
      key: undefined,
      type: undefined,
      stream: undefined,
      entity: undefined,
      sameAs: canonical(payload),
    }
  const { data, workspace, type } = told
  const lead = text(object(data['lead'])['email']) ?? text(object(data['sender_email'])['email'])
  return {
    key: naturalKey(told),
    sameAs: canonicalOf(told),
    type,
    stream: scopeOf(workspace),
    entity: lead ?? undefined,
  }
}

/** JSON with its keys in order: a body that is delivered again may have them in another. */
function canonical(value: Json): string {
  return JSON.stringify(value, (_key, inner: Json) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  )
}

/** A delivery and the vendor's own record of the event spell its type in different cases. */
const canonicalOf = ({ type, event, data }: Told): string => canonical({ event: { ...event, type }, data })

/** When it happened: the first of these that the event carries, else when it was received. */
function happenedAt({ type, data }: Told, receivedAt: number): number {
  const { campaign_event: campaignEvent, scheduled_email: mail, reply, sender_email: sender } = data
  const times =
    type.startsWith('email_account') || type.startsWith('warmup')
      ? [object(sender)['updated_at']]
      : [object(campaignEvent)['created_at'], object(reply)['created_at'], object(mail)['sent_at']]
  return times.map((time) => micros(time)).find((time) => time !== undefined) ?? receivedAt
}

/** What an account's event says of the account. */
const ACCOUNT_STATUS: Readonly<Record<string, string>> = {
  email_account_disconnected: 'Disconnected',
  email_account_reconnected: 'Connected',
}

const KNOWN = new Set([
  'email_sent', 'manual_email_sent', 'lead_first_contacted', 'lead_replied', 'lead_interested', 'lead_unsubscribed',
  'untracked_reply_received', 'email_opened', 'email_bounced', 'email_account_added', 'email_account_removed',
  'email_account_disconnected', 'email_account_reconnected', 'tag_attached', 'tag_removed',
  'warmup_disabled_receiving_bounces', 'warmup_disabled_causing_bounces',
]) // prettier-ignore
/** The vendor's ids of what can be subscribed to. */
export const EVENT_TYPES: readonly string[] = [...KNOWN]

export interface StreamIds {
  readonly senders: string
  readonly replies: string
}

/** Times are whole seconds, and the vendor's clock is known to one: a read so long after an event outranks it. */
const SECOND_OVER_MS = 2_000

/** Turns a delivery into the fact that it tells and what it says of mirrored records. */
export function parseDelivery(
  delivery: Delivery,
  instanceOf: InstanceOf,
  streamsOf: (scope: string) => StreamIds | undefined,
): Parsed {
  const told = readEvent(delivery.payload, instanceOf)
  if (told === undefined)
    return {
      outcome: 'ignored',
      observations: [],
      refetches: [],
      note: 'no event of a workspace that is kept here',
    }
  const { type, workspace, event, data } = told
  const scope = scopeOf(workspace)
  const streams = streamsOf(scope)
  const at = happenedAt(told, delivery.receivedAt)
  const fact: Fact = {
    key: naturalKey(told) ?? `${scope}/${type}/${digest(told)}/${delivery.n}`,
    type,
    scope,
    at,
    data: { ...data, workspace_name: workspace.name, instance_url: event['instance_url'] ?? null },
  }
  const observations = [...observeReply(told, delivery), ...observeAccount(told, delivery, at)]
  // Of a workspace that was not found yet all is read when it is; what happened there counts from the first event on.
  const refetches =
    streams !== undefined &&
    (type.startsWith('email_account') || type.startsWith('warmup') || taggedSender(told))
      ? accountKeys(told).map((key) => ({
          stream: streams.senders,
          part: ROW,
          keys: [key],
          reason: type,
          delayMs: SECOND_OVER_MS,
        }))
      : []
  const asks = refetches.length > 0 && observations.length === 0
  const outcome: Outcome = !KNOWN.has(type) ? 'unknown' : asks ? 'hint' : 'applied'
  const note = KNOWN.has(type) ? {} : { note: `unknown event type ${type}: kept and counted` }
  return { outcome, observations, refetches, facts: [fact], ...note }
}

const digest = (told: Told): string =>
  createHash('sha256').update(canonicalOf(told)).digest('base64url').slice(0, 22)

const taggedSender = ({ type, data }: Told): boolean =>
  type.startsWith('tag_') && /sender/i.test(text(data['taggable_type']) ?? '')

function accountKeys(told: Told): string[] {
  const { data, workspace } = told
  const account = taggedSender(told) ? text(data['taggable_id']) : text(object(data['sender_email'])['id'])
  return account === null ? [] : [`${keyPrefix(workspace)}${account}`]
}

/** A reply in an event is the whole reply, under slightly other names than a read gives it. */
function observeReply({ type, workspace, data }: Told, { n, receivedAt }: Delivery): Observation[] {
  if (object(data['reply'])['id'] === undefined) return []
  const reply: JsonObject = {
    lead_id: object(data['lead'])['id'] ?? null,
    campaign_id: object(data['campaign'])['id'] ?? null,
    sender_email_id: object(data['sender_email'])['id'] ?? null,
    scheduled_email_id: object(data['scheduled_email'])['id'] ?? null,
    ...object(data['reply']),
  }
  const row = decodeRow('replies', workspace, reply)
  if (row?.updatedAt === undefined) return []
  // Times are whole seconds, and of a second the mark comes last: it outranks the reply, and reads of that second's state.
  const at = row.updatedAt + (type === 'lead_interested' ? GRANULE_US + 1 : 0)
  const own = stamp({ at, seen: receivedAt, n })
  return [
    {
      table: 'lead_replies',
      key: row.key,
      kind: 'row',
      stamp: own,
      values: withoutUntold(row.values, reply),
      // It was there when it was changed: a lagging read that does not know it yet proves nothing.
      stamps: { [DELETED]: stamp({ at: row.updatedAt, seen: receivedAt, n }) },
      extra: {},
      deleted: false,
    },
  ]
}

/** Columns of a reply that only a read tells, and the field that does. */
const READ_ALONE: Readonly<Record<string, string>> = { is_read: 'read', is_tracked: 'tracked_reply' }

const withoutUntold = (values: Observation['values'], reply: JsonObject): Observation['values'] =>
  Object.fromEntries(
    Object.entries(values).filter(([column]) => {
      const field = READ_ALONE[column]
      return field === undefined || field in reply
    }),
  )

function observeAccount(
  { type, workspace, data }: Told,
  { n, receivedAt }: Delivery,
  at: number,
): Observation[] {
  const now = ACCOUNT_STATUS[type]
  const account = text(object(data['sender_email'])['id'])
  if (now === undefined || account === null) return []
  return [
    {
      table: 'sender_emails_cache',
      key: `${keyPrefix(workspace)}${account}`,
      kind: 'fields',
      stamp: stamp({ at, seen: receivedAt, n }),
      values: { status: status(now) },
    },
  ]
}
