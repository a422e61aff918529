import { createLead, inCampaign } from '../world/leads.ts'
import { must, takeIds } from '../world/lookup.ts'
import type { Campaign, Lead, ScheduledEmail, Workspace } from '../world/model.ts'
import { ActError, type Stage } from './stage.ts'

/** Ids; what is left out is chosen. */
export interface SendOptions {
  readonly campaign?: number
  readonly lead?: number
  readonly sender?: number
  /** 1 is the first mail. Default: the one after the lead's last. */
  readonly step?: number
  /** A mail that `scheduleEmail` planned. */
  readonly email?: number
}

/** Whether a campaign may go on writing to a lead. */
function isWaiting(lead: Lead, campaign: Campaign): boolean {
  const part = lead.campaigns.find(({ campaignId }) => campaignId === campaign.id)
  if (lead.unsubscribed) return false
  return part === undefined || (part.status === 'in_sequence' && part.sent < campaign.steps.length)
}

function pickLead(stage: Stage, workspace: Workspace, campaign: Campaign): Lead {
  const { leads } = workspace
  // Six in ten are follow-ups to a recent lead, as in a sequence of three mails.
  for (let tries = 0; tries < 5 && leads.length > 0; tries++) {
    const lead = leads[leads.length - 1 - stage.random.int(Math.min(leads.length, 500))]
    if (lead !== undefined && stage.random.chance(0.6) && isWaiting(lead, campaign)) return lead
  }
  return createLead(stage.world, workspace, stage.now())
}

/** A mail that will go out; says nothing to anyone. */
export function planEmail(
  stage: Stage,
  workspace: Workspace,
  options: SendOptions,
  at: number,
): ScheduledEmail {
  const campaign = stage.campaign(workspace, options.campaign)
  const lead =
    options.lead === undefined
      ? pickLead(stage, workspace, campaign)
      : must(workspace.leads, options.lead, 'lead')
  const step = options.step ?? Math.min(campaign.steps.length, inCampaign(lead, campaign).sent + 1)
  const email: ScheduledEmail = {
    id: takeIds(stage.world, 'email'),
    lead,
    sender: stage.sender(workspace, options.sender),
    campaign,
    step,
    status: 'scheduled',
    scheduledAt: at,
    sentAt: null,
    opens: 0,
    replies: 0,
    interested: null,
  }
  workspace.emails.push(email)
  return email
}

export function sendEmail(stage: Stage, workspace: Workspace, options: SendOptions = {}): ScheduledEmail {
  const now = stage.now()
  const email =
    options.email === undefined
      ? planEmail(stage, workspace, options, now)
      : must(workspace.emails, options.email, 'mail')
  if (email.status !== 'scheduled') throw new ActError(`mail ${email.id} is ${email.status}`)
  const { lead, sender, campaign } = email
  email.status = 'sent'
  email.sentAt = now
  const part = inCampaign(lead, campaign)
  const first = part.sent === 0
  part.sent++
  part.status = part.sent >= campaign.steps.length ? 'sequence_finished' : 'in_sequence'
  lead.sent++
  lead.updatedAt = now
  sender.sent++
  if (first) sender.contacted++
  const tally = stage.tally(campaign)
  tally.sent++
  if (first) tally.contacted++
  const { campaignEventId } = stage.record(workspace, { type: 'EMAIL_SENT', email })
  if (first) stage.record(workspace, { type: 'LEAD_FIRST_CONTACTED', email, campaignEventId })
  return email
}
