import type { Queryable } from '../db/database.ts'
import type { Observation } from '../engine/observation.ts'
import { rowTime } from '../engine/read-time.ts'
import { type Stamp, stamp } from '../engine/stamp.ts'
import { type FetchedRow, type Page, ROW, type Stream } from '../sources/contract.ts'

/** When a fetch began, on the database's clock, and its arrival number. */
export interface Arrival {
  /** Microseconds. */
  readonly seen: number
  readonly n: number
}

/** Numbers a fetch before it is sent. */
export async function arrive(db: Queryable): Promise<Arrival> {
  const { rows } = await db.query<Arrival>(
    `select (extract(epoch from clock_timestamp()) * 1000000)::bigint as seen, nextval('lockstep.arrival') as n`,
  )
  return rows[0] as Arrival
}

/** What a page's rows say, stamped by the rule in `engine/read-time.ts`. */
export function observePage(stream: Stream, part: string, page: Page, { seen, n }: Arrival): Observation[] {
  const live = stamp({ at: page.floor, seen, n })
  return page.rows.map((row) => {
    if (row.gone === true)
      return { table: stream.table, key: row.key, kind: 'delete', stamp: live, values: {} }
    return part === ROW
      ? observeRow(stream.table, row, page, live, { seen, n })
      : observePart(stream.table, row, live)
  })
}

/** A key that the vendor, asked for it by name, does not have. */
export function observeAbsence(stream: Stream, key: string, page: Page, { seen, n }: Arrival): Observation {
  return { table: stream.table, key, kind: 'delete', stamp: stamp({ at: page.floor, seen, n }), values: {} }
}

function observeRow(
  table: string,
  row: FetchedRow,
  page: Page,
  live: Stamp,
  { seen, n }: Arrival,
): Observation {
  const at = rowTime(page.floor, row.updatedAt, page.granule)
  const own = Object.fromEntries((row.live ?? []).map((register) => [register, live]))
  const observation: Observation = {
    table,
    key: row.key,
    kind: 'row',
    stamp: stamp({ at, seen, n }),
    values: row.values,
    stamps: own,
    deleted: row.deleted ?? false,
    ...(row.extra === undefined ? {} : { extra: row.extra }),
    ...(row.omitted === undefined ? {} : { omitted: row.omitted }),
  }
  return row.updatedAt === undefined
    ? observation
    : { ...observation, unchangedSince: row.updatedAt + page.granule }
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
