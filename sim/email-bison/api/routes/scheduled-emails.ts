import { findHistoryEmail } from '../../world/history-events.ts'
import { find } from '../../world/lookup.ts'
import type { Campaign, ScheduledEmail } from '../../world/model.ts'
import { type Answer, type Call, ok, type Routes } from '../call.ts'
import { notFound } from '../errors.ts'
import { emailListing } from '../listings.ts'
import { paginate } from '../pagination.ts'
import { dayFilter, filterText, idOf, idsIn } from '../query.ts'
import { emailRow } from '../rows.ts'

const show = (call: Call) => (email: ScheduledEmail) => emailRow(call.workspace, call.world, email)

/** A page of mails, all or a campaign's; only those that the vendor's events reach back to. */
export function emailPage(call: Call, campaign?: Campaign): Answer {
  const status = filterText(call, 'status')
  const senders = idsIn(call, 'sender_email_ids')
  const onDay = dayFilter(call, 'scheduled_date_local')
  const wanted = (email: ScheduledEmail): boolean =>
    (campaign === undefined || email.campaign === campaign) &&
    (status === null || email.status === status) &&
    (senders.length === 0 || senders.includes(email.sender.id)) &&
    onDay(email.scheduledAt)
  return paginate(call, emailListing(call.world, call.workspace, wanted), { show: show(call) })
}

export const scheduledEmailRoutes: Routes = {
  'GET /api/scheduled-emails': (call) => emailPage(call),
  'GET /api/scheduled-emails/:id': (call) => {
    const { world, workspace } = call
    const email = find(workspace.emails, idOf(call)) ?? findHistoryEmail(world, workspace, idOf(call))
    if (email === undefined) throw notFound()
    return ok(show(call)(email))
  },
}
