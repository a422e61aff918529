import type { Fact } from '../../../src/sources/contract.ts'

/**
 * An independent account of what the ledger must come to: plain loops over the set of all facts, with a calendar of its
 * own. Shares no code with the app.
 */

/** A reply as a poll reads it. */
export interface Mail {
  readonly scope: string
  readonly id: number
  readonly at: string
  readonly leadId: number | null
  readonly email: string
  readonly interested: boolean
  readonly type: 'Tracked Reply' | 'Untracked Reply' | 'Bounced' | 'Outgoing Email'
  readonly automated?: boolean
  readonly campaignId?: number
}

interface Happening {
  readonly key: string
  readonly scope: string
  readonly type: string
  /** Milliseconds. */
  readonly at: number
  readonly told: boolean
  readonly leadId: number | null
  readonly email: string | null
  readonly name: string | null
  /** `scope/campaign` of an automated reply. */
  readonly automatedIn: string | null
}

export interface Lead {
  readonly scope: string
  readonly email: string
  readonly stage: string
  readonly interestedAt: number | null
  readonly receivedAt: number
  readonly firstName: string | null
  readonly delivery: string
}

const MAIL_TYPES = {
  'Tracked Reply': 'lead_replied',
  'Untracked Reply': 'untracked_reply_received',
  Bounced: 'email_bounced',
} as const
const LEAD_TYPES = ['lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced']

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined

function told(fact: Fact): Happening {
  const { lead } = fact.data
  const id = field(lead, 'id')
  const email = field(lead, 'email')
  const name = field(lead, 'first_name')
  const automated = fact.type === 'lead_replied' && field(fact.data['reply'], 'automated_reply') === true
  return {
    key: fact.key,
    scope: fact.scope,
    type: fact.type,
    at: fact.at / 1000,
    told: true,
    leadId: typeof id === 'number' ? id : null,
    email: typeof email === 'string' ? email.toLowerCase() : null,
    name: typeof name === 'string' && name !== '' ? name : null,
    automatedIn: automated ? `${fact.scope}/${String(field(fact.data['campaign'], 'id'))}` : null,
  }
}

function read(mail: Mail): Happening[] {
  if (mail.type === 'Outgoing Email') return []
  const type = MAIL_TYPES[mail.type]
  const types = mail.interested && type === 'lead_replied' ? [type, 'lead_interested'] : [type]
  return types.map((each) => ({
    key: `${mail.scope}/${each}/reply:r${mail.id}`,
    scope: mail.scope,
    type: each,
    at: Date.parse(mail.at),
    told: false,
    leadId: mail.leadId,
    email: each === 'lead_replied' || each === 'lead_interested' ? mail.email : null,
    name: null,
    automatedIn:
      each === 'lead_replied' && mail.automated === true ? `${mail.scope}/${mail.campaignId}` : null,
  }))
}

/** What happened: each thing once, as the vendor told it, else as it was read; of two tellings the earlier. */
export function happened(facts: readonly Fact[], mails: readonly Mail[]): Happening[] {
  const byKey = new Map<string, Happening>()
  for (const one of [...facts.map(told), ...mails.flatMap(read)]) {
    const known = byKey.get(one.key)
    const better =
      known === undefined || (one.told && !known.told) || (one.told === known.told && one.at < known.at)
    if (better) byKey.set(one.key, one)
  }
  return [...byKey.values()]
}

const before = (a: Happening, b: Happening): number =>
  Number(b.told) - Number(a.told) || a.at - b.at || (a.key < b.key ? -1 : 1)

/** Who each happening is of: the address by which its lead's id goes in the end. */
function personOf(all: readonly Happening[]): (one: Happening) => string | null {
  const byLead = Map.groupBy(
    all.filter((h) => h.leadId !== null && h.email !== null && LEAD_TYPES.includes(h.type)),
    (h) => `${h.scope}|${h.leadId}`,
  )
  const ofLead = (scope: string, id: number): string => {
    const named = byLead.get(`${scope}|${id}`) ?? []
    const events = named.filter((h) => h.told).sort((a, b) => b.at - a.at || (a.key < b.key ? -1 : 1))
    const polls = named.filter((h) => !h.told).sort(before)
    return (events[0] ?? polls[0])?.email ?? `#${id}`
  }
  return (one) => {
    if (!LEAD_TYPES.includes(one.type)) return null
    return one.leadId === null ? one.email : ofLead(one.scope, one.leadId)
  }
}

export interface Account {
  /** `scope|day|type` → how many. */
  readonly counts: ReadonlyMap<string, number>
  readonly leads: readonly Lead[]
}

/** @param silent campaigns whose automated replies do not count, as `scope/id` */
export function accountOf(
  happened: readonly Happening[],
  zone: string,
  silent: ReadonlySet<string> = new Set(),
): Account {
  const day = calendar(zone)
  const left = happened.filter(({ automatedIn }) => automatedIn !== null && silent.has(automatedIn))
  const all = happened.filter((one) => !left.includes(one))
  const person = personOf(all)
  const people = new Map<string, Happening[]>()
  for (const one of all) {
    const who = person(one)
    if (who === null) continue
    const key = `${one.scope}|${who}`
    people.set(key, [...(people.get(key) ?? []), one])
  }
  const repeats = new Set<string>()
  for (const own of people.values()) {
    const marks = own.filter((h) => h.type === 'lead_interested').sort(before)
    for (const mark of marks.slice(1)) repeats.add(mark.key)
  }
  const counts = new Map<string, number>()
  for (const one of left) repeats.add(one.key)
  for (const one of happened) {
    const cell = `${one.scope}|${day(one.at)}|${one.type}`
    counts.set(cell, (counts.get(cell) ?? 0) + (repeats.has(one.key) ? 0 : 1))
  }
  const leads = [...people].flatMap(([key, own]) => leadOf(key, own))
  return { counts, leads: leads.sort((a, b) => (`${a.scope}${a.email}` < `${b.scope}${b.email}` ? -1 : 1)) }
}

function leadOf(key: string, own: readonly Happening[]): Lead[] {
  const [scope = '', email = ''] = key.split('|')
  const of = (...types: string[]): Happening[] => own.filter((h) => types.includes(h.type)).sort(before)
  const replies = of('lead_replied', 'lead_interested')
  if (replies.length === 0 || email.startsWith('#')) return []
  const [mark] = of('lead_interested')
  const receivedAt = Math.max(...replies.map((h) => h.at))
  const bouncedAt = Math.max(...of('email_bounced').map((h) => h.at))
  const names = own.filter((h) => h.name !== null)
  const lastName = names.sort(
    (a, b) => Number(a.told) - Number(b.told) || a.at - b.at || (a.key < b.key ? -1 : 1),
  )
  return [
    {
      scope,
      email,
      stage: mark === undefined ? 'replied' : 'interested',
      interestedAt: mark?.at ?? null,
      receivedAt,
      firstName: lastName.at(-1)?.name ?? null,
      delivery:
        of('lead_unsubscribed').length > 0 ? 'unsubscribed' : bouncedAt > receivedAt ? 'bounced' : 'ok',
    },
  ]
}

/** Milliseconds → the day in a zone, as its own wall clock shows it. */
export function calendar(zone: string): (ms: number) => string {
  const format = new Intl.DateTimeFormat('en-CA', {
    timeZone: zone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
  })
  return (ms) => format.format(ms)
}

const shift = (day: string, days: number): string =>
  new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10)

export interface Figures {
  readonly sentToday: number
  readonly sent: number
  readonly sent7: number
  readonly sent30: number
  readonly positive: number
  readonly positive14: number
  readonly positiveLastMonth: number
  readonly replies: number
  readonly opens: number
  readonly bounced: number
  readonly unsubscribed: number
}

/** The row of one business day, summed over the counts. */
export function figuresOf(counts: ReadonlyMap<string, number>, scope: string, day: string): Figures {
  const lastMonth = shift(`${day.slice(0, 7)}-01`, -1).slice(0, 7)
  const sum = (type: string, holds: (each: string) => boolean): number =>
    [...counts].reduce((total, [cell, count]) => {
      const [ofScope, each = '', ofType] = cell.split('|')
      return ofScope === scope && ofType === type && each <= day && holds(each) ? total + count : total
    }, 0)
  const month = (each: string): boolean => each.slice(0, 7) === day.slice(0, 7)
  const within = (days: number) => (each: string) => each > shift(day, -days)
  return {
    sentToday: sum('email_sent', (each) => each === day),
    sent: sum('email_sent', month),
    sent7: sum('email_sent', within(7)),
    sent30: sum('email_sent', within(30)),
    positive: sum('lead_interested', month),
    positive14: sum('lead_interested', within(14)),
    positiveLastMonth: sum('lead_interested', (each) => each.slice(0, 7) === lastMonth),
    replies: sum('lead_replied', month),
    opens: sum('email_opened', month),
    bounced: sum('email_bounced', month),
    unsubscribed: sum('lead_unsubscribed', month),
  }
}
