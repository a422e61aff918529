import { DAY_MS } from '../world/days.ts'
import { makeHistoryDay, type MadeDay } from '../world/history-events.ts'
import { lowerBound } from '../world/lookup.ts'
import type { BisonEvent, ScheduledEmail, World, Workspace } from '../world/model.ts'
import type { Listing } from './pagination.ts'

/** Of a list in order of id. */
export function listing<Row extends { readonly id: number }>(
  list: readonly Row[],
  wanted: (row: Row) => boolean = () => true,
): Listing<Row> {
  return {
    *rows(before) {
      const from = before === undefined ? list.length : lowerBound(list, before)
      for (let i = from - 1; i >= 0; i--) {
        const row = list[i] as Row
        if (wanted(row)) yield row
      }
    },
    total: () => list.reduce((sum, row) => sum + (wanted(row) ? 1 : 0), 0),
  }
}

/** What happened since the world began, then, day by day, what is made up of before. */
function withHistory<Row extends { readonly id: number }>(
  world: World,
  workspace: Workspace,
  live: Listing<Row>,
  pick: (day: MadeDay) => readonly Row[],
  wanted: (row: Row) => boolean,
  since: number,
): Listing<Row> {
  const kept = workspace.history.filter(
    ({ day, firstEventId }) => firstEventId > 0 && (day + 1) * DAY_MS > since,
  )
  const self: Listing<Row> = {
    *rows(before) {
      yield* live.rows(before)
      for (const day of kept.toReversed())
        yield* listing(pick(makeHistoryDay(world, workspace, day)), wanted).rows(before)
    },
    total() {
      let total = 0
      for (const _ of self.rows(undefined)) total++
      return total
    },
  }
  return self
}

/** The events of one workspace that the vendor still has, from `since` on. */
export function eventListing(
  world: World,
  workspace: Workspace,
  since: number,
  wanted: (event: BisonEvent) => boolean,
): Listing<BisonEvent> {
  const mine = (event: BisonEvent): boolean => event.workspace === workspace && wanted(event)
  const live = listing(world.events, mine)
  return withHistory(world, workspace, live, ({ events }) => events, wanted, since)
}

/** The mails of one workspace, as far back as its events. */
export function emailListing(
  world: World,
  workspace: Workspace,
  wanted: (email: ScheduledEmail) => boolean,
): Listing<ScheduledEmail> {
  const live = listing(workspace.emails, wanted)
  const since = world.clock.now() - world.settings.eventDays * DAY_MS
  return withHistory(world, workspace, live, ({ emails }) => emails, wanted, since)
}
