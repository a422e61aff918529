import { kindOf } from '../columns/kinds.ts'
import type { Board, Cell, Clock, Column, Group, Id, Item, Team, User, World } from './model.ts'
import { createRandom, type Random } from './random.ts'
import { truthOfBoard } from './truth.ts'

export interface ColumnSpec {
  id: string
  title: string
  type: string
  settings?: Record<string, unknown>
}

export interface ItemSpec {
  /** Given when other items of the spec link to it. */
  id?: Id
  name: string
  groupId?: string
  /** In the decoded `value` form, by column id. */
  values?: Record<string, unknown>
  parentId?: Id
  createdAt?: number
}

export interface BoardSpec {
  id: Id
  name: string
  type?: 'board' | 'sub_items_board'
  parentBoardId?: Id
  columns: ColumnSpec[]
  groups?: { id: string; title: string }[]
  items?: ItemSpec[]
  /** Without `items`: that many, named "Item 1"…, with no values. */
  itemCount?: number
}

export interface WorldSpec {
  seed?: number
  clock?: Clock
  boards: BoardSpec[]
  users?: User[]
  teams?: Team[]
  tags?: Record<number, string>
}

export const REAL_CLOCK: Clock = { now: () => Date.now() }
/** When generated items were made, at the latest: a constant, so that a seed gives one world on any day. */
export const GENERATED_UNTIL = Date.UTC(2026, 9, 31, 17, 0, 0)

const USERS: User[] = ['Alex Baird', 'Bea Castell', 'Chidi Dunn', 'Dana Ellis', 'Ewan Fry', 'Farah Gill'].map(
  (name, i) => ({ id: 67_214_740 + i, name, email: `${name.toLowerCase().replace(' ', '.')}@example.com` }),
)
const COLORS = ['#579bfc', '#00c875', '#fdab3d', '#cab641', '#df2f4a', '#9d50dd']

export function emptyWorld(clock: Clock, random: Random): World {
  const world: World = {
    boards: new Map(),
    items: new Map(),
    users: new Map(),
    teams: new Map(),
    tags: new Map(),
    webhooks: new Map(),
    updates: new Map(),
    activity: [],
    account: { id: '25917229', name: 'Simulated account', slug: 'simulated' },
    random,
    clock,
    nextId: 1_900_000_000,
    version: 0,
    truth(boardId) {
      const board = world.boards.get(String(boardId))
      if (board === undefined) throw new RangeError(`no board ${boardId} in the simulated world`)
      return truthOfBoard(world, board)
    },
  }
  return world
}

export function createWorld(spec: WorldSpec): World {
  const world = emptyWorld(spec.clock ?? REAL_CLOCK, createRandom(spec.seed ?? 1))
  for (const user of spec.users ?? USERS) world.users.set(user.id, user)
  for (const team of spec.teams ?? [{ id: 51_166, name: 'Design' }]) world.teams.set(team.id, team)
  for (const [id, tag] of Object.entries(spec.tags ?? {})) world.tags.set(Number(id), tag)
  for (const board of spec.boards) addBoard(world, board)
  for (const board of spec.boards) addItems(world, board)
  return world
}

export function newId(world: World): number {
  world.nextId += 1 + world.random.int(97)
  return world.nextId
}

function addBoard(world: World, spec: BoardSpec): void {
  const board: Board = {
    id: String(spec.id),
    name: spec.name,
    type: spec.type ?? (spec.parentBoardId === undefined ? 'board' : 'sub_items_board'),
    state: 'active',
    workspaceId: '1203001',
    columns: new Map(),
    groups: new Map(),
    items: new Map(),
    createdAt: Date.UTC(2021, 10, 2, 9, 0, 0),
    parentBoardId: spec.parentBoardId === undefined ? null : String(spec.parentBoardId),
    subitemBoardId: null,
    slots: 0,
    version: 0,
  }
  world.boards.set(board.id, board)
  addColumn(board, { id: 'name', title: 'Name', type: 'name' })
  for (const column of spec.columns) addColumn(board, column)
  for (const group of spec.groups ?? [{ id: 'topics', title: 'Group Title' }]) addGroup(board, group)
  for (const other of world.boards.values()) {
    const parent = other.parentBoardId === null ? undefined : world.boards.get(other.parentBoardId)
    if (parent !== undefined) parent.subitemBoardId = other.id
  }
}

export function addColumn(board: Board, spec: ColumnSpec): Column {
  const column: Column = {
    id: spec.id,
    title: spec.title,
    type: spec.type,
    settings: spec.settings ?? {},
    slot: kindOf(spec.type).stored ? board.slots++ : -1,
    archived: false,
    description: null,
  }
  board.columns.set(column.id, column)
  board.version++
  return column
}

export function addGroup(board: Board, { id, title }: { id: string; title: string }): Group {
  const color = COLORS[board.groups.size % COLORS.length] as string
  const group = { id, title, color, archived: false, deleted: false }
  board.groups.set(id, group)
  return group
}

export interface NewItem {
  id?: number | undefined
  name: string
  groupId?: string | undefined
  parentId?: number | null | undefined
  createdAt: number
  updatedAt?: number
  userId: number
  cells: Cell[]
}

export function addItem(world: World, board: Board, spec: NewItem): Item {
  const item: Item = {
    id: spec.id ?? newId(world),
    name: spec.name,
    board,
    groupId: spec.groupId ?? (board.groups.keys().next().value as string),
    state: 'active',
    withParent: false,
    parentId: spec.parentId ?? null,
    subitemIds: undefined,
    createdAt: spec.createdAt,
    updatedAt: spec.updatedAt ?? spec.createdAt,
    creatorId: spec.userId,
    updaterId: spec.userId,
    cells: spec.cells,
    changed: undefined,
  }
  attach(world, item)
  joinParent(world, item)
  return item
}

/** Puts an item into the indexes of the world and its board. */
export function attach(world: World, item: Item): void {
  world.items.set(item.id, item)
  item.board.items.set(item.id, item)
  item.board.version++
  world.version++
}

export function joinParent(world: World, item: Item): void {
  const parent = item.parentId === null ? undefined : world.items.get(item.parentId)
  if (parent !== undefined) (parent.subitemIds ??= []).push(item.id)
}

export function cellsFrom(world: World, board: Board, values: Record<string, unknown>): Cell[] {
  const cells: Cell[] = Array.from({ length: board.slots })
  for (const [id, value] of Object.entries(values)) {
    const column = board.columns.get(id)
    if (column === undefined || column.slot < 0)
      throw new RangeError(`board ${board.id}: no stored column "${id}"`)
    cells[column.slot] = kindOf(column.type).parse(value, column, world)
  }
  return cells
}

function addItems(world: World, spec: BoardSpec): void {
  const board = world.boards.get(String(spec.id)) as Board
  const items =
    spec.items ?? Array.from({ length: spec.itemCount ?? 0 }, (_, i) => ({ name: `Item ${i + 1}` }))
  const until = Math.min(world.clock.now(), GENERATED_UNTIL)
  const userId = world.users.keys().next().value ?? 1
  items.forEach((item: ItemSpec, i) => {
    addItem(world, board, {
      id: item.id === undefined ? undefined : Number(item.id),
      name: item.name,
      groupId: item.groupId,
      parentId: item.parentId === undefined ? null : Number(item.parentId),
      createdAt: item.createdAt ?? until - (items.length - i) * 60_000,
      userId,
      cells: cellsFrom(world, board, item.values ?? {}),
    })
  })
}
