import { createCampaign } from '../world/campaigns.ts'
import { dayOf } from '../world/days.ts'
import { must } from '../world/lookup.ts'
import type { Campaign, CampaignStatus } from '../world/model.ts'
import type { Stage } from './stage.ts'

/** What people do with campaigns; the vendor announces none of it. */
export function createCampaignActs(stage: Stage) {
  const campaignOf = (workspaceId: number, id: number): Campaign =>
    must(stage.workspace(workspaceId).campaigns, id, 'campaign')
  const setStatus = (workspaceId: number, id: number, status: CampaignStatus): Campaign => {
    const campaign = campaignOf(workspaceId, id)
    campaign.status = status
    campaign.updatedAt = stage.now()
    stage.touch()
    return campaign
  }
  return {
    addCampaign(
      workspaceId: number,
      { name, planPerDay = 0 }: { name: string; planPerDay?: number },
    ): Campaign {
      const workspace = stage.workspace(workspaceId)
      const senderIds = workspace.senders.map(({ id }) => id)
      const campaign = createCampaign(stage.world, { name, planPerDay, senderIds, createdAt: stage.now() })
      workspace.campaigns.push(campaign)
      stage.touch()
      return campaign
    },
    renameCampaign(
      workspaceId: number,
      { campaign: id, name }: { campaign: number; name: string },
    ): Campaign {
      const campaign = campaignOf(workspaceId, id)
      campaign.name = name
      campaign.updatedAt = stage.now()
      stage.touch()
      return campaign
    },
    pauseCampaign: (workspaceId: number, { campaign }: { campaign: number }): Campaign =>
      setStatus(workspaceId, campaign, 'paused'),
    resumeCampaign: (workspaceId: number, { campaign }: { campaign: number }): Campaign =>
      setStatus(workspaceId, campaign, 'active'),
    completeCampaign: (workspaceId: number, { campaign }: { campaign: number }): Campaign =>
      setStatus(workspaceId, campaign, 'completed'),
    /** In whose hours it sends; null for a campaign of which nobody has set any. Zones are not checked. */
    setZone(
      workspaceId: number,
      { campaign: id, timezone }: { campaign: number; timezone: string | null },
    ): Campaign {
      const campaign = campaignOf(workspaceId, id)
      campaign.unscheduled = timezone === null
      if (timezone !== null) campaign.timezone = timezone
      stage.touch()
      return campaign
    },
    /** What the vendor says it will send; `daysFromNow` 0 is today. */
    setSchedule(
      workspaceId: number,
      options: { campaign: number; emails: number; daysFromNow?: number },
    ): Campaign {
      const campaign = campaignOf(workspaceId, options.campaign)
      const today = dayOf(stage.now(), stage.world.settings.timeZone)
      campaign.scheduled.set(today + (options.daysFromNow ?? 0), options.emails)
      stage.touch()
      return campaign
    },
  }
}
