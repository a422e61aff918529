import type { Transaction } from '../../db/database.ts'
import { encodeJson, storable } from '../../db/storable.ts'
import type { Json, JsonObject } from '../../engine/observation.ts'
import type { Fact } from '../../sources/contract.ts'
import { contactOf, object, text } from './contact.ts'
import { lockLedger, recount, type Touched } from './ledger.ts'

/** A fact as the ledger's columns hold it. */
interface Entry {
  readonly key: string
  readonly scope: string
  readonly type: string
  /** Microseconds. */
  readonly at: number
  readonly leadId: number | null
  readonly leadEmail: string | null
  readonly campaignId: number | null
  readonly senderId: number | null
  readonly mailId: number | null
  readonly replyId: string | null
  readonly replyDate: string | null
  readonly contact: JsonObject | null
  /** Of a reply: that a machine wrote it. */
  readonly isAutomated: boolean | null
}

/** Events that say whose lead they are; of all others (a day has tens of thousands) only the count is of use. */
const OF_LEADS = new Set(['lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced'])

const id = (value: Json | undefined): number | null => {
  const found = Number(text(value) ?? NaN)
  return Number.isSafeInteger(found) ? found : null
}

/** A time that Postgres takes: no year beyond four digits. */
function moment(value: Json | undefined): string | null {
  const ms = Date.parse(text(value) ?? '')
  return ms > 0 && ms < 253_402_300_800_000 ? new Date(ms).toISOString() : null
}

const flag = (value: Json | undefined): boolean | null =>
  typeof value === 'boolean' ? value : value === 1 ? true : value === 0 ? false : null

/** A lead's own address; where the event has none, the one that it wrote from. A bounce comes from a mail server. */
function emailOf(type: string, lead: JsonObject, reply: JsonObject): string | null {
  const own = text(lead['email'])
  const from =
    type === 'lead_replied' || type === 'lead_interested' ? text(reply['from_email_address']) : undefined
  return (own ?? from)?.toLowerCase() ?? null
}

function entryOf({ key, scope, type, at, data }: Fact): Entry {
  const { lead, reply, campaign, sender_email: sender, scheduled_email: mail } = data
  const said = object(reply)
  const isOfLead = OF_LEADS.has(type)
  return {
    key: storable(key),
    scope: storable(scope),
    type: storable(type),
    at,
    leadId: id(object(lead)['id']),
    leadEmail: isOfLead ? emailOf(type, object(lead), said) : null,
    campaignId: id(object(campaign)['id']),
    senderId: id(object(sender)['id']),
    mailId: id(object(mail)['id']),
    replyId: text(said['uuid']) ?? text(said['id']) ?? null,
    replyDate: moment(said['date_received']),
    contact: isOfLead ? contactOf(object(lead)) : null,
    isAutomated: flag(said['automated_reply']),
  }
}

/** Told twice in one batch: the earlier time holds, as it does against what is stored. */
function distinct(facts: readonly Fact[]): Entry[] {
  const byKey = new Map<string, Fact>()
  for (const fact of facts) {
    const known = byKey.get(fact.key)
    if (known === undefined || fact.at < known.at) byKey.set(fact.key, fact)
  }
  return [...byKey.values()].map(entryOf).sort((a, b) => (a.key < b.key ? -1 : 1))
}

/**
 * Keeps events in the ledger, each once, and counts anew what they touch. Where an event is there already because a
 * poll found its trace, what was told takes its place, with its own time; of two tellings the earlier time holds. So
 * the ledger is a function of the set of facts. A handful of statements, however many facts.
 */
export async function record(tx: Transaction, facts: readonly Fact[]): Promise<void> {
  if (facts.length === 0) return
  const entries = distinct(facts)
  await lockLedger(tx)
  await nameScopes(tx, facts)
  const touched = await insert(tx, entries)
  if (touched.length > 0) await recount(tx, touched)
}

/** A scope that no list of workspaces has named yet goes by what its newest event calls it. */
async function nameScopes(tx: Transaction, facts: readonly Fact[]): Promise<void> {
  const newest = new Map<string, Fact>()
  const oldest = new Map<string, number>()
  for (const fact of facts) {
    const known = newest.get(fact.scope)
    if (known === undefined || fact.at > known.at) newest.set(fact.scope, fact)
    oldest.set(fact.scope, Math.min(fact.at, oldest.get(fact.scope) ?? Infinity))
  }
  const scopes = [...newest.values()].sort((a, b) => (a.scope < b.scope ? -1 : 1))
  await tx.query('select portal.note_scopes($1::text[], $2::text[], $3::text[], $4::float8[])', [
    scopes.map(({ scope }) => scope),
    scopes.map(({ data }) => text(data['workspace_name']) ?? ''),
    scopes.map(({ data }) => text(data['instance_url'])?.replace(/\/+$/, '') ?? null),
    scopes.map(({ scope }) => oldest.get(scope)),
  ])
}

const INSERT = `with input as (
  select t.*, to_timestamp(0) + t.us * interval '1 microsecond' as at
  from unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::bigint[],
    $9::bigint[], $10::text[], $11::timestamptz[], $12::jsonb[], $13::boolean[])
    as t (event_key, scope, event_type, us, lead_id, lead_email, campaign_id, sender_email_id, scheduled_email_id,
      reply_id, reply_date, contact, is_automated)
),
old as materialized (
  select event_key, scope, event_type, business_date from public.email_events where event_key = any ($1::text[])
),
written as (
  insert into public.email_events as e (event_key, scope, event_type, at, business_date, source, lead_id, lead_email,
    campaign_id, sender_email_id, scheduled_email_id, reply_id, reply_date, contact, is_automated)
  select event_key, scope, event_type, at, public.business_date(at), 'event', lead_id, lead_email, campaign_id,
    sender_email_id, scheduled_email_id, reply_id, reply_date, contact, is_automated
  from input where (select count(*) from old) >= 0 order by event_key
  on conflict (event_key) do update set
    (at, business_date, source, lead_id, lead_email, campaign_id, sender_email_id, scheduled_email_id, reply_id,
      reply_date, contact, is_automated, recorded_at)
    = (excluded.at, excluded.business_date, 'event', excluded.lead_id, excluded.lead_email, excluded.campaign_id,
      excluded.sender_email_id, excluded.scheduled_email_id, excluded.reply_id, excluded.reply_date, excluded.contact,
      excluded.is_automated, excluded.recorded_at)
  where e.source = 'poll' or (e.source = 'event' and excluded.at < e.at)
  returning e.event_key, e.scope, e.event_type, e.business_date::text as day
)
select w.event_key as key, w.scope, w.event_type as type, w.day, o.business_date::text as "dayBefore"
from written as w left join old as o on o.event_key = w.event_key`

async function insert(tx: Transaction, entries: readonly Entry[]): Promise<readonly Touched[]> {
  const column = <K extends keyof Entry>(name: K): Entry[K][] => entries.map((entry) => entry[name])
  const { rows } = await tx.query<Touched>(INSERT, [
    column('key'),
    column('scope'),
    column('type'),
    column('at'),
    column('leadId'),
    column('leadEmail'),
    column('campaignId'),
    column('senderId'),
    column('mailId'),
    column('replyId'),
    column('replyDate'),
    entries.map(({ contact }) => (contact === null ? null : encodeJson(contact))),
    column('isAutomated'),
  ])
  return rows
}
