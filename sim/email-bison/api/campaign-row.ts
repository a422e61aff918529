import { totals } from '../world/count.ts'
import { timestamp } from '../world/days.ts'
import { uuidOf } from '../world/hash.ts'
import { find } from '../world/lookup.ts'
import type { Campaign, World, Workspace } from '../world/model.ts'
import { tagPart } from './rows.ts'

/** Numbers here; strings where the same figures come from `/stats`. */
export function campaignRow(world: World, workspace: Workspace, campaign: Campaign): Record<string, unknown> {
  const ever = totals(world, workspace, { from: 0, to: 1e6 }, campaign)
  const leads = workspace.leads.filter((lead) =>
    lead.campaigns.some(({ campaignId }) => campaignId === campaign.id),
  )
  const finished = campaign.status === 'completed' ? 100 : 45.23
  return {
    id: campaign.id,
    uuid: uuidOf(world.seed, 10, campaign.id),
    name: campaign.name,
    type: 'outbound',
    status: campaign.status,
    completion_percentage: finished,
    emails_sent: ever.sent,
    opened: ever.opened,
    unique_opens: ever.uniqueOpened,
    replied: ever.replied,
    unique_replies: ever.uniqueReplied,
    bounced: ever.bounced,
    unsubscribed: ever.unsubscribed,
    interested: ever.interested,
    total_leads: leads.length,
    total_leads_contacted: ever.contacted,
    max_emails_per_day: 1_000,
    max_new_leads_per_day: 1_000,
    plain_text: true,
    open_tracking: campaign.openTracking,
    can_unsubscribe: true,
    unsubscribe_text: 'Tell us if you would rather not hear from us.',
    include_auto_replies_in_stats: campaign.includeAutoReplies,
    sequence_id: campaign.id + 400,
    sequence_prioritization: 'followups',
    tags: campaign.tagIds.flatMap((id) => {
      const tag = find(workspace.tags, id)
      return tag === undefined ? [] : [tagPart(tag)]
    }),
    created_at: timestamp(campaign.createdAt),
    updated_at: timestamp(campaign.updatedAt),
  }
}
