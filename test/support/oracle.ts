import type { Queryable } from '../../src/db/database.ts'
import type { BoardMapping, DecoderName } from '../../src/sources/monday/mapping.ts'
import type { MondaySim } from '../../sim/monday/index.ts'

export type TruthItem = ReturnType<MondaySim['world']['truth']> extends Iterable<infer I> ? I : never
type Cell = TruthItem['values'][string]

const blank = (text: string | null | undefined): string | null =>
  text === '' || text === undefined ? null : text
const digits = (text: string | null): string | null => (text === null ? null : String(Number(text)))

/** What a decoder should make of a cell, told from monday's own text, not from our decoders. */
const expected: Readonly<Record<DecoderName, (cell: Cell) => string | null>> = {
  text: (cell) => blank(cell.text),
  label: (cell) => blank(cell.text),
  number: (cell) => digits(blank(cell.display_value ?? cell.text)),
  integer: (cell) => digits(blank(cell.text)),
  date: (cell) => blank(cell.text)?.slice(0, 10) ?? null,
  timestamp: (cell) => blank(cell.text),
  people: (cell) => blank(cell.text),
  people_ids: (cell) => blank(cell.text),
  link: (cell) => cell.linked_item_ids?.[0] ?? null,
  links: (cell) => (cell.linked_item_ids?.length ? cell.linked_item_ids.join(',') : null),
  display: (cell) => (cell.display_value === 'null' ? null : blank(cell.display_value)),
  display_number: (cell) => digits(blank(cell.display_value)),
  display_date: (cell) => blank(cell.display_value),
  boolean: (cell) => String(blank(cell.text) !== null),
  json: (cell) => blank(cell.text),
}

/** Decoders whose value has no simple text at monday; other tests look at those. */
const UNTOLD = new Set<DecoderName>(['json', 'people_ids', 'timestamp'])

export interface Comparison {
  rows: number
  cells: number
  /** The first differences, as "table key column: ours ≠ theirs". */
  differences: string[]
}

/** Compares every mapped cell of a board's table with the simulator's truth, and the set of keys. */
export const compareBoard = (db: Queryable, sim: MondaySim, mapping: BoardMapping): Promise<Comparison> =>
  compareWithTruth(db, sim.world.truth(mapping.board), mapping)

/** The same, with the truth of a simulator in another process. */
export async function compareWithTruth(
  db: Queryable,
  truth: Iterable<TruthItem> | AsyncIterable<TruthItem>,
  mapping: BoardMapping,
): Promise<Comparison> {
  const result: Comparison = { rows: 0, cells: 0, differences: [] }
  const { rows } = await db.query<Record<string, string | null>>(
    `select monday_id, ${Object.entries(mapping.fields)
      .map(([name, { as }]) =>
        as === 'links' ? `array_to_string("${name}", ',') as "${name}"` : `"${name}"::text`,
      )
      .join(', ')} from public."${mapping.table}"`,
  )
  const ours = new Map(rows.map((row) => [row['monday_id'], row]))
  for await (const item of truth) {
    if (item.state !== 'active') continue
    const row = ours.get(item.id)
    ours.delete(item.id)
    result.rows++
    if (row === undefined) result.differences.push(`${mapping.table} ${item.id}: missing`)
    else compareRow(mapping, item, row, result)
  }
  for (const key of ours.keys()) result.differences.push(`${mapping.table} ${key}: not at the vendor`)
  return result
}

function compareRow(
  mapping: BoardMapping,
  item: TruthItem,
  row: Record<string, string | null>,
  result: Comparison,
): void {
  for (const [name, { column, as }] of Object.entries(mapping.fields)) {
    const theirs = theirValue(item, column, as)
    if (theirs === undefined) continue
    const mine = row[name] ?? null
    const numeric = as === 'number' || as === 'display_number' || as === 'integer'
    result.cells++
    if ((numeric ? digits(mine) : mine) === theirs) continue
    result.differences.push(`${mapping.table} ${item.id} ${name}: ${mine} ≠ ${theirs}`)
  }
}

/** What a table must hold of an item, in the vendor's own text; columns whose value has no simple text are left out. */
export const expectedValues = (item: TruthItem, { fields }: BoardMapping): Record<string, string | null> =>
  Object.fromEntries(
    Object.entries(fields).flatMap(([name, { column, as }]) => {
      const value = theirValue(item, column, as)
      return value === undefined ? [] : [[name, value]]
    }),
  )

function theirValue(item: TruthItem, column: string, as: DecoderName): string | null | undefined {
  const own: Record<string, string | null> = {
    name: item.name,
    parent_item_id: item.parentItemId ?? null,
    group_id: item.groupId,
  }
  if (column in own) return own[column]
  const cell = item.values[column]
  return cell === undefined || UNTOLD.has(as) ? undefined : expected[as](cell)
}
