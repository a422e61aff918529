import { payloadOf, type Payload } from '../payload/payload.ts'
import { DAY_MS, dayStart } from './days.ts'
import { uuidOf } from './hash.ts'
import { makeHistoryDay } from './history-events.ts'
import { workspaceOf } from './lookup.ts'
import type { BisonEvent, HistoryDay, World, Workspace } from './model.ts'

/** A happening, as a recount needs it. Each is here once, however often it was delivered. */
export interface TruthEvent {
  readonly id: number
  readonly uuid: string
  readonly workspaceId: number
  /** UPPER_SNAKE. */
  readonly type: string
  /** Milliseconds, exact; the vendor's JSON has whole seconds. */
  readonly at: number
  /** `{event, data}` as delivered, but for the case of its type. */
  readonly payload: Payload
}

/** Events by kind, in `[from, to)`. */
export interface TruthCounts {
  sent: number
  firstContacted: number
  opened: number
  replied: number
  interested: number
  bounced: number
  unsubscribed: number
}

const COUNTED: Readonly<Record<string, keyof TruthCounts>> = {
  EMAIL_SENT: 'sent',
  LEAD_FIRST_CONTACTED: 'firstContacted',
  EMAIL_OPENED: 'opened',
  LEAD_REPLIED: 'replied',
  LEAD_INTERESTED: 'interested',
  EMAIL_BOUNCED: 'bounced',
  LEAD_UNSUBSCRIBED: 'unsubscribed',
}

/** What a recount that trusts neither the API nor the deliveries is made from. */
export interface Truth {
  /** Of each workspace oldest first, history included as far back as the vendor kept events when the world began. */
  events(range?: { workspaceId?: number; from?: number; to?: number }): Generator<TruthEvent>
  /** Moments in milliseconds. Days older than the vendor keeps events for count where they lie in the range whole. */
  counts(workspaceId: number, from: number, to: number): TruthCounts
}

export function createTruth(world: World): Truth {
  return {
    *events({ workspaceId, from = 0, to = Number.POSITIVE_INFINITY } = {}) {
      const one = workspaceId === undefined ? undefined : workspaceOf(world, workspaceId)
      for (const event of eventsBetween(world, one, from, to)) yield truthOf(world, event)
    },
    counts(workspaceId, from, to) {
      const workspace = workspaceOf(world, workspaceId)
      const counts = emptyCounts()
      for (const day of workspace.history) {
        if (day.firstEventId === 0 && isWhole(world, day, from, to)) countOldDay(workspace, day, counts)
      }
      for (const { type } of eventsBetween(world, workspace, from, to)) {
        const key = COUNTED[type]
        if (key !== undefined) counts[key]++
      }
      return counts
    },
  }
}

export function truthOf(world: World, event: BisonEvent): TruthEvent {
  return {
    id: event.id,
    uuid: uuidOf(world.seed, 5, event.id),
    workspaceId: event.workspace.id,
    type: event.type,
    at: event.at,
    payload: payloadOf(world, event),
  }
}

function* eventsBetween(
  world: World,
  one: Workspace | undefined,
  from: number,
  to: number,
): Generator<BisonEvent> {
  const within = ({ at }: BisonEvent): boolean => at >= from && at < to
  const workspaces = one === undefined ? world.workspaces : [one]
  const days = workspaces
    .flatMap((workspace) => workspace.history.map((day) => ({ workspace, day })))
    .filter(({ day }) => day.firstEventId > 0 && day.until >= from && day.day * DAY_MS < to)
    .sort((a, b) => a.day.day - b.day.day)
  for (const { workspace, day } of days) yield* makeHistoryDay(world, workspace, day).events.filter(within)
  for (const event of world.events)
    if ((one === undefined || event.workspace === one) && within(event)) yield event
}

function emptyCounts(): TruthCounts {
  return { sent: 0, firstContacted: 0, opened: 0, replied: 0, interested: 0, bounced: 0, unsubscribed: 0 }
}

function isWhole(world: World, { day }: HistoryDay, from: number, to: number): boolean {
  const { timeZone } = world.settings
  return dayStart(day, timeZone) >= from && dayStart(day + 1, timeZone) <= to
}

function countOldDay(workspace: Workspace, day: HistoryDay, counts: TruthCounts): void {
  for (const { tally } of day.campaigns) {
    counts.sent += tally.sent
    counts.firstContacted += tally.contacted
    counts.opened += tally.opened
    counts.bounced += tally.bounced
    counts.unsubscribed += tally.unsubscribed
  }
  for (const reply of workspace.replies.slice(...day.replies)) {
    if (reply.counted) counts.replied++
    if (reply.interestedBefore !== null) counts.interested++
  }
}
