import { hash } from '../world/hash.ts'
import type { Reply } from '../world/model.ts'

const ANSWERS = [
  'Please call me on Thursday.',
  'Can you send a quote for two trucks?',
  'Yes, we renew in March. What would you need from us?',
  'Not at the moment, thank you.',
  'Who are you?',
]
const AWAY = 'I am out of the office until Monday and read mail now and then.'
const BOUNCED = 'Your message was not delivered: the address was not found.'

/** `html_body` and `text_body`. */
export function bodies(reply: Reply): { html_body: string; text_body: string } {
  const text = reply.text ?? madeUp(reply)
  return { html_body: `<p>${text}</p>`, text_body: text }
}

function madeUp(reply: Reply): string {
  if (reply.type === 'Bounced') return BOUNCED
  if (reply.automated) return AWAY
  return reply.interestedBefore !== null
    ? (ANSWERS[hash(reply.id) % 3] ?? '')
    : (ANSWERS[hash(reply.id) % ANSWERS.length] ?? '')
}

interface Correspondents {
  readonly from_name: string
  readonly from_email_address: string
  readonly primary_to_email_address: string
  readonly to: readonly { name: string; address: string }[]
  readonly cc: null
  readonly bcc: null
}

/** Who wrote to whom: a mailer-daemon for a bounce, us for what we sent. */
export function correspondents(reply: Reply): Correspondents {
  const ours = { name: reply.sender.name, address: reply.sender.email }
  const theirs = theirSide(reply)
  const [from, to] = reply.folder === 'Sent' ? [ours, theirs] : [theirs, ours]
  return {
    from_name: from.name,
    from_email_address: from.address,
    primary_to_email_address: to.address,
    to: [to],
    cc: null,
    bcc: null,
  }
}

function theirSide({ type, lead, otherAddress, sender }: Reply): { name: string; address: string } {
  if (type === 'Bounced')
    return {
      name: 'Mail Delivery Subsystem',
      address: `mailer-daemon@${sender.email.split('@')[1] ?? 'mail.test'}`,
    }
  if (lead === null || otherAddress !== null)
    return { name: '', address: otherAddress ?? 'unknown@elsewhere.test' }
  return { name: `${lead.firstName} ${lead.lastName}`, address: lead.email }
}
