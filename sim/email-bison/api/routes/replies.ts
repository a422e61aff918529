import { find } from '../../world/lookup.ts'
import type { Campaign, Lead, Reply } from '../../world/model.ts'
import { type Answer, type Call, ok, outcome, type Routes } from '../call.ts'
import { invalid, notFound } from '../errors.ts'
import { listing } from '../listings.ts'
import { paginate } from '../pagination.ts'
import { filterText, idOf } from '../query.ts'
import { replyRow } from '../rows.ts'

function replyIn(call: Call): Reply {
  const reply = find(call.workspace.replies, idOf(call))
  if (reply === undefined) throw notFound()
  return reply
}

const show = (call: Call) => (reply: Reply) => replyRow(call.workspace, call.world, reply)

const STATUS: Readonly<Record<string, (reply: Reply) => boolean>> = {
  interested: (reply) => reply.interested,
  automated_reply: (reply) => reply.automated,
  not_automated_reply: (reply) => !reply.automated,
}

/** There is no filter by time: who wants the new ones reads from the newest down to the last they know. */
export function replyPage(call: Call, campaign?: Campaign, lead?: Lead): Answer {
  const status = filterText(call, 'status')
  const folder = filterText(call, 'folder') ?? 'all'
  const read = filterText(call, 'read')
  const search = call.query.get('search')?.toLowerCase()
  const hasStatus = status === null ? () => true : STATUS[status]
  if (hasStatus === undefined) throw invalid({ status: 'The selected status is invalid.' })
  const equals = (name: string, value: number | undefined): boolean => {
    const asked = filterText(call, name)
    return asked === null || Number(asked) === value
  }
  const wanted = (reply: Reply): boolean =>
    (campaign === undefined || reply.campaign === campaign) &&
    (lead === undefined || reply.lead === lead) &&
    hasStatus(reply) &&
    (folder === 'all' || reply.folder.toLowerCase() === folder) &&
    (read === null || reply.read === (read === 'true' || read === '1')) &&
    equals('campaign_id', reply.campaign?.id) &&
    equals('sender_email_id', reply.sender.id) &&
    equals('lead_id', reply.lead?.id) &&
    (search === undefined || `${reply.subject} ${reply.lead?.email ?? ''}`.toLowerCase().includes(search))
  return paginate(call, listing(call.workspace.replies, wanted), { show: show(call), perPage: true })
}

/** Mails of the same conversation, both ways. */
function thread(call: Call): Answer {
  const current = replyIn(call)
  const others = call.workspace.replies.filter(
    (reply) => reply !== current && current.lead !== null && reply.lead === current.lead,
  )
  const rows = (list: readonly Reply[]) => list.map(show(call))
  return ok({
    current_reply: show(call)(current),
    older_messages: rows(others.filter(({ id }) => id < current.id).toReversed()),
    newer_messages: rows(others.filter(({ id }) => id > current.id)),
  })
}

/** 200 says that the mail is queued, not that it went out. */
function answer(call: Call): Answer {
  const reply = replyIn(call)
  const { message, sender_email_id: senderId } = call.body
  const errors: Record<string, string> = {}
  if (typeof message !== 'string' || message === '') errors['message'] = 'The message field is required.'
  const sender = find(call.workspace.senders, Number(senderId))
  if (senderId === undefined) errors['sender_email_id'] = 'The sender email id field is required.'
  else if (sender?.status !== 'Connected')
    errors['sender_email_id'] = 'The selected sender email id is invalid.'
  if (Object.keys(errors).length > 0 || sender === undefined) throw invalid(errors)
  call.queueSend(call.workspace, { replyId: reply.id, senderId: sender.id, text: String(message) })
  return outcome(true, 'Successfully added reply to the queue.')
}

export const replyRoutes: Routes = {
  'GET /api/replies': (call) => replyPage(call),
  'GET /api/replies/:id': (call) => ok(show(call)(replyIn(call))),
  'GET /api/replies/:id/conversation-thread': thread,
  'PATCH /api/replies/:id/mark-as-interested': (call) =>
    ok(show(call)(call.acts.interested(call.workspace.id, { reply: replyIn(call).id }))),
  'PATCH /api/replies/:id/mark-as-not-interested': (call) =>
    ok(show(call)(call.acts.notInterested(call.workspace.id, { reply: replyIn(call).id }))),
  'POST /api/replies/:id/reply': answer,
}
