import type { Queryable } from '../db/database.ts'
import { DELETED, type Observation } from '../engine/observation.ts'
import { rowTime, stateTime } from '../engine/read-time.ts'
import { type Stamp, stamp } from '../engine/stamp.ts'
import { type FetchedRow, type Page, ROW, type Stream } from '../sources/contract.ts'

/** When a fetch began, on the database's clock, and its arrival number. */
export interface Arrival {
  /** Microseconds. */
  readonly seen: number
  readonly n: number
}

/** The database's clock as it was last seen: where somebody sets it back, no later read counts as an earlier one. */
const latest = new WeakMap<Queryable, number>()

/** Numbers a fetch before it is sent. */
export async function arrive(db: Queryable): Promise<Arrival> {
  const { rows } = await db.query<Arrival>(
    `select (extract(epoch from clock_timestamp()) * 1000000)::bigint as seen, nextval('lockstep.arrival') as n`,
  )
  const { seen, n } = rows[0] as Arrival
  const arrival = { seen: Math.max(seen, latest.get(db) ?? 0), n }
  latest.set(db, arrival.seen)
  return arrival
}

/**
 * What a page's rows say, stamped by the rules in `engine/read-time.ts`.
 *
 * @param isNew nothing of the stream is here yet: then it is of no use that the vendor says since when rows are unchanged
 */
export function observePage(
  stream: Stream,
  part: string,
  page: Page,
  arrival: Arrival,
  isNew = false,
): Observation[] {
  const stamps = readStamps(page, arrival)
  return page.rows.map((row) => {
    if (row.gone === true) return absence(stream, row.key, stamps)
    if (part !== ROW) return observePart(stream.table, row, stamps.live)
    const observation = observeRow(stream.table, row, page, stamps, arrival)
    return isNew || row.updatedAt === undefined
      ? observation
      : { ...observation, unchangedSince: row.updatedAt + page.granule }
  })
}

/** A key that the vendor, asked for it by name, does not have. */
export const observeAbsence = (stream: Stream, key: string, page: Page, arrival: Arrival): Observation =>
  absence(stream, key, readStamps(page, arrival))

interface ReadStamps {
  /** Of values that are computed when read. */
  readonly live: Stamp
  /** Of whether a row is there. */
  readonly state: Stamp
}

const readStamps = ({ floor }: Page, { seen, n }: Arrival): ReadStamps => ({
  live: stamp({ at: floor, seen, n }),
  state: stamp({ at: stateTime(floor), seen, n }),
})

const absence = (stream: Stream, key: string, { state }: ReadStamps): Observation => ({
  table: stream.table,
  key,
  kind: 'delete',
  stamp: state,
  values: {},
})

function observeRow(
  table: string,
  row: FetchedRow,
  page: Page,
  { live, state }: ReadStamps,
  { seen, n }: Arrival,
): Observation {
  const at = row.undated === true ? stateTime(page.floor) : rowTime(page.floor, row.updatedAt, page.granule)
  const own = Object.fromEntries((row.live ?? []).map((register) => [register, live]))
  return {
    table,
    key: row.key,
    kind: 'row',
    stamp: stamp({ at, seen, n }),
    values: row.values,
    stamps: { ...own, [DELETED]: state },
    deleted: row.deleted ?? false,
    ...(row.extra === undefined ? {} : { extra: row.extra }),
    ...(row.omitted === undefined ? {} : { omitted: row.omitted }),
  }
}

/** A part (formulas) is computed when it is read, so it stands for the time of the read. */
const observePart = (table: string, row: FetchedRow, live: Stamp): Observation => ({
  table,
  key: row.key,
  kind: 'fields',
  stamp: live,
  values: row.values,
  ...(row.extra === undefined ? {} : { extra: row.extra }),
})
