import { findHistoryEmail } from '../world/history-events.ts'
import { inCampaign } from '../world/leads.ts'
import { find } from '../world/lookup.ts'
import type { Reply, ScheduledEmail, Sender, Workspace } from '../world/model.ts'
import { createReply } from './create-reply.ts'
import { sendEmail } from './send-email.ts'
import type { Stage } from './stage.ts'

export interface ReplyOptions {
  /** The mail that is answered. Default: the last that was sent; where there is none, one is sent first. */
  readonly email?: number
  /** LEAD_INTERESTED follows. */
  readonly interested?: boolean
  readonly automated?: boolean
  /** From someone whom no campaign wrote to. */
  readonly untracked?: boolean
  /** No LEAD_REPLIED: interest was seen to come alone. */
  readonly unannounced?: boolean
  readonly text?: string
  /** Of an untracked reply. */
  readonly from?: string
  readonly sender?: number
}

/** What people answer, and what we answer them. */
export function createReplyActs(stage: Stage) {
  return {
    reply(workspaceId: number, options: ReplyOptions = {}): Reply {
      const workspace = stage.workspace(workspaceId)
      return options.untracked === true
        ? untrackedReply(stage, workspace, options)
        : trackedReply(stage, workspace, options)
    },
    /** By a person, the API or the vendor's AI. Announced only when it is the lead's first. */
    interested(workspaceId: number, { reply: id }: { reply: number }): Reply {
      const workspace = stage.workspace(workspaceId)
      const reply = stage.reply(workspace, id)
      markInterested(stage, workspace, reply)
      return reply
    },
    /** Takes interest back; the vendor announces nothing. */
    notInterested(workspaceId: number, { reply: id }: { reply: number }): Reply {
      const reply = stage.reply(stage.workspace(workspaceId), id)
      reply.interested = false
      reply.updatedAt = stage.now()
      if (reply.lead !== null && reply.campaign !== null)
        inCampaign(reply.lead, reply.campaign).interested = false
      stage.touch()
      return reply
    },
    /** Our own answer goes out, from the inbox or for the API. */
    manualSend(
      workspaceId: number,
      options: { reply: number; text?: string; sender?: number; unannounced?: boolean },
    ): Reply {
      const workspace = stage.workspace(workspaceId)
      return manualSend(stage, workspace, stage.reply(workspace, options.reply), options)
    },
  }
}

function trackedReply(stage: Stage, workspace: Workspace, options: ReplyOptions): Reply {
  const email = stage.sentEmail(workspace, options.email) ?? sendEmail(stage, workspace)
  const { lead, campaign, sender } = email
  const automated = options.automated === true
  const counted = !automated || campaign.includeAutoReplies
  const part = inCampaign(lead, campaign)
  if (counted) {
    if (lead.replies === 0) lead.uniqueReplies++
    if (part.replies === 0) sender.uniqueReplied++
    email.replies++
    lead.replies++
    part.replies++
    sender.replied++
    part.status = 'replied'
  }
  lead.updatedAt = stage.now()
  const reply = createReply(stage, workspace, {
    type: 'Tracked Reply',
    folder: 'Inbox',
    subject: `Re: ${campaign.steps[email.step - 1]?.subject ?? ''}`,
    text: options.text ?? null,
    automated,
    counted,
    lead,
    campaign,
    sender,
    emailId: email.id,
  })
  if (counted && options.unannounced !== true) stage.record(workspace, { type: 'LEAD_REPLIED', email, reply })
  if (options.interested === true) markInterested(stage, workspace, reply, email)
  else stage.touch()
  return reply
}

function untrackedReply(stage: Stage, workspace: Workspace, options: ReplyOptions): Reply {
  const reply = createReply(stage, workspace, {
    type: 'Untracked Reply',
    folder: 'Inbox',
    text: options.text ?? null,
    automated: options.automated === true,
    sender: stage.sender(workspace, options.sender),
    otherAddress: options.from ?? `hello${stage.world.ids.reply}@elsewhere.test`,
  })
  stage.record(workspace, { type: 'UNTRACKED_REPLY_RECEIVED', reply })
  return reply
}

function emailOf(stage: Stage, workspace: Workspace, { emailId }: Reply): ScheduledEmail | null {
  if (emailId === null) return null
  return find(workspace.emails, emailId) ?? findHistoryEmail(stage.world, workspace, emailId) ?? null
}

function markInterested(stage: Stage, workspace: Workspace, reply: Reply, known?: ScheduledEmail): void {
  if (reply.interested) return
  const now = stage.now()
  reply.interested = true
  reply.interestedAt = now
  reply.updatedAt = now
  const { lead, campaign, sender } = reply
  const email = known ?? emailOf(stage, workspace, reply)
  if (email !== null) email.interested = true
  if (lead !== null && campaign !== null) inCampaign(lead, campaign).interested = true
  const first = lead !== null && !lead.everInterested
  if (!first) return stage.touch()
  lead.everInterested = true
  lead.updatedAt = now
  sender.interested++
  stage.record(workspace, { type: 'LEAD_INTERESTED', email, reply })
}

interface Answer {
  readonly text?: string
  readonly sender?: number
  readonly unannounced?: boolean
}

function manualSend(
  stage: Stage,
  workspace: Workspace,
  to: Reply,
  { text, sender: id, unannounced }: Answer,
): Reply {
  const sender: Sender = id === undefined ? to.sender : stage.sender(workspace, id)
  const email = emailOf(stage, workspace, to)
  const reply = createReply(stage, workspace, {
    type: 'Outgoing Email',
    folder: 'Sent',
    subject: to.subject.startsWith('Re: ') ? to.subject : `Re: ${to.subject}`,
    text: text ?? 'Thank you, we will call you.',
    read: true,
    lead: to.lead,
    campaign: to.campaign,
    sender,
    emailId: to.emailId,
    otherAddress: to.otherAddress,
  })
  if (unannounced === true) stage.touch()
  else stage.record(workspace, { type: 'MANUAL_EMAIL_SENT', email, reply, sender })
  return reply
}
