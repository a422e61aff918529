import { displayFields } from './truth-fields.ts'
import { textOf, valueOf } from '../columns/display.ts'
import { type Board, type Item, toSeconds, type TruthItem, type TruthValue, type World } from './model.ts'

/** What the API would answer for one item to a token that sees everything and has no formula budget. */
function truthOf(world: World, item: Item): TruthItem {
  const values: Record<string, TruthValue> = {}
  for (const column of item.board.columns.values()) {
    if (column.archived || column.type === 'name') continue
    const ref = { world, item, column }
    values[column.id] = { type: column.type, text: textOf(ref), value: valueOf(ref), ...displayFields(ref) }
  }
  return {
    id: String(item.id),
    name: item.name,
    state: item.state,
    groupId: item.groupId,
    parentItemId: item.parentId === null ? null : String(item.parentId),
    createdAt: toSeconds(item.createdAt),
    updatedAt: toSeconds(item.updatedAt),
    values,
  }
}

export function* truthOfBoard(world: World, board: Board): IterableIterator<TruthItem> {
  for (const item of board.items.values()) yield truthOf(world, item)
}
