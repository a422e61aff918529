import type { Random } from '../../monday/world/random.ts'
import { dayOf } from '../world/days.ts'
import { freeze } from '../world/freeze.ts'
import { campaignEventOf, findHistoryEmail } from '../world/history-events.ts'
import { find, must, NotFoundError, takeIds, workspaceOf } from '../world/lookup.ts'
import { tallyOn } from '../world/campaigns.ts'
import type {
  BisonEvent,
  Campaign,
  DayTally,
  Reply,
  ScheduledEmail,
  Sender,
  World,
  Workspace,
} from '../world/model.ts'

/** An act that makes no sense in the world as it is. */
export class ActError extends Error {
  override readonly name = 'ActError'
}

interface Happening {
  readonly type: string
  readonly email?: ScheduledEmail | null
  readonly reply?: Reply | null
  readonly sender?: Sender | null
  readonly tag?: BisonEvent['tag']
  /** Of the event whose campaign event it shares. */
  readonly campaignEventId?: number
}

export interface StageOptions {
  readonly world: World
  readonly random: Random
  readonly announce: (event: BisonEvent) => void
  /** An event that is kept no longer. */
  readonly forget: (event: BisonEvent) => void
  /** Something has changed. */
  readonly changed?: () => void
}

/** What acts have in common: the world, its chance, and the book of events. */
export class Stage {
  readonly world: World
  readonly random: Random
  readonly #announce: (event: BisonEvent) => void
  readonly #forget: (event: BisonEvent) => void
  readonly #changed: () => void

  constructor({ world, random, announce, forget, changed = () => {} }: StageOptions) {
    this.world = world
    this.random = random
    this.#announce = announce
    this.#forget = forget
    this.#changed = changed
  }

  now(): number {
    return this.world.clock.now()
  }

  /** Something changed that has no event. */
  touch(): void {
    this.world.version++
    this.#changed()
  }

  /** Writes an event down once and tells those who listen. */
  record(workspace: Workspace, happening: Happening): BisonEvent {
    const { world } = this
    const { type, email = null, reply = null, tag = null } = happening
    const sender = happening.sender ?? email?.sender ?? reply?.sender ?? null
    const id = takeIds(world, 'event')
    const event: BisonEvent = {
      id,
      at: this.now(),
      type,
      workspace,
      workspaceName: workspace.name,
      campaignEventId: happening.campaignEventId ?? campaignEventOf(id),
      email,
      reply,
      sender: tag === null ? sender : null,
      tag,
      frozen: freeze({ email, reply, sender }),
    }
    world.events.push(event)
    this.touch()
    this.#trim()
    this.#announce(event)
    return event
  }

  /** Today's counts of a campaign. */
  tally(campaign: Campaign): DayTally {
    return tallyOn(campaign, dayOf(this.now(), this.world.settings.timeZone))
  }

  workspace(id: number): Workspace {
    return workspaceOf(this.world, id)
  }

  /** The one with this id, or any active one. */
  campaign(workspace: Workspace, id: number | undefined): Campaign {
    if (id !== undefined) return must(workspace.campaigns, id, 'campaign')
    const active = workspace.campaigns.filter(({ status }) => status === 'active')
    if (active.length === 0) throw new ActError(`workspace ${workspace.id} has no active campaign`)
    return this.random.pick(active)
  }

  /** The one with this id, or any connected one. */
  sender(workspace: Workspace, id: number | undefined): Sender {
    if (id !== undefined) return must(workspace.senders, id, 'mailbox')
    for (let tries = 0; tries < 20 && workspace.senders.length > 0; tries++) {
      const sender = this.random.pick(workspace.senders)
      if (sender.status === 'Connected') return sender
    }
    const sender = workspace.senders.find(({ status }) => status === 'Connected')
    if (sender === undefined) throw new ActError(`workspace ${workspace.id} has no connected mailbox`)
    return sender
  }

  /** A mail that was sent: the one with this id, or the latest. Undefined where none was. */
  sentEmail(workspace: Workspace, id: number | undefined): ScheduledEmail | undefined {
    if (id === undefined) return workspace.emails.findLast(({ status }) => status === 'sent')
    const email = find(workspace.emails, id) ?? findHistoryEmail(this.world, workspace, id)
    if (email === undefined) throw new NotFoundError(`no mail ${id}`)
    return email
  }

  reply(workspace: Workspace, id: number): Reply {
    return must(workspace.replies, id, 'reply')
  }

  /** Events beyond what may be held in memory go, a tenth at a time, with their deliveries and mails. */
  #trim(): void {
    const { events, settings, workspaces } = this.world
    if (events.length <= settings.eventsMax) return
    const gone = events.splice(0, Math.ceil(settings.eventsMax / 10))
    for (const event of gone) this.#forget(event)
    const oldest = events[0]?.at ?? 0
    for (const { emails } of workspaces) {
      const kept = emails.findIndex(({ sentAt }) => sentAt === null || sentAt >= oldest)
      if (kept > 0) emails.splice(0, kept)
    }
  }
}
