import type { Frozen, Lead, Reply, ScheduledEmail, Sender } from './model.ts'

interface Subjects {
  readonly email: ScheduledEmail | null
  readonly reply: Reply | null
  readonly sender: Sender | null
}

const NO_LEAD: readonly number[] = [0, 0, 0, 0, 0, 0]
const NO_SENDER: readonly number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0]

/** Takes the subjects of an event as they are now. */
export function freeze({ email, reply, sender }: Subjects): Frozen {
  const lead = email?.lead ?? reply?.lead ?? null
  return {
    campaignName: (email?.campaign ?? reply?.campaign)?.name ?? '',
    senderName: sender?.name ?? '',
    senderStatus: sender?.status ?? 'Connected',
    dailyLimit: sender?.dailyLimit ?? 0,
    leadStatus: lead?.status ?? 'verified',
    replyInterested: reply?.interested ?? false,
    email:
      email === null ? [0, 0, 'sent', null] : [email.opens, email.replies, email.status, email.interested],
    lead: lead === null ? NO_LEAD : leadCounters(lead),
    sender: sender === null ? NO_SENDER : senderCounters(sender),
  }
}

/** emails_sent, opens, unique_opens, replies, unique_replies, bounces */
function leadCounters(lead: Lead): readonly number[] {
  return [lead.sent, lead.opens, lead.uniqueOpens, lead.replies, lead.uniqueReplies, lead.bounces]
}

/** As the payload lists them: sent, replied, opened, unsubscribed, bounced, the unique ones, contacted, interested. */
export function senderCounters(
  sender: Pick<
    Sender,
    | 'sent'
    | 'replied'
    | 'opened'
    | 'unsubscribed'
    | 'bounced'
    | 'uniqueReplied'
    | 'uniqueOpened'
    | 'contacted'
    | 'interested'
  >,
): readonly number[] {
  return [
    sender.sent,
    sender.replied,
    sender.opened,
    sender.unsubscribed,
    sender.bounced,
    sender.uniqueReplied,
    sender.uniqueOpened,
    sender.contacted,
    sender.interested,
  ]
}
