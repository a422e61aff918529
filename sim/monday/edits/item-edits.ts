import { cellOf } from '../columns/kind.ts'
import { kindOf } from '../columns/kinds.ts'
import { addItem, cellsFrom } from '../world/create-world.ts'
import type { Id, Item, ItemState, World } from '../world/model.ts'
import { type EditContext, EditError, type EditOptions, findBoard, findColumn, findItem } from './change.ts'
import { Commit } from './commit.ts'

interface NewItemInput {
  name: string
  groupId?: string
  /** In the decoded `value` form, by column id. */
  values?: Record<string, unknown>
  parentItemId?: Id
}

export interface ItemEdits {
  setColumn(boardId: Id, itemId: Id, columnId: string, value: unknown, options?: EditOptions): Item
  rename(boardId: Id, itemId: Id, name: string, options?: EditOptions): Item
  createItem(boardId: Id, input: NewItemInput, options?: EditOptions): Item
  duplicate(boardId: Id, itemId: Id, options?: EditOptions): Item
  archive(boardId: Id, itemId: Id, options?: EditOptions): Item
  delete(boardId: Id, itemId: Id, options?: EditOptions): Item
  restore(boardId: Id, itemId: Id, options?: EditOptions): Item
}

export function createItemEdits(context: EditContext): ItemEdits {
  return {
    setColumn: (boardId, itemId, columnId, value, options) =>
      setColumn(context, findItem(context.world, boardId, itemId), columnId, value, options),
    rename: (boardId, itemId, name, options) =>
      rename(context, findItem(context.world, boardId, itemId), name, options),
    createItem: (boardId, input, options) => createItem(context, boardId, input, options),
    duplicate(boardId, itemId, options) {
      const item = findItem(context.world, boardId, itemId)
      return insert(context, item.board.id, { name: `${item.name} (copy)`, like: item }, options)
    },
    archive: (boardId, itemId, options) =>
      setState(context, findItem(context.world, boardId, itemId), 'archive', options),
    delete: (boardId, itemId, options) =>
      setState(context, findItem(context.world, boardId, itemId), 'delete', options),
    restore: (boardId, itemId, options) =>
      setState(context, findItem(context.world, boardId, itemId), 'restore', options),
  }
}

function setColumn(
  context: EditContext,
  item: Item,
  columnId: string,
  value: unknown,
  options?: EditOptions,
): Item {
  const { world } = context
  const column = findColumn(item.board, columnId)
  const kind = kindOf(column.type)
  if (!kind.stored) throw new EditError(`column "${columnId}" (${column.type}) is computed and cannot be set`)
  const after = kind.parse(value, column, world)
  const before = cellOf({ world, item, column })
  if (JSON.stringify(before) === JSON.stringify(after)) return item
  const commit = new Commit(context, options)
  commit.before(item)
  item.cells[column.slot] = after
  item.changed ??= new Map()
  item.changed.set(column.slot, commit.stamp.at)
  commit.touch(item)
  commit.record({ kind: 'column', item, column, before, after })
  return item
}

function rename(context: EditContext, item: Item, name: string, options?: EditOptions): Item {
  if (name === '' || name.length > 255) throw new EditError('an item name has 1 to 255 characters')
  const commit = new Commit(context, options)
  const before = item.name
  commit.before(item)
  item.name = name
  commit.touch(item)
  commit.record({ kind: 'name', item, before, after: name })
  return item
}

function createItem(context: EditContext, boardId: Id, input: NewItemInput, options?: EditOptions): Item {
  const { world } = context
  const parent = input.parentItemId === undefined ? undefined : world.items.get(Number(input.parentItemId))
  if (input.parentItemId !== undefined && parent === undefined)
    throw new EditError(`no item ${input.parentItemId}`)
  // A subitem may be asked for on its parent's board: it lives on that board's subitem board.
  const home =
    parent !== undefined && parent.board.id === String(boardId)
      ? parent.board.subitemBoardId
      : String(boardId)
  if (home === null) throw new EditError(`board ${boardId} has no subitem board`)
  return insert(context, home, input, options)
}

type Insert = NewItemInput & { like?: Item }

function insert(context: EditContext, boardId: string, input: Insert, options?: EditOptions): Item {
  const { world } = context
  const board = findBoard(world, boardId)
  const commit = new Commit(context, options)
  const { at, userId } = commit.stamp
  const parentId =
    input.parentItemId === undefined ? (input.like?.parentId ?? null) : Number(input.parentItemId)
  const item = addItem(world, board, {
    name: input.name,
    groupId: input.groupId ?? input.like?.groupId,
    parentId,
    createdAt: at,
    userId,
    cells: input.like === undefined ? cellsFrom(world, board, input.values ?? {}) : [...input.like.cells],
  })
  commit.record({ kind: 'create', item })
  recordSubitem(world, commit, item)
  return item
}

/** A new subitem also changes its parent's subitems column. */
function recordSubitem(world: World, commit: Commit, item: Item): void {
  const parent = item.parentId === null ? undefined : world.items.get(item.parentId)
  const column =
    parent === undefined ? undefined : [...parent.board.columns.values()].find((c) => c.type === 'subtasks')
  if (parent === undefined || column === undefined) return
  commit.touch(parent)
  commit.record({ kind: 'subitems', item: parent, column, added: item.id })
}

const AFTER: Readonly<Record<'archive' | 'delete' | 'restore', ItemState>> = {
  archive: 'archived',
  delete: 'deleted',
  restore: 'active',
}

/** Subitems follow their parent both ways; only the parent is announced. */
function setState(
  context: EditContext,
  item: Item,
  kind: 'archive' | 'delete' | 'restore',
  options?: EditOptions,
): Item {
  const state = AFTER[kind]
  if (item.state === state) return item
  const commit = new Commit(context, options)
  const change = (one: Item, cause: 'self' | 'parent'): void => {
    commit.before(one)
    one.state = state
    one.withParent = cause === 'parent' && kind !== 'restore'
    commit.touch(one)
    commit.record({ kind, item: one, cause }, cause === 'self')
  }
  change(item, 'self')
  for (const id of item.subitemIds ?? []) {
    const subitem = context.world.items.get(id)
    if (subitem === undefined || subitem.state === state) continue
    if (kind === 'restore' ? subitem.withParent : subitem.state === 'active') change(subitem, 'parent')
  }
  return item
}
