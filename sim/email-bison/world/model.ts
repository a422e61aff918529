import type { Random } from '../../monday/world/random.ts'
import type { DayTally, Tag, Sender, Campaign, Lead, ScheduledEmail, Reply } from './records.ts'
import type { Settings } from './settings.ts'

export type * from './records.ts'

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}

export interface TagChange {
  readonly tagId: number
  readonly tagName: string
  readonly taggableId: number
  readonly taggableType: 'Campaign' | 'SenderEmail' | 'Lead'
}

/** What the subjects of an event were when it happened, so that its payload stays what was delivered. */
export interface Frozen {
  readonly campaignName: string
  readonly senderName: string
  readonly senderStatus: string
  readonly dailyLimit: number
  readonly leadStatus: string
  readonly replyInterested: boolean
  readonly email: readonly [
    opens: number,
    replies: number,
    status: ScheduledEmail['status'],
    interested: boolean | null,
  ]
  readonly lead: readonly number[]
  readonly sender: readonly number[]
}

/** Something the vendor announces; kept once, whoever listens. */
export interface BisonEvent {
  readonly id: number
  readonly at: number
  /** UPPER_SNAKE. */
  readonly type: string
  readonly workspace: Workspace
  readonly workspaceName: string
  /** Events of one happening share it: the first mail and the first contact. */
  readonly campaignEventId: number
  readonly email: ScheduledEmail | null
  readonly reply: Reply | null
  readonly sender: Sender | null
  readonly tag: TagChange | null
  readonly frozen: Frozen
}

export interface WebhookUrl {
  readonly id: number
  name: string
  url: string
  events: string[]
  readonly createdAt: number
  updatedAt: number
}

/** A day before the world began: counts, and the ids that its mails and events get when someone asks for them. */
export interface HistoryDay {
  readonly day: number
  /** Nothing of it is later; the last day ends where the world begins. */
  readonly until: number
  /** As it was called then; so for campaigns. */
  readonly workspaceName: string
  readonly campaigns: readonly {
    readonly campaign: Campaign
    readonly name: string
    readonly tally: DayTally
  }[]
  readonly firstEmailId: number
  readonly emails: number
  /** 0 for days beyond what the vendor keeps. */
  readonly firstEventId: number
  readonly events: number
  /** Its replies are `replies[from, to)` of the workspace. */
  readonly replies: readonly [from: number, to: number]
}

/** Lists are in order of id, which is the order of creation. */
export interface Workspace {
  readonly id: number
  /** Some end in a space, as people type them. */
  name: string
  readonly createdAt: number
  updatedAt: number
  readonly campaigns: Campaign[]
  readonly senders: Sender[]
  /** Those the history was made with. */
  readonly firstSenders: readonly Sender[]
  readonly firstLeads: number
  readonly leads: Lead[]
  readonly replies: Reply[]
  /** Since the world began; earlier ones are made when asked for. */
  readonly emails: ScheduledEmail[]
  readonly tags: Tag[]
  readonly webhooks: WebhookUrl[]
  readonly history: HistoryDay[]
}

/** `api-user` sees one workspace; `super-admin` sees that which its owner switched to last. */
export interface Token {
  readonly id: number
  readonly name: string
  readonly text: string
  readonly kind: 'api-user' | 'super-admin'
  readonly workspaceId: number | null
  readonly createdAt: number
}

/** A mail that the API took and has not sent yet. */
export interface QueuedSend {
  readonly workspaceId: number
  readonly replyId: number
  readonly senderId: number
  readonly text: string
  readonly dueAt: number
}

export const ID_KINDS = [
  'workspace',
  'campaign',
  'step',
  'sender',
  'lead',
  'email',
  'reply',
  'event',
  'tag',
  'webhook',
  'delivery',
  'attempt',
  'token',
] as const
export type IdKind = (typeof ID_KINDS)[number]

/** One instance of the vendor's product. Two share nothing but the clock: the same id means another thing in each. */
export interface World {
  readonly seed: number
  readonly startedAt: number
  readonly random: Random
  readonly settings: Settings
  clock: Clock
  /** `instance_url`: known once the server listens. */
  origin: string
  readonly workspaces: Workspace[]
  /** Since the world began, oldest first. */
  readonly events: BisonEvent[]
  readonly tokens: Map<string, Token>
  readonly queued: QueuedSend[]
  readonly ids: Record<IdKind, number>
  /** Where the owner's last switch-workspace left every super-admin token. */
  currentWorkspaceId: number
  /** Moves on every change: tells the saver whether there is anything to save. */
  version: number
}
