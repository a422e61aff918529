import { scheduledOn } from '../../world/campaigns.ts'
import { dayOf } from '../../world/days.ts'
import { find } from '../../world/lookup.ts'
import type { Campaign, CampaignStatus } from '../../world/model.ts'
import { campaignRow } from '../campaign-row.ts'
import { type Answer, type Call, ok, outcome, type Routes } from '../call.ts'
import { invalid, notFound } from '../errors.ts'
import { listing } from '../listings.ts'
import { paginate } from '../pagination.ts'
import { filterText, idOf, idsIn, windowOf } from '../query.ts'
import { senderRow } from '../rows.ts'
import { campaignStats, lineArea } from '../stats.ts'
import { emailPage } from './scheduled-emails.ts'
import { leadPage } from './leads.ts'
import { replyPage } from './replies.ts'

export function campaignIn(call: Call): Campaign {
  const campaign = find(call.workspace.campaigns, idOf(call))
  if (campaign === undefined) throw notFound()
  return campaign
}

const row = (call: Call) => (campaign: Campaign) => campaignRow(call.world, call.workspace, campaign)

function list(call: Call): Answer {
  const search = call.query.get('search')?.toLowerCase()
  const status = filterText(call, 'status')?.toLowerCase()
  const tags = idsIn(call, 'tag_ids')
  const wanted = (campaign: Campaign): boolean =>
    (search === undefined || campaign.name.toLowerCase().includes(search)) &&
    (status === undefined || campaign.status === status) &&
    tags.every((id) => campaign.tagIds.includes(id))
  return paginate(call, listing(call.workspace.campaigns, wanted), { show: row(call) })
}

const DAYS: Readonly<Record<string, number>> = { today: 0, tomorrow: 1, day_after_tomorrow: 2 }
/** These rows tell a campaign's status as a number; what the numbers mean is not documented. */
const STATUS_NUMBERS: Readonly<Partial<Record<CampaignStatus, number>>> = {
  draft: 0,
  launching: 1,
  active: 2,
  paused: 5,
}
const NOTHING_SCHEDULED = outcome(false, 'No emails scheduled for this period', 400)

function scheduleRows(call: Call, campaigns: readonly Campaign[]) {
  const ahead = DAYS[call.query.get('day') ?? '']
  if (ahead === undefined) throw invalid({ day: 'The selected day is invalid.' })
  const { world } = call
  const day = dayOf(world.clock.now(), world.settings.timeZone) + ahead
  return campaigns.flatMap((campaign) => {
    const emails = scheduledOn(world, campaign, day)
    const status = STATUS_NUMBERS[campaign.status] ?? 9
    return emails === 0
      ? []
      : [{ campaign_id: campaign.id, emails_being_sent: emails, status, campaign: row(call)(campaign) }]
  })
}

function pause(campaign: Campaign, call: Call, status: CampaignStatus): Answer {
  campaign.status = status
  campaign.updatedAt = call.world.clock.now()
  call.world.version++
  return ok(row(call)(campaign))
}

export const campaignRoutes: Routes = {
  'GET /api/campaigns': list,
  /** Of every campaign that sends on the day: scheduled, not sent. */
  'GET /api/campaigns/sending-schedules': (call) => {
    const rows = scheduleRows(call, call.workspace.campaigns)
    return rows.length === 0 && call.world.settings.emptySchedules === '400' ? NOTHING_SCHEDULED : ok(rows)
  },
  'GET /api/campaigns/:id': (call) => ok(row(call)(campaignIn(call))),
  'GET /api/campaigns/:id/sending-schedule': (call) => {
    const [only] = scheduleRows(call, [campaignIn(call)])
    return only === undefined ? NOTHING_SCHEDULED : ok(only)
  },
  'POST /api/campaigns/:id/stats': (call) =>
    ok(campaignStats(call.world, call.workspace, campaignIn(call), windowOf(call.body))),
  'GET /api/campaigns/:id/line-area-chart-stats': (call) =>
    ok(lineArea(call.world, call.workspace, windowOf(call.query), [campaignIn(call)])),
  'GET /api/campaigns/:id/replies': (call) => replyPage(call, campaignIn(call)),
  'GET /api/campaigns/:id/leads': (call) => leadPage(call, campaignIn(call)),
  'GET /api/campaigns/:id/scheduled-emails': (call) => emailPage(call, campaignIn(call)),
  'GET /api/campaigns/:id/sender-emails': (call) => {
    const ids = new Set(campaignIn(call).senderIds)
    const rows = listing(call.workspace.senders, ({ id }) => ids.has(id))
    return paginate(call, rows, { show: (sender) => senderRow(call.workspace, sender) })
  },
  'GET /api/campaigns/:id/schedule': (call) => {
    const { id, timezone, unscheduled } = campaignIn(call)
    // How this is refused is an assumption; that some have none is not.
    if (unscheduled) return outcome(false, 'This campaign has no schedule', 400)
    const working = { monday: true, tuesday: true, wednesday: true, thursday: true, friday: true }
    const times = { start_time: '09:00:00', end_time: '17:00:00', timezone }
    return ok({ id, ...working, saturday: false, sunday: false, ...times })
  },
  'PATCH /api/campaigns/:id/pause': (call) => pause(campaignIn(call), call, 'paused'),
  'PATCH /api/campaigns/:id/resume': (call) => pause(campaignIn(call), call, 'active'),
  'GET /api/campaign-events/stats': (call) => {
    const ids = idsIn(call, 'campaign_ids')
    const campaigns = call.workspace.campaigns.filter(({ id }) => ids.length === 0 || ids.includes(id))
    return ok(lineArea(call.world, call.workspace, windowOf(call.query), campaigns))
  },
}
