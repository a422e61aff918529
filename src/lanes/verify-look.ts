import { sqlState } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import { SETTLE_MS } from '../engine/read-time.ts'
import { compareRows, type RowDifference, type TheirRow } from '../mirror/compare.ts'
import { type FetchedRow, type Page, ROW } from '../sources/contract.ts'
import { type Arrival, arrive } from './observe.ts'
import { countPage } from './runs.ts'
import type { Subject } from './verify-subject.ts'

/** Rows of one read that differ, by key; and why some of them could not be compared. */
export interface Compared {
  readonly differences: ReadonlyMap<string, RowDifference>
  /** Key → why it could not be compared. */
  readonly refused: ReadonlyMap<string, string>
}

/** Compares rows that were read with those that are here. */
export async function compareFetched(
  subject: Subject,
  part: string,
  page: Pick<Page, 'rows' | 'granule'>,
): Promise<Compared> {
  const refused = new Map<string, string>()
  const found = await compareOrHalve(subject, page.rows.map(toTheirs), part === ROW, refused)
  const rows = new Map(page.rows.map((row) => [row.key, row]))
  const differences = new Map<string, RowDifference>()
  for (const difference of found) {
    const kept = withoutLate(subject, difference, rows.get(difference.key), page.granule)
    // Of a row that is not here, or not there, the whole row tells.
    if (kept === undefined || (part !== ROW && kept.kind !== 'different')) continue
    const known = differences.get(kept.key)
    // Parts come in groups of columns, so a key can occur more than once.
    differences.set(
      kept.key,
      known === undefined ? kept : { ...kept, cells: [...known.cells, ...kept.cells] },
    )
  }
  return { differences, refused }
}

export const toTheirs = (row: FetchedRow): TheirRow => ({
  key: row.key,
  alive: row.gone !== true && row.deleted !== true,
  values: row.values,
  ...(row.extra === undefined ? {} : { extra: row.extra }),
  ...(row.omitted === undefined ? {} : { omitted: row.omitted }),
})

/** SQLSTATE class: a value that its type cannot hold. */
const DATA_EXCEPTION = '22'

/** A row with a value that its column cannot hold is found by halving; the others are compared. */
async function compareOrHalve(
  subject: Subject,
  rows: readonly TheirRow[],
  whole: boolean,
  refused: Map<string, string>,
): Promise<RowDifference[]> {
  try {
    return await compareRows(subject.db, subject.spec, rows, whole)
  } catch (error) {
    if (!sqlState(error)?.startsWith(DATA_EXCEPTION)) throw error
    const [row] = rows
    if (row !== undefined && rows.length === 1) {
      refused.set(row.key, `row ${row.key} cannot be compared: ${describeError(error)}`)
      return []
    }
    const half = Math.ceil(rows.length / 2)
    const first = await compareOrHalve(subject, rows.slice(0, half), whole, refused)
    return [...first, ...(await compareOrHalve(subject, rows.slice(half), whole, refused))]
  }
}

/** Computed columns of a row that the next delta reads anyway are late, not lost. */
function withoutLate(
  { deltaMark }: Subject,
  difference: RowDifference,
  row: FetchedRow | undefined,
  granule: number,
): RowDifference | undefined {
  const { live = [], updatedAt } = row ?? {}
  if (difference.kind !== 'different' || updatedAt === undefined || live.length === 0) return difference
  if (updatedAt + granule <= deltaMark - SETTLE_MS * 1000) return difference
  const cells = difference.cells.filter(([register]) => !live.includes(register))
  return cells.length === 0 ? undefined : { ...difference, cells }
}

/** What the vendor said of some keys, and how that differs from what is here. */
export interface Look extends Compared {
  readonly page: Page
  readonly arrival: Arrival
  readonly gaps: readonly string[]
  /** Asked for by id and not there, in an answer that had no gaps. */
  readonly absent: ReadonlySet<string>
  /** Keys of which the answer says nothing. */
  readonly unread: ReadonlySet<string>
}

/** Asks the vendor for these keys, at most `keysMax`, and compares. */
export async function lookAt(subject: Subject, part: string, keys: readonly string[]): Promise<Look> {
  const { db, pipeline, stream, signal } = subject
  const arrival = await arrive(db)
  const page = await pipeline.source.readKeys({ stream, part, keys, signal })
  await countPage(db, subject.run, 0, undefined)
  const met = new Set(page.rows.map((row) => row.key))
  const unmet = keys.filter((key) => !met.has(key))
  const clean = page.gaps.length === 0
  const absent = new Set(clean && part === ROW ? unmet : [])
  const gone = [...absent].map((key): FetchedRow => ({ key, values: {}, gone: true }))
  const compared = await compareFetched(subject, part, { ...page, rows: [...page.rows, ...gone] })
  return {
    ...compared,
    gaps: [...page.gaps, ...compared.refused.values()],
    page,
    arrival,
    absent,
    unread: new Set([...(clean ? [] : unmet), ...compared.refused.keys()]),
  }
}
