import { find } from '../../world/lookup.ts'
import type { Campaign, Lead } from '../../world/model.ts'
import { type Answer, type Call, ok, type Routes } from '../call.ts'
import { notFound } from '../errors.ts'
import { emailListing, listing } from '../listings.ts'
import { paginate } from '../pagination.ts'
import { dayFilter, filterText, idsIn } from '../query.ts'
import { emailRow, leadRow } from '../rows.ts'
import { replyPage } from './replies.ts'

/** By id or by address. */
function leadIn(call: Call): Lead {
  const key = decodeURIComponent(call.params['id'] ?? '')
  const { leads } = call.workspace
  const lead = key.includes('@') ? leads.find(({ email }) => email === key) : find(leads, Number(key))
  if (lead === undefined) throw notFound()
  return lead
}

/** A page of leads, all or a campaign's. */
export function leadPage(call: Call, campaign?: Campaign): Answer {
  const updated = dayFilter(call, 'updated_at')
  const created = dayFilter(call, 'created_at')
  const status = filterText(call, 'lead_campaign_status')
  const search = call.query.get('search')?.toLowerCase()
  const tags = idsIn(call, 'tag_ids')
  const wanted = (lead: Lead): boolean =>
    (campaign === undefined || lead.campaigns.some(({ campaignId }) => campaignId === campaign.id)) &&
    updated(lead.updatedAt) &&
    created(lead.createdAt) &&
    (status === null || lead.campaigns.some((part) => part.status === status)) &&
    (search === undefined ||
      `${lead.firstName} ${lead.lastName} ${lead.email}`.toLowerCase().includes(search)) &&
    tags.every((id) => lead.tagIds.includes(id))
  const show = (lead: Lead) => leadRow(call.workspace, call.world, lead)
  return paginate(call, listing(call.workspace.leads, wanted), { show })
}

export const leadRoutes: Routes = {
  'GET /api/leads': (call) => leadPage(call),
  'GET /api/leads/:id': (call) => ok(leadRow(call.workspace, call.world, leadIn(call))),
  'GET /api/leads/:id/replies': (call) => {
    const lead = leadIn(call)
    return replyPage(call, undefined, lead)
  },
  'GET /api/leads/:id/scheduled-emails': (call) => {
    const lead = leadIn(call)
    const rows = emailListing(call.world, call.workspace, (email) => email.lead === lead)
    return paginate(call, rows, { show: (email) => emailRow(call.workspace, call.world, email) })
  },
}
