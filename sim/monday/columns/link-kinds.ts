import type { Board, Cell, CellRef, Column, Item, World } from '../world/model.ts'
import { cellOf, type ColumnKind, isFields, toIds } from './kind.ts'

/** The linked items a reader can reach: what was deleted drops out of a connection. */
export function linkedItems(ref: CellRef): Item[] {
  const ids =
    ref.column.type === 'subtasks' ? (ref.item.subitemIds ?? []) : ((cellOf(ref) ?? []) as readonly number[])
  const found: Item[] = []
  for (const id of ids) {
    const item = ref.world.items.get(id)
    if (item !== undefined && item.state !== 'deleted' && isShown(ref.column, item)) found.push(item)
  }
  return found
}

function isShown(column: Column, item: Item): boolean {
  return column.type !== 'subtasks' || item.state === 'active'
}

export function linkedNames(ref: CellRef): string {
  return linkedItems(ref)
    .map((item) => item.name)
    .join(', ')
}

interface MirrorSettings {
  relation_column?: Record<string, boolean>
  displayed_linked_columns?: { board_id: string; column_ids: string[] }[]
}

/** The cells a mirror shows, in the order of the links. */
export function mirroredCells(ref: CellRef): CellRef[] {
  const settings = ref.column.settings as MirrorSettings
  const relationId = Object.keys(settings.relation_column ?? {})[0]
  const relation = relationId === undefined ? undefined : ref.item.board.columns.get(relationId)
  if (relation === undefined) return []
  const cells: CellRef[] = []
  for (const item of linkedItems({ world: ref.world, item: ref.item, column: relation })) {
    const shown = shownColumn(settings, item.board)
    if (shown !== undefined) cells.push({ world: ref.world, item, column: shown })
  }
  return cells
}

function shownColumn(settings: MirrorSettings, board: Board): Column | undefined {
  for (const one of settings.displayed_linked_columns ?? [])
    if (one.board_id === board.id) return board.columns.get(one.column_ids[0] ?? '')
  return undefined
}

// Since API 2025-04 connections answer null for both; the links are in the typed fields.
const hidden = { text: () => null, value: () => undefined }

export const boardRelation: ColumnKind = {
  ...hidden,
  graphql: 'BoardRelationValue',
  internal: 'board-relation',
  stored: true,
  parse(input: unknown, _column: Column, _world: World): Cell {
    return toIds(isFields(input) ? (input['linkedPulseIds'] ?? input['item_ids']) : input)
  },
  event: (cell) =>
    cell === undefined
      ? {}
      : { linkedPulseIds: (cell as readonly number[]).map((id) => ({ linkedPulseId: id })) },
}

export const dependency: ColumnKind = { ...boardRelation, graphql: 'DependencyValue', internal: 'dependency' }

const computed = { stored: false, parse: (): Cell => undefined }

export const subtasks: ColumnKind = { ...hidden, ...computed, graphql: 'SubtasksValue', internal: 'subtasks' }
export const mirror: ColumnKind = { ...hidden, ...computed, graphql: 'MirrorValue', internal: 'lookup' }
export const formula: ColumnKind = {
  ...computed,
  graphql: 'FormulaValue',
  internal: 'formula',
  text: () => '',
  value: () => undefined,
}
export const itemId: ColumnKind = {
  ...computed,
  graphql: 'ItemIdValue',
  internal: 'pulse-id',
  text: (_cell, { item }) => String(item.id),
  value: (_cell, { item }) => ({ item_id: item.id }),
}
export const name: ColumnKind = { ...computed, ...hidden, graphql: 'TextValue', internal: 'name' }
