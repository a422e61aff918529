import type { Edits } from './edits/edits.ts'
import type { Board, Item, World } from './world/model.ts'
import type { Random } from './world/random.ts'
import { randomValue } from './traffic-values.ts'

const TICK_MS = 50
/** A pick that lands on a gone item or an empty board is tried again, this often. */
const TRIES_MAX = 20

export interface Traffic {
  readonly world: World
  readonly edit: Edits
  readonly random: Random
}

/** Edits such a team makes in a day, by how often. */
const MIX: readonly (readonly [weight: number, edit: (traffic: Traffic) => void])[] = [
  [70, editColumn],
  [8, rename],
  [8, createProject],
  [5, moveGroup],
  [3, (t) => t.edit.archive(...pickActive(t))],
  [2, (t) => t.edit.delete(...pickActive(t))],
  [3, restoreOne],
  [1, (t) => t.edit.duplicate(...pickActive(t))],
]
const TOTAL = MIX.reduce((sum, [weight]) => sum + weight, 0)

/** Edits the world at a steady rate, by the wall clock, in an order fixed by the seed. */
export function startTraffic(world: World, edit: Edits, random: Random, perSecond: number): { stop(): void } {
  const traffic = { world, edit, random }
  const startedAt = performance.now()
  let done = 0
  const timer = setInterval(() => {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond)
    for (; done < due; done++) editOnce(traffic)
  }, TICK_MS)
  timer.unref()
  return { stop: () => clearInterval(timer) }
}

export function editOnce(traffic: Traffic): void {
  let draw = traffic.random.next() * TOTAL
  const chosen = MIX.find(([weight]) => (draw -= weight) < 0) ?? MIX[0]
  chosen?.[1](traffic)
}

/** A board with twice the items gets twice the edits. */
function pickBoard({ world, random }: Traffic): Board {
  let draw = random.int(world.items.size)
  for (const board of world.boards.values()) {
    draw -= board.items.size
    if (draw < 0) return board
  }
  throw new Error('traffic needs a world with items')
}

const ids = new WeakMap<Board, { size: number; ids: number[] }>()

function itemIds(board: Board): number[] {
  const known = ids.get(board)
  if (known?.size === board.items.size) return known.ids
  const fresh = { size: board.items.size, ids: [...board.items.keys()] }
  ids.set(board, fresh)
  return fresh.ids
}

function pickItem(traffic: Traffic, wanted: (item: Item) => boolean): Item | undefined {
  for (let i = 0; i < TRIES_MAX; i++) {
    const board = pickBoard(traffic)
    const item = board.items.get(traffic.random.pick(itemIds(board)))
    if (item !== undefined && wanted(item)) return item
  }
  return undefined
}

function pickActive(traffic: Traffic): [boardId: string, itemId: number] {
  const item = pickItem(traffic, ({ state }) => state === 'active') ?? firstItem(traffic.world)
  return [item.board.id, item.id]
}

function firstItem(world: World): Item {
  const item = world.items.values().next().value
  if (item === undefined) throw new Error('traffic needs a world with items')
  return item
}

function editColumn(traffic: Traffic): void {
  const [boardId, itemId] = pickActive(traffic)
  const { world, random, edit } = traffic
  const board = world.boards.get(boardId) as Board
  const columns = [...board.columns.values()].filter((column) => column.slot >= 0)
  if (columns.length === 0) return
  for (let i = 0; i < TRIES_MAX; i++) {
    const column = random.pick(columns)
    const value = randomValue(world, column, random)
    if (value === undefined) continue
    edit.setColumn(boardId, itemId, column.id, value)
    return
  }
}

function rename(traffic: Traffic): void {
  const [boardId, itemId] = pickActive(traffic)
  const name = traffic.world.items.get(itemId)?.name ?? ''
  const base = name.replace(/ \(v\d+\)$/, '')
  traffic.edit.rename(boardId, itemId, `${base.slice(0, 240)} (v${1 + traffic.random.int(99)})`)
}

function moveGroup(traffic: Traffic): void {
  const [boardId, itemId] = pickActive(traffic)
  const groups = [...(traffic.world.boards.get(boardId)?.groups.values() ?? [])].filter(
    (group) => !group.deleted,
  )
  if (groups.length > 1) traffic.edit.moveToGroup(boardId, itemId, traffic.random.pick(groups).id)
}

function restoreOne(traffic: Traffic): void {
  const gone = pickItem(traffic, (item) => item.state !== 'active' && !item.withParent)
  if (gone !== undefined) traffic.edit.restore(gone.board.id, gone.id)
}

/** A new enquiry: the project, then its first revision on both boards, the link last. Other worlds get one item. */
function createProject(traffic: Traffic): void {
  const { world, edit, random } = traffic
  const parents = [...world.boards.values()].filter((board) => board.subitemBoardId !== null)
  const board = parents.length > 0 ? random.pick(parents) : pickBoard(traffic)
  const subitems = world.boards.get(board.subitemBoardId ?? '')
  const link = [...(subitems?.columns.values() ?? [])].find((column) => column.type === 'board_relation')
  const number = 17_426 + (world.version % 80_000)
  const parent = edit.createItem(board.id, { name: String(number) })
  if (subitems === undefined) return
  const name = `${number}_26.01 - A`
  const subitem = edit.createItem(subitems.id, { name, parentItemId: parent.id })
  const hiddenId = String(((link?.settings['boardIds'] ?? []) as number[])[0] ?? '')
  if (link === undefined || !world.boards.has(hiddenId)) return
  const hidden = edit.createItem(hiddenId, { name })
  edit.setColumn(subitems.id, subitem.id, link.id, { linkedPulseIds: [{ linkedPulseId: hidden.id }] })
}
