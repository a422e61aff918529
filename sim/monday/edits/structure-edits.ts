import { dropdownLabels, statusLabels } from '../columns/label-kinds.ts'
import { addColumn, addGroup, type ColumnSpec } from '../world/create-world.ts'
import type { Board, Column, Id } from '../world/model.ts'
import { type EditContext, EditError, type EditOptions, findBoard, findColumn } from './change.ts'
import { Commit } from './commit.ts'

/** Changes to a board itself. Of these only a new column has a webhook. */
export interface StructureEdits {
  createColumn(boardId: Id, column: ColumnSpec, options?: EditOptions): Column
  renameColumn(boardId: Id, columnId: string, title: string, options?: EditOptions): Column
  deleteColumn(boardId: Id, columnId: string, options?: EditOptions): Column
  /** By status index or dropdown label id. */
  renameLabel(boardId: Id, columnId: string, label: number, name: string, options?: EditOptions): Column
  createGroup(boardId: Id, group: { id: string; title: string }, options?: EditOptions): Board
  deleteGroup(boardId: Id, groupId: string, options?: EditOptions): Board
  renameBoard(boardId: Id, name: string, options?: EditOptions): Board
}

export function createStructureEdits(context: EditContext): StructureEdits {
  const { world } = context
  return {
    createColumn(boardId, spec, options) {
      const board = findBoard(world, boardId)
      if (board.columns.has(spec.id)) throw new EditError(`column "${spec.id}" exists on board ${board.id}`)
      const column = addColumn(board, spec)
      const data = { column_id: column.id, column_title: column.title, column_type: column.type }
      new Commit(context, options).record({ kind: 'structure', event: 'create_column', board, data, column })
      return column
    },
    renameColumn(boardId, columnId, title, options) {
      const board = findBoard(world, boardId)
      const column = findColumn(board, columnId)
      const data = { column_id: columnId, value: { name: title }, previous_value: { name: column.title } }
      column.title = title
      new Commit(context, options).record(
        { kind: 'structure', event: 'update_column_name', board, data, column },
        false,
      )
      return column
    },
    deleteColumn: (boardId, columnId, options) => deleteColumn(context, boardId, columnId, options),
    renameLabel: (boardId, columnId, label, name, options) =>
      renameLabel(context, boardId, columnId, label, name, options),
    createGroup(boardId, group, options) {
      const board = findBoard(world, boardId)
      if (board.groups.has(group.id)) throw new EditError(`group "${group.id}" exists on board ${board.id}`)
      addGroup(board, group)
      board.version++
      const data = { group_id: group.id, group_title: group.title }
      new Commit(context, options).record({ kind: 'structure', event: 'create_group', board, data }, false)
      return board
    },
    deleteGroup: (boardId, groupId, options) => deleteGroup(context, boardId, groupId, options),
    renameBoard(boardId, name, options) {
      const board = findBoard(world, boardId)
      const data = { value: { name }, previous_value: { name: board.name } }
      board.name = name
      new Commit(context, options).record(
        { kind: 'structure', event: 'update_board_name', board, data },
        false,
      )
      return board
    },
  }
}

function deleteColumn(context: EditContext, boardId: Id, columnId: string, options?: EditOptions): Column {
  const board = findBoard(context.world, boardId)
  const column = findColumn(board, columnId)
  board.columns.delete(columnId)
  column.archived = true
  board.version++
  const data = { column_id: columnId, column_title: column.title }
  new Commit(context, options).record(
    { kind: 'structure', event: 'delete_column', board, data, column },
    false,
  )
  return column
}

/** Every item with the label answers the new text at once, and no `updated_at` moves. */
function renameLabel(
  context: EditContext,
  boardId: Id,
  columnId: string,
  label: number,
  name: string,
  options?: EditOptions,
): Column {
  const board = findBoard(context.world, boardId)
  const column = findColumn(board, columnId)
  if (column.type === 'status') {
    column.settings = { ...column.settings, labels: { ...statusLabels(column), [label]: name } }
  } else {
    const labels = dropdownLabels(column).map((one) => (one.id === label ? { ...one, name } : one))
    column.settings = { ...column.settings, labels }
  }
  board.version++
  const data = { column_id: columnId, column_title: column.title, label, name }
  const event = 'change_column_settings'
  new Commit(context, options).record({ kind: 'structure', event, board, data, column }, false)
  return column
}

/** Its items are deleted with it, and nothing says so one by one. */
function deleteGroup(context: EditContext, boardId: Id, groupId: string, options?: EditOptions): Board {
  const { world } = context
  const board = findBoard(world, boardId)
  const group = board.groups.get(groupId)
  if (group === undefined) throw new EditError(`no group "${groupId}" on board ${board.id}`)
  const commit = new Commit(context, options)
  group.deleted = true
  for (const item of board.items.values()) {
    if (item.groupId !== groupId || item.state === 'deleted') continue
    for (const one of [item, ...(item.subitemIds ?? []).map((id) => world.items.get(id))]) {
      if (one === undefined) continue
      commit.before(one)
      one.state = 'deleted'
      one.withParent = one !== item
      commit.touch(one)
    }
  }
  const data = { group_id: groupId, group_title: group.title }
  commit.record({ kind: 'structure', event: 'delete_group', board, data }, false)
  return board
}
