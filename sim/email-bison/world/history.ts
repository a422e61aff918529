import type { Random } from '../../monday/world/random.ts'
import { plannedOn, tallyOn } from './campaigns.ts'
import { DAY_MS } from './days.ts'
import { createLead, inCampaign } from './leads.ts'
import { takeIds } from './lookup.ts'
import type { Campaign, DayTally, HistoryDay, Reply, World, Workspace } from './model.ts'

/** Sending hours, UTC: business hours of the Americas, so that a day is the same day in all of their calendars. */
export const OPENS_MS = 13 * 3_600_000
export const CLOSES_MS = 21 * 3_600_000
/** Replies begin this long after the first mail. */
const FIRST_REPLY_MS = 1_800_000
const INTERESTED_AFTER_MS = 600_000

/** Shares of mails and of replies, as cold mail has them. */
const RATES = {
  contacted: 0.4,
  opened: 0.35,
  uniqueOpened: 0.25,
  bounced: 0.008,
  unsubscribed: 0.002,
  replied: 0.005,
  untracked: 0.0003,
  automated: 0.2,
  interested: 0.3,
}

interface Planned {
  readonly campaign: Campaign
  readonly tally: DayTally
  readonly firstEmailId: number
  /** Mails of the day that have an answer. */
  readonly taken: Set<number>
}

interface Day {
  readonly world: World
  readonly workspace: Workspace
  readonly random: Random
  readonly day: number
  readonly opens: number
  readonly until: number
}

/** Counts one day of each campaign and makes the replies to it. Mails and events are made when they are asked for. */
export function createHistoryDay(
  world: World,
  workspace: Workspace,
  random: Random,
  { day, recent }: { day: number; recent: boolean },
): HistoryDay {
  const opens = day * DAY_MS + OPENS_MS
  const until = Math.min(day * DAY_MS + CLOSES_MS + 7_200_000, world.startedAt - 1)
  const part = Math.max(0, Math.min(1, (world.startedAt - opens) / (CLOSES_MS - OPENS_MS)))
  const today: Day = { world, workspace, random, day, opens, until }
  const firstEmailId = world.ids.email
  const planned = workspace.campaigns.map((campaign) => planCampaign(today, campaign, part))
  const from = workspace.replies.length
  addReplies(today, planned, recent)
  const replies = workspace.replies.slice(from)
  const events = recent ? countEvents(planned, replies) : 0
  return {
    day,
    until,
    workspaceName: workspace.name,
    campaigns: planned.map(({ campaign, tally }) => ({ campaign, name: campaign.name, tally: { ...tally } })),
    firstEmailId,
    emails: planned.reduce((sum, { tally }) => sum + tally.sent, 0),
    firstEventId: events === 0 ? 0 : takeIds(world, 'event', events),
    events,
    replies: [from, workspace.replies.length],
  }
}

function planCampaign({ world, random, day }: Day, campaign: Campaign, part: number): Planned {
  const sent = Math.floor(plannedOn(world, campaign, day) * part)
  const some = (rate: number): number => Math.min(sent, Math.floor(sent * rate + random.next()))
  const tally = tallyOn(campaign, day)
  const opened = campaign.openTracking ? some(RATES.opened) : 0
  Object.assign(tally, {
    sent,
    contacted: some(RATES.contacted),
    opened,
    uniqueOpened: Math.min(opened, some(RATES.uniqueOpened)),
    bounced: some(RATES.bounced),
    unsubscribed: some(RATES.unsubscribed),
  })
  return { campaign, tally, firstEmailId: takeIds(world, 'email', sent), taken: new Set() }
}

function addReplies(today: Day, planned: readonly Planned[], recent: boolean): void {
  const { world, workspace, random } = today
  const drafts: Omit<Reply, 'id'>[] = []
  for (const plan of planned) {
    const { sent } = plan.tally
    if (sent === 0) continue
    const count = (rate: number): number => Math.floor(sent * rate + random.next())
    for (let i = count(RATES.replied); i > 0; i--) push(drafts, draftReply(today, plan))
    for (let i = count(RATES.untracked); i > 0; i--) push(drafts, draftUntracked(today))
    // Rows of bounces are many and no figure needs the old ones.
    for (let i = recent ? plan.tally.bounced : 0; i > 0; i--) push(drafts, draftBounce(today, plan))
    if (recent)
      plan.tally.bounced = drafts.filter((d) => d.campaign === plan.campaign && d.type === 'Bounced').length
  }
  drafts.sort((a, b) => a.createdAt - b.createdAt)
  for (const draft of drafts) workspace.replies.push({ id: takeIds(world, 'reply'), ...draft })
}

function push<T>(list: T[], item: T | undefined): void {
  if (item !== undefined) list.push(item)
}

/** When a mail of the day left; they are spread evenly over the sending hours that there were. */
export function sentAt(today: { opens: number; until: number }, ordinal: number, sent: number): number {
  const closes = Math.min(today.until, today.opens + CLOSES_MS - OPENS_MS)
  return Math.floor(today.opens + ((closes - today.opens) * (ordinal + 0.5)) / sent)
}

/** A mail that had left by `at` and that nobody has answered; undefined where there is none. */
function mailBefore(today: Day, plan: Planned, at: number): number | undefined {
  const { sent } = plan.tally
  const sending = Math.min(today.until - today.opens, CLOSES_MS - OPENS_MS)
  const left = Math.min(sent, Math.floor(((at - today.opens) / sending) * sent + 0.5))
  if (left <= 0) return undefined
  for (let tries = 0; tries < 8; tries++) {
    const ordinal = today.random.int(left)
    if (plan.taken.has(ordinal)) continue
    plan.taken.add(ordinal)
    return plan.firstEmailId + ordinal
  }
  return undefined
}

function momentOf({ opens, until, random }: Day): number {
  const from = opens + FIRST_REPLY_MS
  return Math.floor(from + random.next() * Math.max(0, until - from))
}

function draftReply(today: Day, plan: Planned): Omit<Reply, 'id'> | undefined {
  const { world, workspace, random, until } = today
  const at = momentOf(today)
  const emailId = at > until ? undefined : mailBefore(today, plan, at)
  if (emailId === undefined) return undefined
  const automated = random.chance(RATES.automated)
  const interested = !automated && random.chance(RATES.interested)
  const interestedAt = interested ? Math.min(at + INTERESTED_AFTER_MS, until) : null
  const lead = createLead(world, workspace, today.opens - 3_600_000)
  Object.assign(lead, { sent: 1, replies: 1, uniqueReplies: 1, everInterested: interested, updatedAt: at })
  Object.assign(inCampaign(lead, plan.campaign), { status: 'replied', sent: 1, replies: 1, interested })
  return {
    ...common(at, random),
    type: 'Tracked Reply',
    folder: 'Inbox',
    subject: `Re: ${plan.campaign.steps[0]?.subject ?? ''}`,
    interested,
    interestedAt,
    interestedBefore: interestedAt,
    automated,
    counted: !automated || plan.campaign.includeAutoReplies,
    lead,
    campaign: plan.campaign,
    sender: random.pick(workspace.firstSenders),
    emailId,
  }
}

function draftUntracked(today: Day): Omit<Reply, 'id'> | undefined {
  const at = momentOf(today)
  if (at > today.until) return undefined
  const otherAddress = `hello${today.random.int(10_000)}@elsewhere.test`
  const sender = today.random.pick(today.workspace.firstSenders)
  return { ...common(at, today.random), type: 'Untracked Reply', folder: 'Inbox', otherAddress, sender }
}

function draftBounce(today: Day, plan: Planned): Omit<Reply, 'id'> | undefined {
  const { world, workspace, random } = today
  const at = momentOf(today)
  const emailId = at > today.until ? undefined : mailBefore(today, plan, at)
  if (emailId === undefined) return undefined
  const lead = createLead(world, workspace, today.opens - 3_600_000)
  Object.assign(lead, { sent: 1, bounces: 1, status: 'bounced', updatedAt: at })
  Object.assign(inCampaign(lead, plan.campaign), { status: 'sequence_stopped', sent: 1 })
  return {
    ...common(at, random),
    type: 'Bounced',
    folder: 'Bounced',
    subject: 'Delivery Status Notification (Failure)',
    automated: true,
    lead,
    campaign: plan.campaign,
    sender: random.pick(workspace.firstSenders),
    emailId,
  }
}

function common(at: number, random: Random) {
  const plain = {
    text: null,
    interested: false,
    interestedAt: null,
    interestedBefore: null,
    automated: false,
  }
  const none = { counted: false, lead: null, campaign: null, emailId: null, otherAddress: null }
  return { ...plain, ...none, at, createdAt: at, updatedAt: at, subject: 'Hello', read: random.chance(0.8) }
}

/** Whether a reply has an event of its own. */
export function isAnnounced(reply: Reply): boolean {
  return reply.type !== 'Tracked Reply' || reply.counted
}

function countEvents(planned: readonly Planned[], replies: readonly Reply[]): number {
  let events = 0
  for (const { tally } of planned) events += tally.sent + tally.contacted + tally.opened + tally.unsubscribed
  for (const reply of replies)
    events += (isAnnounced(reply) ? 1 : 0) + (reply.interestedBefore === null ? 0 : 1)
  return events
}
