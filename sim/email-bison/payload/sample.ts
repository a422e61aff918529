import { timestamp } from '../world/days.ts'
import { type EventId, eventName } from '../world/event-types.ts'
import type { World, Workspace } from '../world/model.ts'
import type { Payload } from './payload.ts'

/** What the vendor shows of a type, and posts as a test: the shape of an event about nothing that exists. */
export function samplePayload(world: World, workspace: Workspace, id: EventId): Payload {
  const type = id.toUpperCase()
  const at = timestamp(world.startedAt)
  const sender = {
    id: 3,
    name: 'Sample Sender',
    email: 'sample@mail.test',
    status: 'connected',
    created_at: at,
  }
  const mail = {
    scheduled_email: { id: 4, lead_id: 1, email_subject: 'test', status: 'sent', sent_at: at },
    campaign_event: { id: 6, type: 'sent', created_at: at },
    lead: { id: 1, email: 'sample@prospects.test', first_name: 'Sample', last_name: 'Lead' },
    campaign: { id: 2, name: 'test' },
    sender_email: sender,
  }
  const reply = {
    id: 5,
    uuid: '00000000-0000-4000-a000-000000000000',
    email_subject: 'Re: test',
    date_received: at,
  }
  const data = (): Record<string, unknown> => {
    if (id.startsWith('tag_'))
      return { tag_id: 1, tag_name: 'Interested', taggable_id: 20, taggable_type: 'Campaign' }
    if (id.startsWith('email_account_') || id.startsWith('warmup_')) return { sender_email: sender }
    if (id === 'untracked_reply_received') return { reply, sender_email: sender }
    return ['lead_replied', 'lead_interested', 'email_bounced', 'manual_email_sent'].includes(id)
      ? { reply, ...mail }
      : mail
  }
  const where = { instance_url: world.origin, workspace_id: workspace.id, workspace_name: workspace.name }
  return { event: { type, name: eventName(type), ...where }, data: data() }
}
