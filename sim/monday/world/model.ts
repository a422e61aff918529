import type { Random } from './random.ts'

export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
}

export type ItemState = 'active' | 'archived' | 'deleted'
export type Id = string | number

/**
 * What is stored for one column of one item, kept small: 80,000 items × 60 cells must fit in memory.
 * text, numbers: string · status, rating: number · dropdown, board_relation, tags: ids · date: `Y-m-d[ H:M:S]` ·
 * the rest: the decoded JSON `value`.
 */
export type Cell = string | number | readonly number[] | Readonly<Record<string, unknown>> | undefined

export interface Column {
  readonly id: string
  title: string
  readonly type: string
  settings: Record<string, unknown>
  /** Index into `Item.cells`; -1 for what the vendor computes (mirror, formula, logs). */
  readonly slot: number
  archived: boolean
  description: string | null
}

export interface Group {
  readonly id: string
  title: string
  readonly color: string
  archived: boolean
  deleted: boolean
}

export interface Item {
  readonly id: number
  name: string
  board: Board
  groupId: string
  state: ItemState
  /** The item was archived or deleted with its parent, and comes back with it. */
  withParent: boolean
  parentId: number | null
  subitemIds: number[] | undefined
  readonly createdAt: number
  updatedAt: number
  readonly creatorId: number
  updaterId: number
  cells: Cell[]
  /** When a cell was last edited, by slot; absent for what the item was created with. */
  changed: Map<number, number> | undefined
}

export interface Board {
  readonly id: string
  name: string
  readonly type: 'board' | 'sub_items_board'
  state: ItemState
  readonly workspaceId: string
  readonly columns: Map<string, Column>
  readonly groups: Map<string, Group>
  readonly items: Map<number, Item>
  readonly createdAt: number
  /** On a subitem board: the board whose items own its items. */
  parentBoardId: string | null
  subitemBoardId: string | null
  slots: number
  /** Moves on every change to the board or its items: keys caches of sorted orders. */
  version: number
}

export interface User {
  readonly id: number
  readonly name: string
  readonly email: string
}

export interface Team {
  readonly id: number
  readonly name: string
}

export interface Webhook {
  readonly id: string
  readonly boardId: string
  readonly event: string
  readonly url: string
  readonly config: string | null
}

export interface Update {
  readonly id: string
  readonly itemId: number
  body: string
  readonly creatorId: number
  readonly createdAt: number
  updatedAt: number
  readonly parentId: string | null
}

export interface ActivityLog {
  readonly id: string
  readonly event: string
  readonly boardId: string
  readonly entity: 'board' | 'pulse'
  readonly itemId: number | null
  readonly columnId: string | null
  readonly groupId: string | null
  readonly userId: number
  readonly at: number
  readonly data: string
}

export interface World {
  readonly boards: Map<string, Board>
  readonly items: Map<number, Item>
  readonly users: Map<number, User>
  readonly teams: Map<number, Team>
  readonly tags: Map<number, string>
  readonly webhooks: Map<string, Webhook>
  readonly updates: Map<string, Update>
  readonly activity: ActivityLog[]
  readonly account: { readonly id: string; readonly name: string; readonly slug: string }
  readonly random: Random
  clock: Clock
  nextId: number
  /** Moves on every change: tells the saver whether there is anything to save. */
  version: number
  /** What a fully permitted read would answer now, every item of every state, computed columns included. */
  truth(boardId: Id): IterableIterator<TruthItem>
}

export interface TruthValue {
  type: string
  text: string | null
  value: string | null
  display_value?: string
  linked_item_ids?: string[]
  label?: string | null
  index?: number | null
}

export interface TruthItem {
  id: string
  name: string
  state: ItemState
  groupId: string
  parentItemId: string | null
  createdAt: string
  updatedAt: string
  values: Record<string, TruthValue>
}

/** One column of one item: the source of a GraphQL `ColumnValue`. */
export interface CellRef {
  readonly world: World
  readonly item: Item
  readonly column: Column
}

/** The vendor's timestamps are whole seconds in UTC. */
export function toSeconds(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`
}
