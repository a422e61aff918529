import { textOf } from '../columns/display.ts'
import { cellOf } from '../columns/kind.ts'
import type { Board, CellRef, Item, World } from '../world/model.ts'
import { invalidArgument } from './errors.ts'
import { matchesDay, matchesLastUpdated } from './query-days.ts'

export interface ItemsQueryRule {
  column_id: string
  compare_value: unknown
  compare_attribute?: string | null
  operator?: string
}

export interface ItemsQuery {
  ids?: string[] | null
  rules?: ItemsQueryRule[] | null
  groups?: ItemsQuery[] | null
  operator?: 'and' | 'or'
  order_by?: { column_id: string; direction?: 'asc' | 'desc' }[] | null
}

const IDS_MAX = 100

/** The active items a query selects, in its order, or in board order when it gives none. */
export function selectItems(world: World, board: Board, query: ItemsQuery | null | undefined): Item[] {
  if ((query?.ids?.length ?? 0) > IDS_MAX) throw invalidArgument(`items_page takes at most ${IDS_MAX} ids`)
  const ids = query?.ids?.map(Number)
  const wanted = ids === undefined ? undefined : new Set(ids)
  const filtered = hasRules(query)
  const found: Item[] = []
  for (const item of board.items.values()) {
    if (item.state !== 'active') continue
    if (wanted !== undefined && !wanted.has(item.id)) continue
    if (filtered && !matchesAll(world, item, query as ItemsQuery)) continue
    found.push(item)
  }
  return query?.order_by?.length ? order(world, board, found, query.order_by) : found
}

function hasRules(query: ItemsQuery | null | undefined): boolean {
  return (query?.rules?.length ?? 0) > 0 || (query?.groups?.length ?? 0) > 0
}

function matchesAll(world: World, item: Item, query: ItemsQuery): boolean {
  const tests = [
    ...(query.rules ?? []).map((rule) => () => matches(world, item, rule)),
    ...(query.groups ?? []).map((group) => () => matchesAll(world, item, group)),
  ]
  return query.operator === 'or' ? tests.some((test) => test()) : tests.every((test) => test())
}

function matches(world: World, item: Item, rule: ItemsQueryRule): boolean {
  const now = world.clock.now()
  if (rule.column_id === '__last_updated__') return matchesLastUpdated(item.updatedAt, rule, now)
  if (rule.column_id === 'name') return matchesText(item.name, rule)
  if (rule.column_id === 'group') return matchesAnyOf([item.groupId], rule)
  const column = item.board.columns.get(rule.column_id)
  if (column === undefined) throw invalidArgument(`Column not found: ${rule.column_id}`)
  if (column.type === 'mirror' || column.type === 'formula')
    throw invalidArgument(`Filtering is not supported for ${column.type} columns`)
  const ref = { world, item, column }
  if (rule.operator === 'is_empty' || rule.operator === 'is_not_empty')
    return (cellOf(ref) === undefined) === (rule.operator === 'is_empty')
  if (column.type === 'date') return matchesDay(cellOf(ref) as string | undefined, rule, now)
  return column.type === 'numbers' ? matchesNumber(ref, rule) : matchesCell(ref, rule)
}

const listOf = (value: unknown): string[] => (Array.isArray(value) ? value : [value]).map(String)

function matchesAnyOf(have: readonly unknown[], rule: ItemsQueryRule): boolean {
  const wanted = listOf(rule.compare_value)
  const found = have.some((one) => wanted.includes(String(one)))
  return rule.operator === 'not_any_of' ? !found : found
}

function matchesText(text: string, rule: ItemsQueryRule): boolean {
  const own = text.toLowerCase()
  const term = listOf(rule.compare_value).join(' ').toLowerCase()
  if (rule.operator === 'contains_text') return own.includes(term)
  if (rule.operator === 'not_contains_text') return !own.includes(term)
  if (rule.operator === 'contains_terms') return term.split(/\s+/).every((one) => own.includes(one))
  if (rule.operator === 'starts_with') return own.startsWith(term)
  if (rule.operator === 'ends_with') return own.endsWith(term)
  return matchesAnyOf([text], rule)
}

function matchesNumber(ref: CellRef, rule: ItemsQueryRule): boolean {
  const cell = cellOf(ref)
  const own = cell === undefined ? NaN : Number(cell)
  const [first, second] = listOf(rule.compare_value).map(Number)
  if (first === undefined) return false
  if (rule.operator === 'greater_than') return own > first
  if (rule.operator === 'greater_than_or_equals') return own >= first
  if (rule.operator === 'lower_than') return own < first
  if (rule.operator === 'lower_than_or_equal') return own <= first
  if (rule.operator === 'between') return own >= first && own <= (second ?? first)
  return matchesAnyOf([own], rule)
}

function matchesCell(ref: CellRef, rule: ItemsQueryRule): boolean {
  const cell = cellOf(ref)
  const { type } = ref.column
  if (type === 'status') return matchesAnyOf([cell ?? 5], rule)
  if (type === 'dropdown' || type === 'tags' || type === 'board_relation')
    return matchesAnyOf((cell ?? []) as number[], rule)
  if (type === 'people') {
    const people =
      (cell as { personsAndTeams: { id: number; kind: string }[] } | undefined)?.personsAndTeams ?? []
    return matchesAnyOf(
      people.map((one) => `${one.kind}-${one.id}`),
      rule,
    )
  }
  return matchesText(textOf(ref) ?? '', rule)
}

type Key = (item: Item) => number | string

/** Ties keep the board's order: the vendor promises nothing finer than its whole seconds. */
function order(world: World, board: Board, items: Item[], by: NonNullable<ItemsQuery['order_by']>): Item[] {
  const keys = by.map(({ column_id, direction }) => ({
    key: keyOf(world, board, column_id),
    sign: direction === 'desc' ? -1 : 1,
  }))
  const rows = items.map((item) => ({ item, keys: keys.map(({ key }) => key(item)) }))
  rows.sort((a, b) => {
    for (let i = 0; i < keys.length; i++) {
      const [x, y] = [a.keys[i] as number | string, b.keys[i] as number | string]
      if (x !== y) return (x < y ? -1 : 1) * (keys[i] as { sign: number }).sign
    }
    return 0
  })
  return rows.map(({ item }) => item)
}

function keyOf(world: World, board: Board, columnId: string): Key {
  if (columnId === '__last_updated__') return (item) => Math.floor(item.updatedAt / 1000)
  if (columnId === '__creation_log__') return (item) => Math.floor(item.createdAt / 1000)
  if (columnId === 'name') return (item) => item.name
  const column = board.columns.get(columnId)
  if (column === undefined) throw invalidArgument(`Column not found: ${columnId}`)
  const cell = (item: Item) => cellOf({ world, item, column })
  if (column.type === 'numbers') return (item) => Number(cell(item) ?? -Infinity)
  if (column.type === 'status') return (item) => Number(cell(item) ?? 5)
  return (item) => textOf({ world, item, column }) ?? ''
}
