import type { Random } from '../../monday/world/random.ts'
import { isWorkingDay } from './days.ts'
import { share } from './hash.ts'
import { takeIds } from './lookup.ts'
import type { Campaign, DayTally, Sender, World } from './model.ts'
import { campaignName } from './names.ts'

/** Mails that a mailbox sends on a working day: 4,000 of them make the 32,000 a day of a real estate. */
const PER_MAILBOX = 8
const SUBJECTS = ['Quick question about your coverage', 'Following up', 'One last note']
const ZONES = ['America/New_York', 'America/Chicago', 'America/Denver']

export function createCampaigns(
  world: World,
  random: Random,
  senders: readonly Sender[],
  { count, at }: { count: number; at: number },
): Campaign[] {
  return Array.from({ length: count }, (_, index) =>
    createCampaign(world, {
      name: campaignName(index),
      planPerDay: Math.round((senders.length * PER_MAILBOX) / count),
      openTracking: index % 4 === 3,
      includeAutoReplies: index % 4 !== 2,
      senderIds: senders
        .filter((_sender, i) => i % count === index || random.chance(0.2))
        .map((sender) => sender.id),
      timezone: ZONES[index % ZONES.length] ?? 'UTC',
      createdAt: at,
    }),
  )
}

export function createCampaign(
  world: World,
  given: Partial<Campaign> & { name: string; createdAt: number },
): Campaign {
  return {
    id: takeIds(world, 'campaign'),
    status: 'active',
    planPerDay: 0,
    scheduled: new Map(),
    steps: SUBJECTS.map((subject) => ({ id: takeIds(world, 'step'), subject })),
    openTracking: false,
    includeAutoReplies: true,
    senderIds: [],
    tagIds: [],
    timezone: 'America/Chicago',
    unscheduled: false,
    days: new Map(),
    updatedAt: given.createdAt,
    ...given,
  }
}

/** Mails that the campaign means to send on a day, sent or not; nothing at weekends or when it is not active. */
export function scheduledOn(world: World, campaign: Campaign, day: number): number {
  if (campaign.status !== 'active') return 0
  return campaign.scheduled.get(day) ?? plannedOn(world, campaign, day)
}

/** What an active campaign sends on a day, whatever its state is now. */
export function plannedOn({ settings }: World, campaign: Campaign, day: number): number {
  if (!settings.weekends && !isWorkingDay(day)) return 0
  return Math.round(campaign.planPerDay * (0.85 + 0.3 * share(campaign.id, day)))
}

export function emptyTally(): DayTally {
  return { sent: 0, contacted: 0, opened: 0, uniqueOpened: 0, bounced: 0, unsubscribed: 0 }
}

export function tallyOn(campaign: Campaign, day: number): DayTally {
  let tally = campaign.days.get(day)
  if (tally === undefined) campaign.days.set(day, (tally = emptyTally()))
  return tally
}
