import { attach } from '../world/create-world.ts'
import type { Id, Item } from '../world/model.ts'
import { type EditContext, EditError, type EditOptions, findBoard, findItem } from './change.ts'
import { Commit } from './commit.ts'

export interface MoveEdits {
  moveToGroup(boardId: Id, itemId: Id, groupId: string, options?: EditOptions): Item
  moveToBoard(boardId: Id, itemId: Id, toBoardId: Id, groupId?: string, options?: EditOptions): Item
  moveSubitem(boardId: Id, itemId: Id, toParentId: Id, options?: EditOptions): Item
}

export function createMoveEdits(context: EditContext): MoveEdits {
  return {
    moveToGroup: (boardId, itemId, groupId, options) =>
      moveToGroup(context, findItem(context.world, boardId, itemId), groupId, options),
    moveToBoard: (boardId, itemId, toBoardId, groupId, options) =>
      moveToBoard(context, findItem(context.world, boardId, itemId), toBoardId, groupId, options),
    moveSubitem: (boardId, itemId, toParentId, options) =>
      moveSubitem(context, findItem(context.world, boardId, itemId), Number(toParentId), options),
  }
}

function moveToGroup(context: EditContext, item: Item, groupId: string, options?: EditOptions): Item {
  if (!item.board.groups.has(groupId)) throw new EditError(`no group "${groupId}" on board ${item.board.id}`)
  const from = item.groupId
  if (from === groupId) return item
  const commit = new Commit(context, options)
  commit.before(item)
  item.groupId = groupId
  commit.touch(item)
  commit.record({ kind: 'group', item, from, to: groupId })
  return item
}

/** Keeps the values whose column exists on both boards under one id and type. No webhook exists for it. */
function moveToBoard(
  context: EditContext,
  item: Item,
  boardId: Id,
  groupId?: string,
  options?: EditOptions,
): Item {
  const { world } = context
  const [from, to] = [item.board, findBoard(world, boardId)]
  const commit = new Commit(context, options)
  commit.before(item)
  from.items.delete(item.id)
  from.version++
  const cells: Item['cells'] = Array.from({ length: to.slots })
  for (const column of to.columns.values()) {
    const same = from.columns.get(column.id)
    if (column.slot >= 0 && same?.type === column.type) cells[column.slot] = item.cells[same.slot]
  }
  item.cells = cells
  item.changed = undefined
  item.board = to
  item.groupId = groupId ?? (to.groups.keys().next().value as string)
  attach(world, item)
  commit.touch(item)
  commit.record({ kind: 'board', item, from, to }, false)
  return item
}

function moveSubitem(context: EditContext, item: Item, toParentId: number, options?: EditOptions): Item {
  const { world } = context
  const [from, to] = [world.items.get(item.parentId ?? -1), world.items.get(toParentId)]
  if (from === undefined || to === undefined)
    throw new EditError(`item ${item.id} cannot move to a parent ${toParentId}`)
  const commit = new Commit(context, options)
  for (const one of [item, from, to]) commit.before(one)
  from.subitemIds = from.subitemIds?.filter((id) => id !== item.id)
  ;(to.subitemIds ??= []).push(item.id)
  item.parentId = to.id
  commit.touch(item)
  commit.record({ kind: 'parent', item, from: from.id, to: to.id })
  return item
}
