import { find } from '../../world/lookup.ts'
import type { Sender } from '../../world/model.ts'
import { type Answer, type Call, ok, outcome, type Routes } from '../call.ts'
import { invalid, notFound } from '../errors.ts'
import { listing } from '../listings.ts'
import { paginate } from '../pagination.ts'
import { filterText, idOf, idsIn, windowOf } from '../query.ts'
import { senderRow, tagRow } from '../rows.ts'

function senderIn(call: Call): Sender {
  const sender = find(call.workspace.senders, idOf(call))
  if (sender === undefined) throw notFound()
  return sender
}

function list(call: Call, show: (sender: Sender) => unknown): Answer {
  const search = call.query.get('search')?.toLowerCase()
  const status = filterText(call, 'status')?.toLowerCase()
  const tags = idsIn(call, 'tag_ids')
  const excluded = idsIn(call, 'excluded_tag_ids')
  const untagged = ['1', 'true'].includes(filterText(call, 'without_tags') ?? '')
  const wanted = (sender: Sender): boolean =>
    (search === undefined || `${sender.name} ${sender.email}`.toLowerCase().includes(search)) &&
    (status === undefined || sender.status.toLowerCase() === status) &&
    tags.every((id) => sender.tagIds.includes(id)) &&
    !excluded.some((id) => sender.tagIds.includes(id)) &&
    (!untagged || sender.tagIds.length === 0)
  return paginate(call, listing(call.workspace.senders, wanted), { show })
}

function patch(call: Call): Answer {
  const sender = senderIn(call)
  const { daily_limit: limit, name } = call.body
  if (limit !== undefined && (!Number.isInteger(limit) || Number(limit) < 0))
    throw invalid({ daily_limit: 'The daily limit field must be an integer.' })
  if (limit !== undefined) sender.dailyLimit = Number(limit)
  if (typeof name === 'string') sender.name = name
  sender.updatedAt = call.world.clock.now()
  call.world.version++
  return ok(senderRow(call.workspace, sender))
}

/** Warm-up figures are made from the lifetime counters. */
function warmupRow({ id, email, name, warmupEnabled, sent }: Sender) {
  const received = Math.round(sent * 0.8)
  return {
    id,
    email,
    name,
    warmup_enabled: warmupEnabled,
    warmup_emails_sent: sent,
    warmup_replies_received: received,
    warmup_emails_saved_from_spam: Math.round(received * 0.05),
    warmup_score: warmupEnabled ? 95 : 0,
    warmup_bounces_received_count: 0,
    warmup_bounces_caused_count: 0,
  }
}

export const senderRoutes: Routes = {
  'GET /api/sender-emails': (call) => list(call, (sender) => senderRow(call.workspace, sender)),
  'GET /api/sender-emails/:id': (call) => ok(senderRow(call.workspace, senderIn(call))),
  'PATCH /api/sender-emails/:id': patch,
  'DELETE /api/sender-emails/:id': (call) => {
    call.acts.accountRemoved(call.workspace.id, { sender: senderIn(call).id })
    return outcome(true, 'Email account deleted successfully.')
  },
  'GET /api/warmup/sender-emails': (call) => {
    windowOf(call.query)
    return list(call, warmupRow)
  },
  'GET /api/tags': ({ workspace }) => ok(workspace.tags.map(tagRow)),
}
