/** What a webhook may subscribe to, with the label that the vendor's pages and `event.name` show. */
export const EVENT_TYPES = [
  { id: 'email_sent', name: 'Email Sent' },
  { id: 'manual_email_sent', name: 'Manual Email Sent' },
  { id: 'lead_first_contacted', name: 'Contact First Emailed' },
  { id: 'lead_replied', name: 'Contact Replied' },
  { id: 'lead_interested', name: 'Contact Interested' },
  { id: 'lead_unsubscribed', name: 'Contact Unsubscribed' },
  { id: 'untracked_reply_received', name: 'Untracked Reply Received' },
  { id: 'email_opened', name: 'Email Opened' },
  { id: 'email_bounced', name: 'Email Bounced' },
  { id: 'email_account_added', name: 'Email Account Added' },
  { id: 'email_account_removed', name: 'Email Account Removed' },
  { id: 'email_account_disconnected', name: 'Email Account Disconnected' },
  { id: 'email_account_reconnected', name: 'Email Account Reconnected' },
  { id: 'tag_attached', name: 'Tag Attached' },
  { id: 'tag_removed', name: 'Tag Removed' },
  { id: 'warmup_disabled_receiving_bounces', name: 'Warmup Disabled Receiving Bounces' },
  { id: 'warmup_disabled_causing_bounces', name: 'Warmup Disabled Causing Bounces' },
] as const

export type EventId = (typeof EVENT_TYPES)[number]['id']
export type EventType = Uppercase<EventId>

const NAMES: ReadonlyMap<string, string> = new Map(
  EVENT_TYPES.map(({ id, name }) => [id.toUpperCase(), name]),
)

/** The label of a type; of one that cannot be subscribed to, made from its words. */
export function eventName(type: string): string {
  const words = type.toLowerCase().split('_')
  return NAMES.get(type) ?? words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join(' ')
}

export function isEventId(id: unknown): id is EventId {
  return EVENT_TYPES.some((known) => known.id === id)
}
