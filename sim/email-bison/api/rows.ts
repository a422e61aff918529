import { bodies, correspondents } from '../payload/mail-text.ts'
import { timestamp } from '../world/days.ts'
import { uuidOf } from '../world/hash.ts'
import { find } from '../world/lookup.ts'
import type {
  Lead,
  Reply,
  ScheduledEmail,
  Sender,
  Tag,
  WebhookUrl,
  World,
  Workspace,
} from '../world/model.ts'
import { customVariables } from '../world/names.ts'

type Row = Record<string, unknown>

export const tagPart = ({ id, name, default: isDefault }: Tag): Row => ({ id, name, default: isDefault })

function tagsOf({ tags }: Workspace, ids: readonly number[]): Row[] {
  return ids.flatMap((id) => {
    const tag = find(tags, id)
    return tag === undefined ? [] : [tagPart(tag)]
  })
}

export function tagRow(tag: Tag): Row {
  const at = timestamp(tag.createdAt)
  return { ...tagPart(tag), created_at: at, updated_at: at }
}

export function workspaceRow({ id, name, createdAt, updatedAt }: Workspace): Row {
  return {
    id,
    name,
    personal_team: false,
    main: false,
    parent_id: 1,
    total_monthly_email_verification_credits: 0,
    remaining_monthly_email_verification_credits: 0,
    total_email_verification_credits: 0,
    remaining_email_verification_credits: 0,
    created_at: timestamp(createdAt),
    updated_at: timestamp(updatedAt),
  }
}

/** The status in Title Case, the counters by other names than in webhooks, the labels of provider and reseller as tags. */
export function senderRow(workspace: Workspace, sender: Sender): Row {
  return {
    id: sender.id,
    name: sender.name,
    email: sender.email,
    daily_limit: sender.dailyLimit,
    type: 'Inbox',
    status: sender.status,
    warmup_enabled: sender.warmupEnabled,
    emails_sent_count: sender.sent,
    total_replied_count: sender.replied,
    total_opened_count: sender.opened,
    unsubscribed_count: sender.unsubscribed,
    bounced_count: sender.bounced,
    unique_replied_count: sender.uniqueReplied,
    unique_opened_count: sender.uniqueOpened,
    total_leads_contacted_count: sender.contacted,
    interested_leads_count: sender.interested,
    tags: tagsOf(workspace, sender.tagIds),
    created_at: timestamp(sender.createdAt),
    updated_at: timestamp(sender.updatedAt),
  }
}

export function leadRow(workspace: Workspace, world: World, lead: Lead): Row {
  return {
    id: lead.id,
    uuid: uuidOf(world.seed, 7, lead.id),
    first_name: lead.firstName,
    last_name: lead.lastName,
    email: lead.email,
    title: lead.title,
    company: lead.company,
    notes: null,
    status: lead.status,
    custom_variables: customVariables(lead.id),
    lead_campaign_data: lead.campaigns.map((part) => ({
      campaign_id: part.campaignId,
      status: part.status,
      emails_sent: part.sent,
      replies: part.replies,
      opens: part.opens,
      interested: part.interested,
    })),
    overall_stats: {
      emails_sent: lead.sent,
      opens: lead.opens,
      replies: lead.replies,
      unique_opens: lead.uniqueOpens,
      unique_replies: lead.uniqueReplies,
    },
    tags: tagsOf(workspace, lead.tagIds),
    created_at: timestamp(lead.createdAt),
    updated_at: timestamp(lead.updatedAt),
  }
}

/** `subject` here, `email_subject` in webhooks. */
export function replyRow(workspace: Workspace, world: World, reply: Reply): Row {
  return {
    id: reply.id,
    uuid: uuidOf(world.seed, 6, reply.id),
    folder: reply.folder,
    type: reply.type,
    subject: reply.subject,
    read: reply.read,
    interested: reply.interested,
    automated_reply: reply.automated,
    tracked_reply: reply.type === 'Tracked Reply',
    ...bodies(reply),
    raw_body: null,
    headers: null,
    date_received: timestamp(reply.at),
    scheduled_email_id: reply.emailId,
    campaign_id: reply.campaign?.id ?? null,
    lead_id: reply.lead?.id ?? null,
    sender_email_id: reply.sender.id,
    raw_message_id: `<reply-${reply.id}@prospects.test>`,
    ...correspondents(reply),
    parent_id: null,
    lead: reply.lead === null ? null : leadRow(workspace, world, reply.lead),
    attachments: [],
    created_at: timestamp(reply.createdAt),
    updated_at: timestamp(reply.updatedAt),
  }
}

export function emailRow(workspace: Workspace, world: World, email: ScheduledEmail): Row {
  const { campaign, lead, sender, step } = email
  return {
    id: email.id,
    uuid: uuidOf(world.seed, 8, email.id),
    campaign_id: campaign.id,
    lead_id: lead.id,
    sequence_step_id: campaign.steps[step - 1]?.id ?? null,
    email_subject: campaign.steps[step - 1]?.subject ?? '',
    status: email.status,
    scheduled_date: timestamp(email.scheduledAt),
    sent_at: email.sentAt === null ? null : timestamp(email.sentAt),
    opens: email.opens,
    unique_opens: Math.min(1, email.opens),
    replies: email.replies,
    unique_replies: Math.min(1, email.replies),
    interested: email.interested,
    lead: leadRow(workspace, world, lead),
    sender_email: senderRow(workspace, sender),
  }
}

export function webhookRow({ id, name, url, events, createdAt, updatedAt }: WebhookUrl): Row {
  return { id, name, url, events, created_at: timestamp(createdAt), updated_at: timestamp(updatedAt) }
}
