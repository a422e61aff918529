import type { Json } from '../../src/engine/observation.ts'
import { totals } from '../../sim/email-bison/world/count.ts'
import { uuidOf } from '../../sim/email-bison/world/hash.ts'
import { correspondents, bodies } from '../../sim/email-bison/payload/mail-text.ts'
import type { Campaign, Reply, Sender, World, Workspace } from '../../sim/email-bison/world/model.ts'

/** A row as its table must hold it, told from the simulator's state and not by our decoders. */
export interface BisonRow {
  readonly table: 'client_registry' | 'sender_emails_cache' | 'campaigns' | 'lead_replies'
  readonly key: string
  readonly values: Readonly<Record<string, Json>>
}

/** What the tables of one instance must hold; `instance` is the name that it has in our configuration. */
export function bisonRows(instance: string, world: World): BisonRow[] {
  return world.workspaces.flatMap((workspace) => {
    const owner = { bison_instance: instance, bison_workspace_id: workspace.id }
    const rowOf = (table: BisonRow['table'], id: number | '', values: BisonRow['values']): BisonRow => ({
      table,
      key: `${instance}/${workspace.id}/${id}`,
      values: { ...owner, ...values },
    })
    return [
      rowOf('client_registry', '', { bison_workspace_name: workspace.name.trim() }),
      ...workspace.senders.map((one) => rowOf('sender_emails_cache', one.id, senderValues(workspace, one))),
      ...workspace.campaigns.map((one) => rowOf('campaigns', one.id, campaignValues(world, workspace, one))),
      ...workspace.replies.map((one) => rowOf('lead_replies', one.id, replyValues(world, one))),
    ]
  })
}

/** The vendor tells whole seconds. */
const second = (ms: number): string => new Date(Math.floor(ms / 1000) * 1000).toISOString()

const tagNames = ({ tags }: Workspace, ids: readonly number[]): string[] =>
  ids.flatMap((id) => tags.find((tag) => tag.id === id)?.name ?? [])

const senderValues = (workspace: Workspace, one: Sender): BisonRow['values'] => ({
  bison_account_id: one.id,
  email_address: one.email.toLowerCase(),
  account_name: one.name,
  status: one.status,
  account_type: 'Inbox',
  daily_limit: one.dailyLimit,
  warmup_enabled: one.warmupEnabled,
  emails_sent_count: one.sent,
  total_replied_count: one.replied,
  unique_replied_count: one.uniqueReplied,
  total_opened_count: one.opened,
  unique_opened_count: one.uniqueOpened,
  bounced_count: one.bounced,
  unsubscribed_count: one.unsubscribed,
  interested_leads_count: one.interested,
  total_leads_contacted_count: one.contacted,
  tags: tagNames(workspace, one.tagIds),
  vendor_created_at: second(one.createdAt),
  vendor_updated_at: second(one.updatedAt),
})

function campaignValues(world: World, workspace: Workspace, one: Campaign): BisonRow['values'] {
  const ever = totals(world, workspace, { from: 0, to: 1e6 }, one)
  return {
    bison_campaign_id: one.id,
    campaign_name: one.name,
    status: one.status,
    emails_sent: ever.sent,
    opened: ever.opened,
    unique_opens: ever.uniqueOpened,
    replied: ever.replied,
    unique_replies: ever.uniqueReplied,
    bounced: ever.bounced,
    unsubscribed: ever.unsubscribed,
    interested: ever.interested,
    total_leads_contacted: ever.contacted,
    open_tracking: one.openTracking,
    tags: tagNames(workspace, one.tagIds),
    vendor_created_at: second(one.createdAt),
    vendor_updated_at: second(one.updatedAt),
  }
}

function replyValues(world: World, one: Reply): BisonRow['values'] {
  const { from_name, from_email_address, primary_to_email_address } = correspondents(one)
  return {
    bison_reply_id: uuidOf(world.seed, 6, one.id),
    bison_reply_numeric_id: one.id,
    bison_lead_id: one.lead?.id ?? null,
    bison_campaign_id: one.campaign?.id ?? null,
    original_sender_email_id: one.sender.id,
    scheduled_email_id: one.emailId,
    from_name: from_name === '' ? null : from_name,
    lead_email: from_email_address.toLowerCase(),
    to_email: primary_to_email_address.toLowerCase(),
    subject: one.subject,
    reply_text: bodies(one).text_body,
    reply_date: second(one.at),
    folder: one.folder,
    reply_type: one.type,
    is_interested: one.interested,
    is_automated: one.automated,
    is_tracked: one.type === 'Tracked Reply',
    is_read: one.read,
    vendor_created_at: second(one.createdAt),
    vendor_updated_at: second(one.updatedAt),
  }
}
