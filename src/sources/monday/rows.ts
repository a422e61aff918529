import type { Json, JsonObject, Value } from '../../engine/observation.ts'
import type { FetchedRow } from '../contract.ts'
import { type BoardColumn, type BoardSchema, labelsOf, registersOf } from './board-schema.ts'
import { decoders, storedOf } from './decode.ts'
import { type ColumnValue, kindOf } from './kinds.ts'
import type { BoardMapping, FieldMapping, ItemProperty } from './mapping.ts'

/** An item as the documents ask for it. */
export interface Item {
  readonly id: string
  readonly name: string
  readonly state: string | null
  readonly created_at: string | null
  readonly updated_at: string | null
  readonly creator_id: string | null
  readonly board: { readonly id: string } | null
  readonly group: { readonly id: string; readonly title: string } | null
  readonly parent_item: { readonly id: string } | null
  readonly column_values: readonly ColumnValue[]
}

/** monday stamps items in whole seconds. */
export const GRANULE = 1_000_000

/** A board with what decoding its values needs, indexed once. */
export interface BoardContext {
  readonly mapping: BoardMapping
  readonly schema: BoardSchema
  readonly people: ReadonlyMap<string, string>
  readonly timeZone: string
  /** column id → the fields that map it. */
  readonly fields: ReadonlyMap<string, readonly (readonly [string, FieldMapping])[]>
  readonly columns: ReadonlyMap<string, BoardColumn>
  readonly labels: ReadonlyMap<string, Readonly<Record<string, string>>>
}

export function boardContext(
  mapping: BoardMapping,
  schema: BoardSchema,
  people: ReadonlyMap<string, string>,
  timeZone: string,
): BoardContext {
  return {
    mapping,
    schema,
    people,
    timeZone,
    fields: Map.groupBy(Object.entries(mapping.fields), ([, field]) => field.column),
    columns: new Map(schema.columns.map((column) => [column.id, column])),
    labels: new Map(schema.columns.map((column) => [column.id, labelsOf(column)])),
  }
}

const properties: Readonly<Record<ItemProperty, (item: Item) => Value>> = {
  name: (item) => item.name,
  group_id: (item) => item.group?.id ?? null,
  group_title: (item) => item.group?.title ?? null,
  parent_item_id: (item) => item.parent_item?.id ?? null,
  created_at: (item) => item.created_at,
  creator_id: (item) => item.creator_id,
}

const isProperty = (column: string): column is ItemProperty => Object.hasOwn(properties, column)

export interface ReadOptions {
  /** The columns that this read leaves out. */
  readonly formulas: readonly string[]
  /** There were errors beside the data: what is null may have been withheld, so it says nothing. */
  readonly partial: boolean
}

/** An item as a whole row. */
export function toRow(board: BoardContext, item: Item, { formulas, partial }: ReadOptions): FetchedRow {
  const cells = readCells(board, item)
  const values: Record<string, Value> = { ...cells.values }
  const isSubitems = board.mapping.parentBoard !== undefined
  for (const [name, field] of Object.entries(board.mapping.fields)) {
    if (!isProperty(field.column)) continue
    // Every subitem has a parent: none is told, without an error, where the token may not see the parent's board.
    const hidden = field.column === 'parent_item_id' && isSubitems && item.parent_item === null
    if (!hidden) values[name] = properties[field.column](item)
  }
  const [told, extra] = partial ? [withoutNull(values), withoutNull(cells.extra)] : [values, cells.extra]
  return {
    key: item.id,
    values: told,
    extra,
    omitted: partial ? [...board.columns.keys()] : formulas,
    live: cells.live,
    deleted: item.state !== 'active',
    ...dated(item),
  }
}

function dated({ updated_at }: Item): Pick<FetchedRow, 'updatedAt' | 'undated'> {
  const updated = Date.parse(updated_at ?? '')
  return Number.isFinite(updated) ? { updatedAt: updated * 1000 } : { undated: true }
}

const withoutNull = <T extends Json>(values: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null))

/** An item's formulas alone. An empty answer may mean "over the limit", so it says nothing. */
export function toFormulaRow(board: BoardContext, item: Item): FetchedRow {
  const told = item.column_values.filter((cv) => (cv.display_value ?? '') !== '')
  const { values, extra } = readCells(board, { ...item, column_values: told })
  return { key: item.id, values, extra, ...dated(item) }
}

interface Cells {
  readonly values: Record<string, Value>
  readonly extra: Record<string, Json>
  readonly live: string[]
}

function readCells(board: BoardContext, item: Item): Cells {
  const values: Record<string, Value> = {}
  const extra: Record<string, Json> = {}
  const live: string[] = []
  for (const cv of item.column_values) {
    const kind = kindOf(cv.type)
    const value = kind.fetched(cv)
    const decoded = decodeColumn(board, cv.id, { type: cv.type, value, stored: storedOf(cv) })
    Object.assign(values, decoded.values)
    Object.assign(extra, decoded.extra)
    if (kind.live === true) live.push(...registersOf(board.mapping, cv.id))
  }
  return { values, extra, live }
}

/** One column's plain value as what the row keeps of it: the fields that map it, or its place in `extra`. */
export function decodeColumn(
  board: BoardContext,
  column: string,
  plain: { readonly type: string; readonly value: Json; readonly stored: JsonObject },
): { values: Record<string, Value>; extra: Record<string, Json> } {
  const fields = board.fields.get(column)
  if (fields === undefined) return { values: {}, extra: { [column]: plain.value } }
  const decode = (field: FieldMapping): Value => decoders[field.as]({ ...plain, timeZone: board.timeZone })
  return { values: Object.fromEntries(fields.map(([name, field]) => [name, decode(field)])), extra: {} }
}
