import type { Board, Cell, Column, Item, Update, World } from '../world/model.ts'

/** One thing that happened in the world, before anything decides who hears of it. */
export type Change =
  | { kind: 'column'; item: Item; column: Column; before: Cell; after: Cell }
  | { kind: 'name'; item: Item; before: string; after: string }
  | { kind: 'create'; item: Item }
  | { kind: 'archive' | 'delete' | 'restore'; item: Item; cause: 'self' | 'parent' }
  | { kind: 'group'; item: Item; from: string; to: string }
  | { kind: 'board'; item: Item; from: Board; to: Board }
  | { kind: 'parent'; item: Item; from: number; to: number }
  | { kind: 'subitems'; item: Item; column: Column; added: number }
  | { kind: 'update'; verb: 'create' | 'edit' | 'delete'; item: Item; update: Update }
  | { kind: 'structure'; event: string; board: Board; data: Record<string, unknown>; column?: Column }

export interface Stamp {
  readonly at: number
  readonly userId: number
  /** The same on every webhook that one edit fires. */
  readonly triggerUuid: string
  /** Microseconds beyond `at`: event times are finer than the API's. */
  readonly micros: number
}

export interface EditOptions {
  /** No webhook, as when monday loses one. */
  silent?: boolean
  /** No activity log either. */
  unlogged?: boolean
  userId?: number
}

export interface EditContext {
  readonly world: World
  /** Called after the world has changed, and not for silent edits. */
  announce(change: Change, stamp: Stamp): void
  /** Called with an item about to change: lets a lagging replica keep what it was. */
  beforeChange(item: Item): void
}

export class EditError extends Error {
  override readonly name = 'EditError'
}

export function findBoard(world: World, boardId: string | number): Board {
  const board = world.boards.get(String(boardId))
  if (board === undefined) throw new EditError(`no board ${boardId}`)
  return board
}

export function findItem(world: World, boardId: string | number, itemId: string | number): Item {
  const item = findBoard(world, boardId).items.get(Number(itemId))
  if (item === undefined) throw new EditError(`no item ${itemId} on board ${boardId}`)
  return item
}

export function findColumn(board: Board, columnId: string): Column {
  const column = board.columns.get(columnId)
  if (column === undefined) throw new EditError(`no column "${columnId}" on board ${board.id}`)
  return column
}
