import { timestamp, wallClock } from '../world/days.ts'
import { eventName } from '../world/event-types.ts'
import { uuidOf } from '../world/hash.ts'
import type { BisonEvent, Lead, Reply, ScheduledEmail, Sender, World } from '../world/model.ts'
import { customVariables } from '../world/names.ts'
import { bodies, correspondents } from './mail-text.ts'

type Fields = Record<string, unknown>

/** The body of a delivery and the `payload` of an event's row: no id, no signature, no time of the event itself. */
export interface Payload {
  readonly event: {
    readonly type: string
    readonly name: string
    readonly instance_url: string
    readonly workspace_id: number
    readonly workspace_name: string
  }
  readonly data: Fields
}

export function payloadOf(world: World, event: BisonEvent): Payload {
  return {
    event: {
      type: event.type,
      name: eventName(event.type),
      instance_url: world.origin,
      workspace_id: event.workspace.id,
      workspace_name: event.workspaceName,
    },
    data: dataOf(world, event),
  }
}

/** What each family of types tells; a type that is not here tells what a sent mail does. */
function dataOf(world: World, event: BisonEvent): Fields {
  const { type, tag, sender } = event
  if (tag !== null)
    return {
      tag_id: tag.tagId,
      tag_name: tag.tagName,
      taggable_id: tag.taggableId,
      taggable_type: tag.taggableType,
    }
  const senderEmail = sender === null ? null : senderPart(event, sender)
  if (type.startsWith('EMAIL_ACCOUNT_') || type.startsWith('WARMUP_')) return { sender_email: senderEmail }
  const reply = event.reply === null ? {} : { reply: replyPart(world, event, event.reply) }
  if (type === 'UNTRACKED_REPLY_RECEIVED') return { ...reply, sender_email: senderEmail }
  const lead = event.email?.lead ?? event.reply?.lead ?? null
  const campaign = event.email?.campaign ?? event.reply?.campaign ?? null
  const parts = {
    scheduled_email: event.email === null ? null : emailPart(event, event.email),
    ...(type === 'MANUAL_EMAIL_SENT' ? {} : { campaign_event: campaignEventPart(event) }),
    lead: lead === null ? null : leadPart(event, lead),
    campaign: campaign === null ? null : { id: campaign.id, name: event.frozen.campaignName },
    sender_email: senderEmail,
  }
  return { ...reply, ...parts }
}

const CAMPAIGN_EVENTS: Readonly<Record<string, string>> = {
  EMAIL_SENT: 'sent',
  LEAD_FIRST_CONTACTED: 'sent',
  EMAIL_OPENED: 'opened',
  LEAD_REPLIED: 'replied',
  LEAD_INTERESTED: 'interested',
  LEAD_UNSUBSCRIBED: 'unsubscribed',
  EMAIL_BOUNCED: 'bounce',
}

function campaignEventPart({ campaignEventId, type, at, email, reply }: BisonEvent): Fields {
  const zone = (email?.campaign ?? reply?.campaign)?.timezone ?? 'UTC'
  return {
    id: campaignEventId,
    type: CAMPAIGN_EVENTS[type] ?? 'failed',
    created_at: timestamp(at),
    created_at_local: localTime(at, zone),
    local_timezone: zone,
  }
}

/** A wall clock in the form of UTC: that local fields carry a `Z` too is an assumption. */
function localTime(at: number, zone: string): string {
  return timestamp(wallClock(at, zone))
}

function emailPart({ frozen }: BisonEvent, email: ScheduledEmail): Fields {
  const { campaign, lead, step } = email
  const [opens, replies, status, interested] = frozen.email
  const at = email.scheduledAt
  return {
    id: email.id,
    lead_id: lead.id,
    sequence_step_id: campaign.steps[step - 1]?.id ?? null,
    sequence_step_order: step,
    sequence_step_variant: null,
    email_subject: campaign.steps[step - 1]?.subject ?? '',
    email_body: `<p>Hi ${lead.firstName},</p><p>${campaign.steps[step - 1]?.subject ?? ''}?</p>`,
    // A bounce does not change the status that events tell; the rows of the list do say `bounced`.
    status: status === 'bounced' ? 'sent' : status,
    scheduled_date_est: localTime(at, 'America/New_York'),
    scheduled_date_local: localTime(at, campaign.timezone),
    local_timezone: campaign.timezone,
    sent_at: email.sentAt === null ? null : timestamp(email.sentAt),
    opens,
    replies,
    unique_opens: Math.min(1, opens),
    unique_replies: Math.min(1, replies),
    interested,
    raw_message_id: `<email-${email.id}@${email.sender.email.split('@')[1] ?? ''}>`,
  }
}

function leadPart({ frozen }: BisonEvent, lead: Lead): Fields {
  const [sent = 0, opens = 0, uniqueOpens = 0, replies = 0, uniqueReplies = 0, bounces = 0] = frozen.lead
  return {
    id: lead.id,
    email: lead.email,
    first_name: lead.firstName,
    last_name: lead.lastName,
    status: frozen.leadStatus,
    title: lead.title,
    company: lead.company,
    custom_variables: customVariables(lead.id),
    emails_sent: sent,
    opens,
    unique_opens: uniqueOpens,
    replies,
    unique_replies: uniqueReplies,
    bounces,
  }
}

/** Names differ from the row's (`emails_sent`, not `emails_sent_count`), and the status is in lower case. */
function senderPart({ frozen, at }: BisonEvent, sender: Sender): Fields {
  const [sent, replied, opened, unsubscribed, bounced, uniqueReplies, uniqueOpens, contacted, interested] =
    frozen.sender
  return {
    id: sender.id,
    name: frozen.senderName,
    email: sender.email,
    status: frozen.senderStatus.toLowerCase(),
    type: 'Inbox',
    daily_limit: frozen.dailyLimit,
    emails_sent: sent,
    replied,
    opened,
    unsubscribed,
    bounced,
    unique_replies: uniqueReplies,
    unique_opens: uniqueOpens,
    total_leads_contacted: contacted,
    interested,
    created_at: timestamp(sender.createdAt),
    updated_at: timestamp(at),
  }
}

/** Named `email_subject` here and `subject` in the row. */
function replyPart(world: World, { frozen, at }: BisonEvent, reply: Reply): Fields {
  return {
    id: reply.id,
    uuid: uuidOf(world.seed, 6, reply.id),
    email_subject: reply.subject,
    interested: frozen.replyInterested,
    automated_reply: reply.automated,
    ...bodies(reply),
    raw_body: null,
    headers: null,
    date_received: timestamp(reply.at),
    type: reply.type,
    folder: reply.folder,
    ...correspondents(reply),
    parent_id: null,
    raw_message_id: `<reply-${reply.id}@prospects.test>`,
    created_at: timestamp(reply.createdAt),
    updated_at: timestamp(at),
    attachments: [],
  }
}
