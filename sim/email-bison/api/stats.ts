import { totals, type Totals, type Window } from '../world/count.ts'
import { dayOf, formatDate } from '../world/days.ts'
import type { Campaign, World, Workspace } from '../world/model.ts'

/** The longest series of days that is drawn. */
const SERIES_DAYS_MAX = 366

function percent(part: number, whole: number): string {
  return whole === 0 ? '0' : String(Math.round((part / whole) * 10_000) / 100)
}

/** Every figure as a string, as the vendor writes them. */
export function statsOf({
  sent,
  contacted,
  opened,
  uniqueOpened,
  uniqueReplied,
  bounced,
  unsubscribed,
  interested,
}: Totals): Record<string, string> {
  return {
    emails_sent: String(sent),
    total_leads_contacted: String(contacted),
    opened: String(opened),
    opened_percentage: percent(opened, sent),
    unique_opens_per_contact: String(uniqueOpened),
    unique_opens_per_contact_percentage: percent(uniqueOpened, contacted),
    unique_replies_per_contact: String(uniqueReplied),
    unique_replies_per_contact_percentage: percent(uniqueReplied, contacted),
    bounced: String(bounced),
    bounced_percentage: percent(bounced, sent),
    unsubscribed: String(unsubscribed),
    unsubscribed_percentage: percent(unsubscribed, contacted),
    interested: String(interested),
    interested_percentage: percent(interested, uniqueReplied),
  }
}

/** As `statsOf`, and each step by itself: numbers there. How a step's share is found is made up: the first has most. */
export function campaignStats(world: World, workspace: Workspace, campaign: Campaign, window: Window) {
  const sum = totals(world, workspace, window, campaign)
  const shareOf = (step: number, of: number): number => {
    const follow = Math.floor(of / (campaign.steps.length + 1))
    return step === 0 ? of - follow * (campaign.steps.length - 1) : follow
  }
  const steps = campaign.steps.map(({ id, subject }, step) => ({
    sequence_step_id: id,
    email_subject: subject,
    sent: shareOf(step, sum.sent),
    leads_contacted: shareOf(step, sum.contacted),
    unique_opens: shareOf(step, sum.uniqueOpened),
    unique_replies: shareOf(step, sum.uniqueReplied),
    unsubscribed: shareOf(step, sum.unsubscribed),
    bounced: shareOf(step, sum.bounced),
    interested: shareOf(step, sum.interested),
  }))
  return { ...statsOf(sum), sequence_step_stats: steps }
}

const SERIES: readonly (readonly [label: string, color: string, of: (totals: Totals) => number])[] = [
  ['Replied', '#3a86ff', (sum) => sum.replied],
  ['Total Opens', '#ffbe0b', (sum) => sum.opened],
  ['Unique Opens', '#fb5607', (sum) => sum.uniqueOpened],
  ['Sent', '#8338ec', (sum) => sum.sent],
  ['Bounced', '#ff006e', (sum) => sum.bounced],
  ['Unsubscribed', '#6c757d', (sum) => sum.unsubscribed],
  ['Interested', '#06d6a0', (sum) => sum.interested],
]

/** A series a figure: `{label, color, dates: [["2025-04-14", 7], …]}`. Numbers here. */
export function lineArea(
  world: World,
  workspace: Workspace,
  window: Window,
  campaigns?: readonly Campaign[],
) {
  const to = Math.min(
    window.to,
    window.from + SERIES_DAYS_MAX,
    dayOf(world.clock.now(), world.settings.timeZone),
  )
  const days: [date: string, sums: Totals[]][] = []
  for (let day = window.from; day <= to; day++) {
    const one = { from: day, to: day }
    const sums = campaigns?.map((campaign) => totals(world, workspace, one, campaign)) ?? [
      totals(world, workspace, one),
    ]
    days.push([formatDate(day), sums])
  }
  return SERIES.map(([label, color, of]) => ({
    label,
    color,
    dates: days.map(([date, sums]) => [date, sums.reduce((all, sum) => all + of(sum), 0)]),
  }))
}
