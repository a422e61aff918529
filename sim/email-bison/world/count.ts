import { dayStart } from './days.ts'
import type { Campaign, DayTally, World, Workspace } from './model.ts'

/** An inclusive window of days in the vendor's calendar. */
export interface Window {
  readonly from: number
  readonly to: number
}

export interface Totals extends DayTally {
  replied: number
  uniqueReplied: number
  interested: number
}

/** What the vendor's statistics say of a window: of all campaigns, or of one. */
export function totals(world: World, workspace: Workspace, window: Window, campaign?: Campaign): Totals {
  const sum: Totals = {
    sent: 0,
    contacted: 0,
    opened: 0,
    uniqueOpened: 0,
    bounced: 0,
    unsubscribed: 0,
    ...replyTotals(world, workspace, window, campaign),
  }
  for (const each of campaign === undefined ? workspace.campaigns : [campaign]) {
    for (const [day, tally] of each.days) if (day >= window.from && day <= window.to) add(sum, tally)
  }
  return sum
}

function add(sum: Totals, tally: DayTally): void {
  sum.sent += tally.sent
  sum.contacted += tally.contacted
  sum.opened += tally.opened
  sum.uniqueOpened += tally.uniqueOpened
  sum.bounced += tally.bounced
  sum.unsubscribed += tally.unsubscribed
}

/**
 * Replies by when they came, each lead once; interest by when it was shown, and only while it stands. That taking it
 * back lowers the figure of the day on which it was shown is an assumption.
 */
function replyTotals(world: World, workspace: Workspace, { from, to }: Window, campaign?: Campaign) {
  const { timeZone } = world.settings
  const [start, end] = [dayStart(from, timeZone), dayStart(to + 1, timeZone)]
  const leads = new Set<number>()
  const interested = new Set<number>()
  let replied = 0
  for (const reply of workspace.replies) {
    if (reply.lead === null || (campaign !== undefined && reply.campaign !== campaign)) continue
    if (
      reply.interestedAt !== null &&
      reply.interested &&
      reply.interestedAt >= start &&
      reply.interestedAt < end
    )
      interested.add(reply.lead.id)
    if (reply.createdAt < start || reply.createdAt >= end || !reply.counted) continue
    replied++
    leads.add(reply.lead.id)
  }
  return { replied, uniqueReplied: leads.size, interested: interested.size }
}
