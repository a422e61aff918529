import type { ColumnSpec } from '../world/create-world.ts'

export const PARENT_BOARD = '1825117125'
export const SUBITEM_BOARD = '1825117144'
export const HIDDEN_BOARD = '1825138260'
export const ACCOUNTS_BOARD = '1654217230'

export const plain = (type: string, id: string, title: string): ColumnSpec => ({ id, title, type })

export const status = (id: string, title: string, labels: Record<number, string>): ColumnSpec => ({
  id,
  title,
  type: 'status',
  settings: { labels, done_colors: [0] },
})

/** Labels by id, or a list that is numbered from 1. */
export const dropdown = (
  id: string,
  title: string,
  labels: readonly string[] | Record<number, string>,
): ColumnSpec => {
  const entries = Array.isArray(labels)
    ? labels.map((name: string, i) => ({ id: i + 1, name }))
    : Object.entries(labels).map(([key, name]: [string, string]) => ({ id: Number(key), name }))
  return {
    id,
    title,
    type: 'dropdown',
    settings: { limit_select: false, hide_footer: false, labels: entries },
  }
}

export const connect = (id: string, title: string, boardId: string): ColumnSpec => ({
  id,
  title,
  type: 'board_relation',
  settings: { boardIds: [Number(boardId)], allowMultipleItems: true, allowCreateReflectionColumn: true },
})

export const mirror = (
  relation: string,
  boardId: string,
  id: string,
  title: string,
  shows: string,
): ColumnSpec => ({
  id,
  title,
  type: 'mirror',
  settings: {
    relation_column: { [relation]: true },
    displayed_linked_columns: [{ board_id: boardId, column_ids: [shows] }],
  },
})

export const formula = (id: string, title: string, text: string): ColumnSpec => ({
  id,
  title,
  type: 'formula',
  settings: { formula: text },
})
