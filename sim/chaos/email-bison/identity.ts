import { type Json, type JsonObject, jsonText } from '../../../src/engine/observation.ts'
import { INSTANCE } from './app.ts'

const part = (value: Json | undefined): JsonObject => (value ?? {}) as JsonObject

/** What makes two deliveries one event, told from the vendor's side; undefined where nothing in the body does. */
export function identityOf(payload: JsonObject): string | undefined {
  const event = part(payload['event'])
  const data = part(payload['data'])
  const type = jsonText(event['type']).toLowerCase()
  if (type.startsWith('tag_')) return undefined
  return `${INSTANCE}/${jsonText(event['workspace_id'])}/${type}/${idsOf(type, data).join('/')}`
}

const OF_REPLIES = new Set(['lead_replied', 'lead_interested', 'untracked_reply_received', 'email_bounced'])

function idsOf(type: string, data: JsonObject): string[] {
  const { sender_email: sender, reply, scheduled_email: mail, campaign_event: happening } = data
  // The vendor tells no more than the second in which something happened to a mailbox.
  if (/^(email_account|warmup)_/.test(type))
    return [`account:${jsonText(part(sender)['id'])}`, jsonText(part(sender)['updated_at'])]
  const ofReply = reply === undefined ? [] : [`reply:${jsonText(part(reply)['uuid'])}`]
  if (OF_REPLIES.has(type)) return ofReply
  return [
    ...(part(mail)['id'] === undefined ? [] : [`mail:${jsonText(part(mail)['id'])}`]),
    ...(part(happening)['id'] === undefined ? [] : [`event:${jsonText(part(happening)['id'])}`]),
    ...ofReply,
  ]
}
