import { type Json, type JsonObject, jsonText } from '../../engine/observation.ts'
import type { BoardMapping } from './mapping.ts'

/** A board's columns as monday described them. */
export interface BoardSchema {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly columns: readonly BoardColumn[]
}

export interface BoardColumn {
  readonly id: string
  readonly title: string
  readonly type: string
  readonly settings: JsonObject
}

interface RawBoard {
  id: string
  name: string
  state: string
  type?: string | null
  items_count?: number | null
  columns: { id: string; title: string; type: string; archived: boolean; settings: unknown }[]
}

export function readBoardSchema(raw: Json): BoardSchema {
  const board = raw as unknown as RawBoard
  return {
    id: String(board.id),
    name: board.name,
    state: board.state,
    columns: board.columns
      .filter((column) => column !== null && !column.archived)
      .map(({ id, title, type, settings }) => ({ id, title, type, settings: toSettings(settings) })),
  }
}

/** Settings come as JSON, or as JSON in a string. */
function toSettings(settings: unknown): JsonObject {
  try {
    const value: unknown = typeof settings === 'string' ? JSON.parse(settings) : settings
    return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
  } catch {
    return {}
  }
}

/** index or id → label of a status or dropdown column, from either form of its settings. */
export function labelsOf({ settings }: BoardColumn): Record<string, string> {
  const { labels } = settings
  if (Array.isArray(labels)) {
    const entries = labels as { id?: Json; index?: Json; name?: Json; label?: Json }[]
    return Object.fromEntries(entries.map((l) => [jsonText(l.index ?? l.id), jsonText(l.label ?? l.name)]))
  }
  return Object.fromEntries(Object.entries((labels ?? {}) as JsonObject).map(([k, v]) => [k, jsonText(v)]))
}

/** Boards whose items a connect column links, or whose subitems a subitems column lists. */
export const linkedBoards = ({ settings }: BoardColumn): string[] => {
  const ids = settings['boardIds'] ?? settings['boardId'] ?? []
  return (Array.isArray(ids) ? (ids as Json[]) : [ids]).map(String)
}

/** What a mirror column shows: the columns of other boards, through the connect column that links them. */
export interface MirrorSettings {
  readonly relation: string | undefined
  readonly shown: readonly { readonly board: string; readonly columns: readonly string[] }[]
}

export function mirrorOf({ settings }: BoardColumn): MirrorSettings {
  const relation = Object.keys((settings['relation_column'] ?? {}) as JsonObject)[0]
  const shown = settings['displayed_linked_columns'] ?? settings['displayed_column'] ?? []
  const entries = Array.isArray(shown)
    ? (shown as { board_id?: Json; column_ids?: Json }[]).map((e) => ({
        board: jsonText(e.board_id),
        columns: Array.isArray(e.column_ids) ? (e.column_ids as Json[]).map(String) : [],
      }))
    : Object.entries(shown as JsonObject).map(([board, columns]) => ({
        board,
        columns: Array.isArray(columns) ? columns.map(String) : [],
      }))
  return { relation, shown: entries }
}

/** The columns of its own board that a formula uses. */
export function formulaInputs({ settings }: BoardColumn): string[] {
  const formula = typeof settings['formula'] === 'string' ? settings['formula'] : ''
  return [...formula.matchAll(/\{([^{}#]+)(?:#[^{}]*)?\}/g)].map((match) => match[1] ?? '')
}

const UNREADABLE = new Set(['mirror', 'board_relation', 'dependency', 'subtasks'])

/** Formula columns whose value the API tells: those that use no mirror and no connection, at any depth. */
export function readableFormulas(board: BoardSchema): BoardColumn[] {
  const byId = new Map(board.columns.map((column) => [column.id, column]))
  const readable = (column: BoardColumn, path: readonly string[]): boolean =>
    formulaInputs(column).every((id) => {
      const input = byId.get(id)
      if (input === undefined || path.includes(id)) return true
      if (UNREADABLE.has(input.type)) return false
      return input.type !== 'formula' || readable(input, [...path, id])
    })
  return board.columns.filter((column) => column.type === 'formula' && readable(column, [column.id]))
}

// The name is an item's own property, and a subitem tells its parent, so neither column is read as one.
const NOT_READ = new Set(['name', 'subtasks', 'formula'])

/** The columns that a row is read with; formulas are read apart, for their own limits. */
export const rowColumns = (board: BoardSchema): BoardColumn[] =>
  board.columns.filter((c) => !NOT_READ.has(c.type))

/** The registers in which a column's value is kept: the fields that map it, else its place in `extra`. */
export function registersOf(mapping: BoardMapping, column: string): string[] {
  const fields = Object.entries(mapping.fields).flatMap(([name, field]) =>
    field.column === column ? [name] : [],
  )
  return fields.length > 0 ? fields : [`+${column}`]
}
