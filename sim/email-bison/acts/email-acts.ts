import { inCampaign } from '../world/leads.ts'
import { find } from '../world/lookup.ts'
import type { ScheduledEmail, Workspace } from '../world/model.ts'
import { createReply } from './create-reply.ts'
import { planEmail, sendEmail, type SendOptions } from './send-email.ts'
import type { Stage } from './stage.ts'

export interface OnEmail {
  /** Default: the mail that was sent last; where there is none, one is sent first. */
  readonly email?: number
}

/** What campaigns do, and what happens to their mails. */
export function createEmailActs(stage: Stage) {
  const given = (workspace: Workspace, id: number | undefined): ScheduledEmail =>
    stage.sentEmail(workspace, id) ?? sendEmail(stage, workspace)
  return {
    /** Plans a mail; nothing is announced. */
    scheduleEmail(
      workspaceId: number,
      options: Omit<SendOptions, 'email'> & { at?: number } = {},
    ): ScheduledEmail {
      const workspace = stage.workspace(workspaceId)
      const email = planEmail(stage, workspace, options, options.at ?? stage.now())
      stage.touch()
      return email
    },
    /** A campaign's mail goes out: EMAIL_SENT, and LEAD_FIRST_CONTACTED where it is the campaign's first to the lead. */
    sendEmail(workspaceId: number, options: SendOptions = {}): ScheduledEmail {
      return sendEmail(stage, stage.workspace(workspaceId), options)
    },
    /** The vendor fails to send: an event that no webhook can subscribe to. */
    unknownType(workspaceId: number, { type = 'EMAIL_SEND_FAILED' }: { type?: string } = {}): ScheduledEmail {
      const workspace = stage.workspace(workspaceId)
      const email = planEmail(stage, workspace, {}, stage.now())
      email.status = 'failed'
      stage.record(workspace, { type, email })
      return email
    },
    firstContacted(workspaceId: number, { email: id }: OnEmail = {}): ScheduledEmail {
      const workspace = stage.workspace(workspaceId)
      const email = given(workspace, id)
      stage.tally(email.campaign).contacted++
      stage.record(workspace, { type: 'LEAD_FIRST_CONTACTED', email })
      return email
    },
    /** Announced for every opening; counted only where the campaign measures it, which is then switched on. */
    open(workspaceId: number, { email: id }: OnEmail = {}): ScheduledEmail {
      const workspace = stage.workspace(workspaceId)
      const email = given(workspace, id)
      open(stage, email)
      stage.record(workspace, { type: 'EMAIL_OPENED', email })
      return email
    },
    bounce(workspaceId: number, { email: id }: OnEmail = {}): ScheduledEmail {
      const workspace = stage.workspace(workspaceId)
      const email = given(workspace, id)
      bounce(stage, workspace, email)
      return email
    },
    unsubscribe(workspaceId: number, { email: id }: OnEmail = {}): ScheduledEmail {
      const workspace = stage.workspace(workspaceId)
      const email = given(workspace, id)
      const { lead, sender, campaign } = email
      lead.unsubscribed = true
      lead.status = 'unsubscribed'
      lead.updatedAt = stage.now()
      inCampaign(lead, campaign).status = 'sequence_stopped'
      sender.unsubscribed++
      stage.tally(campaign).unsubscribed++
      stage.record(workspace, { type: 'LEAD_UNSUBSCRIBED', email })
      return email
    },
  }
}

function open(stage: Stage, email: ScheduledEmail): void {
  const { lead, sender, campaign } = email
  const tally = stage.tally(campaign)
  campaign.openTracking = true
  const first = email.opens === 0
  email.opens++
  lead.opens++
  sender.opened++
  tally.opened++
  inCampaign(lead, campaign).opens++
  if (!first) return
  lead.uniqueOpens++
  sender.uniqueOpened++
  tally.uniqueOpened++
}

/** Comes back as a mail of a mailer-daemon; the row of the mail says `bounced`, its events go on saying `sent`. */
function bounce(stage: Stage, workspace: Workspace, email: ScheduledEmail): void {
  const { lead, sender, campaign } = email
  const live = find(workspace.emails, email.id)
  if (live !== undefined) live.status = 'bounced'
  lead.bounces++
  lead.status = 'bounced'
  lead.updatedAt = stage.now()
  inCampaign(lead, campaign).status = 'sequence_stopped'
  sender.bounced++
  stage.tally(campaign).bounced++
  const reply = createReply(stage, workspace, {
    type: 'Bounced',
    folder: 'Bounced',
    subject: 'Delivery Status Notification (Failure)',
    automated: true,
    lead,
    campaign,
    sender,
    emailId: email.id,
  })
  stage.record(workspace, { type: 'EMAIL_BOUNCED', email, reply })
}
