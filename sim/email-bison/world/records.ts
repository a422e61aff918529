/** What happened in a campaign on one day of the vendor's calendar. Replies are counted from the replies themselves. */
export interface DayTally {
  sent: number
  /** Leads that got their first mail of the campaign. */
  contacted: number
  opened: number
  uniqueOpened: number
  bounced: number
  unsubscribed: number
}

export interface Tag {
  readonly id: number
  readonly name: string
  readonly default: boolean
  readonly createdAt: number
}

/** Title Case, as the rows of the API have it; webhooks carry the same in lower case. */
export type SenderStatus = 'Connected' | 'Disconnected' | 'Failed' | 'Not connected'

/** A mailbox that campaigns send from. The counters are of its lifetime and never fall. */
export interface Sender {
  readonly id: number
  name: string
  readonly email: string
  status: SenderStatus
  dailyLimit: number
  warmupEnabled: boolean
  tagIds: number[]
  /** `sent` when the world began: what its events of before tell. */
  readonly sentAtStart: number
  sent: number
  replied: number
  opened: number
  unsubscribed: number
  bounced: number
  uniqueReplied: number
  uniqueOpened: number
  contacted: number
  interested: number
  readonly createdAt: number
  updatedAt: number
}

export type CampaignStatus =
  | 'draft'
  | 'launching'
  | 'active'
  | 'stopped'
  | 'completed'
  | 'paused'
  | 'failed'
  | 'queued'
  | 'archived'

export interface Campaign {
  readonly id: number
  name: string
  status: CampaignStatus
  /** Mails of a working day. */
  planPerDay: number
  /** What a test says is scheduled, by day number, over the plan. */
  readonly scheduled: Map<number, number>
  readonly steps: readonly { readonly id: number; readonly subject: string }[]
  /** False for most: their opens are 0 because nothing measures them. */
  openTracking: boolean
  /** False: an automated reply causes no LEAD_REPLIED and no count. */
  includeAutoReplies: boolean
  senderIds: number[]
  tagIds: number[]
  timezone: string
  /** Nobody has set when it may send, and there is nothing to ask for. */
  unscheduled: boolean
  readonly days: Map<number, DayTally>
  readonly createdAt: number
  updatedAt: number
}

export type LeadCampaignStatus =
  | 'in_sequence'
  | 'sequence_finished'
  | 'sequence_stopped'
  | 'never_contacted'
  | 'replied'

export interface LeadInCampaign {
  readonly campaignId: number
  status: LeadCampaignStatus
  sent: number
  replies: number
  opens: number
  interested: boolean
}

export interface Lead {
  readonly id: number
  readonly email: string
  readonly firstName: string
  readonly lastName: string
  readonly company: string | null
  readonly title: string | null
  status: string
  tagIds: number[]
  sent: number
  opens: number
  uniqueOpens: number
  replies: number
  uniqueReplies: number
  bounces: number
  /** Ever: the vendor announces a lead's interest once. */
  everInterested: boolean
  unsubscribed: boolean
  readonly campaigns: LeadInCampaign[]
  readonly createdAt: number
  updatedAt: number
}

/** One mail of a campaign to one lead, from its planning on. */
export interface ScheduledEmail {
  readonly id: number
  readonly lead: Lead
  sender: Sender
  readonly campaign: Campaign
  /** 1 is the first. */
  readonly step: number
  status: 'scheduled' | 'sent' | 'bounced' | 'stopped' | 'failed'
  scheduledAt: number
  sentAt: number | null
  opens: number
  replies: number
  interested: boolean | null
}

export type ReplyType = 'Tracked Reply' | 'Untracked Reply' | 'Outgoing Email' | 'Bounced'

export interface Reply {
  readonly id: number
  readonly folder: 'Inbox' | 'Sent' | 'Bounced'
  readonly type: ReplyType
  /** `date_received`. */
  readonly at: number
  readonly createdAt: number
  updatedAt: number
  readonly subject: string
  /** Null: made up from the id when shown. */
  readonly text: string | null
  interested: boolean
  interestedAt: number | null
  /** As `interestedAt`, of before the world began. */
  readonly interestedBefore: number | null
  readonly automated: boolean
  /** It counts as a reply to its campaign, and is announced as one; campaigns may leave automated ones out. */
  readonly counted: boolean
  read: boolean
  readonly lead: Lead | null
  readonly campaign: Campaign | null
  readonly sender: Sender
  readonly emailId: number | null
  /** Of an untracked reply, who wrote; of our own mail, to whom. */
  readonly otherAddress: string | null
}
