import type { EventType } from './event-types.ts'
import { DAY_MS } from './days.ts'
import { senderCounters } from './freeze.ts'
import { hash } from './hash.ts'
import { isAnnounced, OPENS_MS, sentAt } from './history.ts'
import { lowerBound } from './lookup.ts'
import type {
  BisonEvent,
  Campaign,
  DayTally,
  Frozen,
  HistoryDay,
  Reply,
  ScheduledEmail,
  Sender,
  World,
  Workspace,
} from './model.ts'
import { countersFor } from './senders.ts'

/** Days in memory at a time; a walk through all workspaces goes day by day within each. */
const KEPT_MAX = 16
const OPENED_AFTER_MS = 900_000
const UNSUBSCRIBED_AFTER_MS = 1_800_000

export interface MadeDay {
  /** In order of id. */
  readonly emails: readonly ScheduledEmail[]
  readonly events: readonly BisonEvent[]
}

const made = new WeakMap<World, Map<HistoryDay, MadeDay>>()

/** The mails and events of a day of before. They are not kept: the same come out whenever it is asked. */
export function makeHistoryDay(world: World, workspace: Workspace, day: HistoryDay): MadeDay {
  let kept = made.get(world)
  if (kept === undefined) made.set(world, (kept = new Map()))
  const known = kept.get(day)
  if (known !== undefined) return known
  const emails = makeEmails(world, workspace, day)
  const events = day.firstEventId === 0 ? [] : makeEvents(workspace, day, emails)
  if (kept.size >= KEPT_MAX) kept.delete(kept.keys().next().value as HistoryDay)
  const result = { emails, events }
  kept.set(day, result)
  return result
}

/** A mail of before, by id; only where the vendor's memory reaches. */
export function findHistoryEmail(world: World, workspace: Workspace, id: number): ScheduledEmail | undefined {
  const day = workspace.history.find(
    (each) => id >= each.firstEmailId && id < each.firstEmailId + each.emails,
  )
  if (day === undefined || day.firstEventId === 0) return undefined
  const { emails } = makeHistoryDay(world, workspace, day)
  return emails[lowerBound(emails, id)]
}

/** Spreads `count` over `sent` mails evenly: whether this one is among them. */
function isAmong(ordinal: number, count: number, sent: number): boolean {
  return Math.floor(((ordinal + 1) * count) / sent) > Math.floor((ordinal * count) / sent)
}

function makeEmails(world: World, workspace: Workspace, day: HistoryDay): ScheduledEmail[] {
  const replies = workspace.replies.slice(...day.replies).filter((reply) => reply.emailId !== null)
  const answered = new Map(replies.map((reply) => [reply.emailId, reply]))
  const emails: ScheduledEmail[] = []
  let firstId = day.firstEmailId
  for (const { campaign, tally } of day.campaigns) {
    for (let ordinal = 0; ordinal < tally.sent; ordinal++) {
      const id = firstId + ordinal
      emails.push(makeEmail({ world, workspace, day, campaign, tally, id, ordinal }, answered.get(id)))
    }
    firstId += tally.sent
  }
  return emails
}

interface Place {
  readonly world: World
  readonly workspace: Workspace
  readonly day: HistoryDay
  readonly campaign: Campaign
  readonly tally: DayTally
  readonly id: number
  readonly ordinal: number
}

function pick<T>(list: readonly T[], n: number): T {
  const item = list[n % list.length]
  if (item === undefined) throw new RangeError('a day of before needs leads and mailboxes')
  return item
}

function makeEmail(
  { world, workspace, day, campaign, tally, id, ordinal }: Place,
  reply?: Reply,
): ScheduledEmail {
  const at = sentAt({ opens: day.day * DAY_MS + OPENS_MS, until: day.until }, ordinal, tally.sent)
  const first = isAmong(ordinal, tally.contacted, tally.sent)
  const { leads, firstLeads, firstSenders } = workspace
  const lead = reply?.lead ?? pick(leads, hash(world.seed, id, 1) % firstLeads)
  return {
    id,
    lead,
    sender: reply?.sender ?? pick(firstSenders, hash(world.seed, id, 2)),
    campaign,
    step: first ? 1 : 2 + (id % (campaign.steps.length - 1)),
    status: reply?.type === 'Bounced' ? 'bounced' : 'sent',
    scheduledAt: at,
    sentAt: at,
    opens: isAmong(ordinal, tally.opened, tally.sent) ? 1 : 0,
    replies: reply?.type === 'Tracked Reply' ? 1 : 0,
    interested: (reply?.interestedBefore ?? null) === null ? null : true,
  }
}

interface Draft {
  readonly at: number
  readonly type: EventType
  readonly email: ScheduledEmail | null
  readonly reply: Reply | null
  readonly sender: Sender
  /** The draft whose campaign event it shares. */
  readonly with?: Draft
}

function makeEvents(workspace: Workspace, day: HistoryDay, emails: readonly ScheduledEmail[]): BisonEvent[] {
  const drafts: Draft[] = []
  let first = 0
  for (const { tally } of day.campaigns) {
    for (let ordinal = 0; ordinal < tally.sent; ordinal++) {
      const email = emails[first + ordinal]
      if (email !== undefined) drafts.push(...draftsOf(email, tally, ordinal, day.until))
    }
    first += tally.sent
  }
  for (const reply of workspace.replies.slice(...day.replies)) drafts.push(...draftsOfReply(emails, reply))
  drafts.sort((a, b) => a.at - b.at)
  const campaignNames = new Map(day.campaigns.map(({ campaign, name }) => [campaign, name]))
  const ids = new Map(drafts.map((draft, i) => [draft, day.firstEventId + i]))
  return drafts.map((draft) => {
    const id = ids.get(draft) ?? 0
    const campaignEventId = campaignEventOf(ids.get(draft.with ?? draft) ?? 0)
    const { at, type, email, reply, sender } = draft
    const campaign = email?.campaign ?? reply?.campaign
    const campaignName = (campaign && campaignNames.get(campaign)) ?? ''
    const frozen = { ...frozenBefore(draft), campaignName }
    const names = { workspace, workspaceName: day.workspaceName, tag: null, frozen }
    return { id, at, type, campaignEventId, email, reply, sender, ...names }
  })
}

/** Ids of campaign events are a series of their own, far from the events'. */
export function campaignEventOf(eventId: number): number {
  return eventId * 2 + 1
}

function draftsOf(email: ScheduledEmail, tally: DayTally, ordinal: number, until: number): Draft[] {
  const { sender } = email
  const at = email.sentAt ?? 0
  const sent: Draft = { at, type: 'EMAIL_SENT', email, reply: null, sender }
  const drafts = [sent]
  if (isAmong(ordinal, tally.contacted, tally.sent))
    drafts.push({ ...sent, type: 'LEAD_FIRST_CONTACTED', with: sent })
  if (isAmong(ordinal, tally.opened, tally.sent))
    drafts.push({ ...sent, type: 'EMAIL_OPENED', at: Math.min(at + OPENED_AFTER_MS, until) })
  if (isAmong(ordinal, tally.unsubscribed, tally.sent))
    drafts.push({ ...sent, type: 'LEAD_UNSUBSCRIBED', at: Math.min(at + UNSUBSCRIBED_AFTER_MS, until) })
  return drafts
}

const REPLY_EVENTS: Readonly<Partial<Record<Reply['type'], EventType>>> = {
  'Tracked Reply': 'LEAD_REPLIED',
  'Untracked Reply': 'UNTRACKED_REPLY_RECEIVED',
  Bounced: 'EMAIL_BOUNCED',
}

function draftsOfReply(emails: readonly ScheduledEmail[], reply: Reply): Draft[] {
  const email = reply.emailId === null ? null : (emails[lowerBound(emails, reply.emailId)] ?? null)
  const type = REPLY_EVENTS[reply.type] ?? 'LEAD_REPLIED'
  const drafts: Draft[] = []
  const draft = { at: reply.createdAt, type, email, reply, sender: reply.sender }
  if (isAnnounced(reply)) drafts.push(draft)
  if (reply.interestedBefore !== null)
    drafts.push({ ...draft, type: 'LEAD_INTERESTED', at: reply.interestedBefore })
  return drafts
}

/** What subjects were then: a little less than when the world began. */
function frozenBefore({ type, email, reply, sender }: Draft): Omit<Frozen, 'campaignName'> {
  const replied = reply?.type === 'Tracked Reply' ? 1 : 0
  return {
    senderName: sender.name,
    dailyLimit: sender.dailyLimit,
    senderStatus: 'Connected',
    leadStatus: 'verified',
    replyInterested: type === 'LEAD_INTERESTED',
    email: [type === 'EMAIL_OPENED' ? 1 : 0, replied, email?.status ?? 'sent', email?.interested ?? null],
    lead: [email?.step ?? 0, 0, 0, replied, replied, type === 'EMAIL_BOUNCED' ? 1 : 0],
    sender: senderCounters(countersFor(sender.sentAtStart)),
  }
}
