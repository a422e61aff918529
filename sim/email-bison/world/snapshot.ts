import { createRandom } from '../../monday/world/random.ts'
import type { Delivery } from '../webhooks/delivery.ts'
import { emptyWorld } from './create-world.ts'
import { findHistoryEmail } from './history-events.ts'
import { find } from './lookup.ts'
import type {
  BisonEvent,
  Campaign,
  Clock,
  DayTally,
  HistoryDay,
  Reply,
  ScheduledEmail,
  Sender,
  Token,
  World,
  Workspace,
} from './model.ts'
import { DEFAULT_SETTINGS } from './settings.ts'

const FORMAT = 1

/** One instance, with the deliveries that were under way. */
export interface SavedInstance {
  readonly world: World
  readonly deliveries: readonly Delivery[]
}

type Ids<T, K extends keyof T> = Omit<T, K> & { [P in K]: number | null }
type SavedReply = Ids<Reply, 'lead' | 'campaign' | 'sender'>
type SavedEmail = Ids<ScheduledEmail, 'lead' | 'campaign' | 'sender'>
type SavedEvent = Ids<BisonEvent, 'workspace' | 'email' | 'reply' | 'sender'>
type SavedCampaign = Omit<Campaign, 'days' | 'scheduled'> & {
  days: [number, DayTally][]
  scheduled: [number, number][]
}
type SavedDay = Omit<HistoryDay, 'campaigns'> & {
  campaigns: { campaign: number; name: string; tally: DayTally }[]
}
type SavedWorkspace = Omit<
  Workspace,
  'campaigns' | 'senders' | 'firstSenders' | 'replies' | 'emails' | 'history'
> & {
  campaigns: SavedCampaign[]
  senders: number[]
  firstSenders: number[]
  replies: SavedReply[]
  emails: SavedEmail[]
  history: SavedDay[]
}

interface SavedWorld extends Pick<
  World,
  'seed' | 'startedAt' | 'settings' | 'ids' | 'currentWorkspaceId' | 'version' | 'queued'
> {
  format: number
  random: number
  tokens: Token[]
  /** Those that are gone too, where something still names them. */
  senders: Sender[]
  workspaces: SavedWorkspace[]
  events: SavedEvent[]
  deliveries: Delivery[]
}

class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}

const ids = (list: readonly { readonly id: number }[]): number[] => list.map(({ id }) => id)

/** One line of JSON. */
export function saveInstance({ world, deliveries }: SavedInstance): string {
  const { seed, startedAt, settings, currentWorkspaceId, version, queued } = world
  const senders = new Map<number, Sender>()
  const keep = (sender: Sender | null): void => {
    if (sender !== null) senders.set(sender.id, sender)
  }
  for (const workspace of world.workspaces) {
    for (const sender of [...workspace.firstSenders, ...workspace.senders]) keep(sender)
    for (const { sender } of [...workspace.replies, ...workspace.emails]) keep(sender)
  }
  for (const { sender } of world.events) keep(sender)
  const saved: SavedWorld = {
    format: FORMAT,
    seed,
    startedAt,
    settings,
    currentWorkspaceId,
    version,
    queued,
    ids: world.ids,
    random: world.random.state(),
    tokens: [...world.tokens.values()],
    senders: [...senders.values()],
    workspaces: world.workspaces.map(saveWorkspace),
    events: world.events.map((event) => ({
      ...event,
      workspace: event.workspace.id,
      email: event.email?.id ?? null,
      reply: event.reply?.id ?? null,
      sender: event.sender?.id ?? null,
    })),
    deliveries: [...deliveries],
  }
  return JSON.stringify(saved)
}

function saveWorkspace(workspace: Workspace): SavedWorkspace {
  return {
    ...workspace,
    senders: ids(workspace.senders),
    firstSenders: ids(workspace.firstSenders),
    campaigns: workspace.campaigns.map((campaign) => ({
      ...campaign,
      days: [...campaign.days],
      scheduled: [...campaign.scheduled],
    })),
    replies: workspace.replies.map((reply) => ({
      ...reply,
      lead: reply.lead?.id ?? null,
      campaign: reply.campaign?.id ?? null,
      sender: reply.sender.id,
    })),
    emails: workspace.emails.map((email) => ({
      ...email,
      lead: email.lead.id,
      campaign: email.campaign.id,
      sender: email.sender.id,
    })),
    history: workspace.history.map((day) => ({
      ...day,
      campaigns: day.campaigns.map(({ campaign, ...rest }) => ({ ...rest, campaign: campaign.id })),
    })),
  }
}

export function loadInstance(text: string, clock: Clock): SavedInstance {
  const saved = JSON.parse(text) as SavedWorld
  if (saved.format !== FORMAT) throw new SnapshotError(`not a saved instance of format ${FORMAT}`)
  const empty = emptyWorld(saved.seed, clock, { ...DEFAULT_SETTINGS, ...saved.settings }, saved.startedAt)
  const world: World = {
    ...empty,
    random: createRandom(saved.random),
    ids: saved.ids,
    currentWorkspaceId: saved.currentWorkspaceId,
    version: saved.version,
    queued: saved.queued,
  }
  for (const token of saved.tokens) world.tokens.set(token.text, token)
  const senders = new Map(saved.senders.map((sender) => [sender.id, sender]))
  for (const each of saved.workspaces) world.workspaces.push(loadWorkspace(each, senders))
  // Events name mails of before, which a whole workspace makes.
  for (const each of saved.events) world.events.push(loadEvent(world, each, senders))
  return { world, deliveries: saved.deliveries }
}

function known<T>(found: T | null | undefined, what: string): T {
  if (found === undefined || found === null) throw new SnapshotError(`the saved world lacks ${what}`)
  return found
}

function loadWorkspace(saved: SavedWorkspace, senders: ReadonlyMap<number, Sender>): Workspace {
  const sender = (id: number | null): Sender => known(senders.get(id ?? 0), `mailbox ${id}`)
  const campaigns = saved.campaigns.map((campaign) => ({
    ...campaign,
    days: new Map(campaign.days),
    scheduled: new Map(campaign.scheduled),
  }))
  const campaign = (id: number | null): Campaign | null =>
    id === null ? null : (find(campaigns, id) ?? null)
  const lead = (id: number | null) => (id === null ? null : (find(saved.leads, id) ?? null))
  return {
    ...saved,
    campaigns,
    senders: saved.senders.map(sender),
    firstSenders: saved.firstSenders.map(sender),
    replies: saved.replies.map((reply) => ({
      ...reply,
      lead: lead(reply.lead),
      campaign: campaign(reply.campaign),
      sender: sender(reply.sender),
    })),
    emails: saved.emails.map((email) => ({
      ...email,
      lead: known(lead(email.lead), `lead ${email.lead}`),
      campaign: known(campaign(email.campaign), `campaign ${email.campaign}`),
      sender: sender(email.sender),
    })),
    history: saved.history.map((day) => ({
      ...day,
      campaigns: day.campaigns.map((each) => ({
        ...each,
        campaign: known(campaign(each.campaign), `campaign ${each.campaign}`),
      })),
    })),
  }
}

function loadEvent(world: World, saved: SavedEvent, senders: ReadonlyMap<number, Sender>): BisonEvent {
  const workspace = known(find(world.workspaces, saved.workspace ?? 0), `workspace ${saved.workspace}`)
  const email = (id: number): ScheduledEmail | null =>
    find(workspace.emails, id) ?? findHistoryEmail(world, workspace, id) ?? null
  return {
    ...saved,
    workspace,
    email: saved.email === null ? null : email(saved.email),
    reply: saved.reply === null ? null : (find(workspace.replies, saved.reply) ?? null),
    sender: saved.sender === null ? null : (senders.get(saved.sender) ?? null),
  }
}
