import { takeIds } from './lookup.ts'
import type { Campaign, Lead, LeadInCampaign, World, Workspace } from './model.ts'
import { companyOf, firstName, lastName, leadAddress, titleOf } from './names.ts'

export function createLead(world: World, workspace: Workspace, at: number, given: Partial<Lead> = {}): Lead {
  const id = takeIds(world, 'lead')
  const lead: Lead = {
    id,
    email: leadAddress(id),
    firstName: firstName(id),
    lastName: lastName(id),
    company: companyOf(id),
    title: titleOf(id),
    status: id % 5 === 0 ? 'unverified' : 'verified',
    tagIds: [],
    sent: 0,
    opens: 0,
    uniqueOpens: 0,
    replies: 0,
    uniqueReplies: 0,
    bounces: 0,
    everInterested: false,
    unsubscribed: false,
    campaigns: [],
    createdAt: at,
    updatedAt: at,
    ...given,
  }
  workspace.leads.push(lead)
  return lead
}

/** The lead's part in a campaign; joins it first where it has none. */
export function inCampaign(lead: Lead, campaign: Campaign): LeadInCampaign {
  let part = lead.campaigns.find(({ campaignId }) => campaignId === campaign.id)
  if (part === undefined) {
    part = {
      campaignId: campaign.id,
      status: 'never_contacted',
      sent: 0,
      replies: 0,
      opens: 0,
      interested: false,
    }
    lead.campaigns.push(part)
  }
  return part
}
