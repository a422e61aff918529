import { notifyAll, onceKey, type Notification } from '../../alerts/outbox.ts'
import type { Transaction } from '../../db/database.ts'
import type { Field, Message } from '../../sinks/contract.ts'
import type { Fact } from '../../sources/contract.ts'
import type { LeadPurpose } from './client-hooks.ts'
import { contactOf, object, text } from './contact.ts'

/** What is older is history that was read again, or news that nobody waits for any more. */
const NEWS_MS = 2 * 3_600_000
const PREVIEW_CHARS = 200

/** Events that bring a reply → the messages that it is worth. A lead may come without a `lead_replied`. */
const KINDS: Readonly<Record<string, readonly Kind[]>> = {
  lead_interested: ['client', 'global'],
  lead_replied: ['global'],
  untracked_reply_received: ['global'],
}

/** `client`: a new lead, for the client; `global`: a new reply, for the team. */
type Kind = 'client' | 'global'

interface News {
  readonly fact: Fact
  readonly kind: Kind
  readonly replyId: string
}

export interface NewsOptions {
  /** Whom a new lead of a workspace is told to. */
  readonly leadPurpose: LeadPurpose
  readonly nowMs?: number
}

/**
 * Tells of new leads and replies, in the transaction that records them: once a reply and kind, whatever brings it and
 * however often. Where no Slack webhook is configured for them they are skipped when they are due.
 */
export async function tellNews(
  tx: Transaction,
  facts: readonly Fact[],
  { leadPurpose, nowMs = Date.now() }: NewsOptions,
): Promise<void> {
  const news = facts.flatMap((fact) => newsOf(fact, nowMs))
  if (news.length === 0) return
  const names = await readNames(tx, news)
  const { rows } = await tx.query<{ reply: string; kind: Kind }>(
    `insert into public.slack_notifications_sent (reply_id, notification_type, workspace_name)
     select reply, kind, workspace from unnest($1::text[], $2::text[], $3::text[]) as n (reply, kind, workspace)
     order by reply, kind on conflict (reply_id, notification_type) do nothing
     returning reply_id as reply, notification_type as kind`,
    [
      news.map(({ replyId }) => replyId),
      news.map(({ kind }) => kind),
      news.map(({ fact }) => names.get(fact.scope) ?? null),
    ],
  )
  const fresh = new Set(rows.map(({ reply, kind }) => `${kind} ${reply}`))
  await notifyAll(
    tx,
    news.flatMap((one) => {
      if (!fresh.delete(`${one.kind} ${one.replyId}`)) return []
      const client = names.get(one.fact.scope)
      const purpose = one.kind === 'global' ? 'replies' : leadPurpose(one.fact.scope, client)
      return [notificationOf(one, { purpose, client: client ?? one.fact.scope })]
    }),
  )
}

/** What workspaces go by here: no two the same, unlike what events call them. */
async function readNames(tx: Transaction, news: readonly News[]): Promise<ReadonlyMap<string, string>> {
  const { rows } = await tx.query<{ scope: string; name: string }>(
    'select scope, workspace_name as name from portal.scopes where scope = any ($1::text[])',
    [news.map(({ fact }) => fact.scope)],
  )
  return new Map(rows.map(({ scope, name }) => [scope, name]))
}

function newsOf(fact: Fact, nowMs: number): News[] {
  const replyId = replyIdOf(fact)
  if (replyId === undefined || fact.at / 1000 < nowMs - NEWS_MS) return []
  return (KINDS[fact.type] ?? []).map((kind) => ({ fact, kind, replyId }))
}

/** Numbers are counted anew in each installation. */
function replyIdOf({ data, scope }: Fact): string | undefined {
  const reply = object(data['reply'])
  const id = text(reply['id'])
  return text(reply['uuid']) ?? (id === undefined ? undefined : `${scope}/${id}`)
}

interface Addressee {
  readonly purpose: string
  /** The workspace's name here. */
  readonly client: string
}

const notificationOf = (news: News, { purpose, client }: Addressee): Notification => ({
  app: 'portal',
  purpose,
  dedupeKey: onceKey(news.kind === 'client' ? 'new lead' : 'new reply', news.replyId),
  message: messageOf(news, client),
})

function messageOf({ fact, kind, replyId }: News, client: string): Message {
  const reply = object(fact.data['reply'])
  const lead = object(fact.data['lead'])
  const contact = contactOf(lead)
  const name = [text(lead['first_name']), text(lead['last_name'])]
    .filter((part) => part !== undefined)
    .join(' ')
  const email = text(lead['email']) ?? text(reply['from_email_address'])
  const more = kind === 'client' ? MORE.map(([title, key]) => fieldOf(title, text(contact[key]))) : []
  const fields = [
    fieldOf('Client', client),
    fieldOf('Name', name === '' ? text(reply['from_name']) : name),
    fieldOf('E-mail', email),
    ...more,
  ].filter((field) => field !== undefined)
  const instance = text(fact.data['instance_url'])
  const link =
    instance === undefined ? undefined : `${instance}/inbox?reply_uuid=${encodeURIComponent(replyId)}`
  return {
    title: kind === 'client' ? `New lead for ${client}` : `New reply for ${client}`,
    tone: kind === 'client' ? 'good' : 'neutral',
    text: preview(text(reply['text_body'])),
    fields,
    ...(link !== undefined && URL.canParse(link) ? { links: [{ label: 'Respond', url: link }] } : {}),
    at: new Date(fact.at / 1000).toISOString(),
  }
}

/** What a lead may say of itself beside its name, where it is worth a line. */
const MORE: readonly (readonly [title: string, key: string])[] = [
  ['Phone', 'phone'],
  ['Address', 'address'],
  ['City', 'city'],
  ['State', 'state'],
  ['ZIP', 'zip'],
  ['Renewal', 'renewal'],
  ['Birthday', 'birthday'],
]

const fieldOf = (title: string, value: string | undefined): Field | undefined =>
  value === undefined ? undefined : { title, value }

/** The reply's own words: what it quotes begins with ">" or with a line that ends in "wrote:". */
function preview(body: string | undefined): string | undefined {
  if (body === undefined) return undefined
  const lines = body.split('\n')
  const quoted = lines.findIndex((line) => /^\s*>/.test(line) || /wrote:\s*$/.test(line))
  const own = (quoted > 0 ? lines.slice(0, quoted) : lines).join(' ').replaceAll(/\s+/g, ' ').trim()
  return own.length <= PREVIEW_CHARS ? own : `${own.slice(0, PREVIEW_CHARS - 1)}…`
}
