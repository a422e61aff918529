import { attach, emptyWorld, joinParent } from './create-world.ts'
import type {
  ActivityLog,
  Board,
  Cell,
  Clock,
  Column,
  Group,
  Item,
  Update,
  User,
  Webhook,
  World,
} from './model.ts'
import { createRandom } from './random.ts'

const FORMAT = 1
/** Only recent logs are kept over a restart: a reader's window, not an archive. */
const LOGS_KEPT = 20_000

interface Head {
  format: number
  random: number
  nextId: number
  version: number
  users: User[]
  teams: World['teams'] extends Map<number, infer T> ? T[] : never
  tags: [number, string][]
  webhooks: Webhook[]
  updates: Update[]
  activity: ActivityLog[]
  boards: SavedBoard[]
}

type SavedBoard = Omit<Board, 'columns' | 'groups' | 'items'> & { columns: Column[]; groups: Group[] }
type SavedItem = Omit<Item, 'board' | 'subitemIds' | 'changed' | 'cells'> & {
  board: string
  cells: (Cell | null)[]
  changed?: [number, number][]
}

/** The whole world as JSON lines: a head, then an item a line. */
export function saveWorld(world: World): string {
  const head: Head = {
    format: FORMAT,
    random: world.random.state(),
    nextId: world.nextId,
    version: world.version,
    users: [...world.users.values()],
    teams: [...world.teams.values()],
    tags: [...world.tags],
    webhooks: [...world.webhooks.values()],
    updates: [...world.updates.values()],
    activity: world.activity.slice(-LOGS_KEPT),
    boards: [...world.boards.values()].map(({ items: _items, columns, groups, ...board }) => ({
      ...board,
      columns: [...columns.values()],
      groups: [...groups.values()],
    })),
  }
  const lines = [JSON.stringify(head)]
  for (const item of world.items.values()) lines.push(JSON.stringify(savedItem(item)))
  return `${lines.join('\n')}\n`
}

function savedItem({ board, subitemIds: _subitemIds, changed, cells, ...item }: Item): SavedItem {
  const saved: SavedItem = { ...item, board: board.id, cells: cells.map((cell) => cell ?? null) }
  return changed === undefined ? saved : { ...saved, changed: [...changed] }
}

class SnapshotError extends Error {
  override readonly name = 'SnapshotError'
}

export function loadWorld(text: string, clock: Clock): World {
  const lines = text.split('\n').filter((line) => line !== '')
  const head = JSON.parse(lines[0] ?? '{}') as Head
  if (head.format !== FORMAT) throw new SnapshotError(`not a saved world of format ${FORMAT}`)
  const world = emptyWorld(clock, createRandom(head.random))
  for (const user of head.users) world.users.set(user.id, user)
  for (const team of head.teams) world.teams.set(team.id, team)
  for (const [id, tag] of head.tags) world.tags.set(id, tag)
  for (const webhook of head.webhooks) world.webhooks.set(webhook.id, webhook)
  for (const update of head.updates) world.updates.set(update.id, update)
  world.activity.push(...head.activity)
  for (const { columns, groups, ...board } of head.boards) {
    world.boards.set(board.id, {
      ...board,
      columns: new Map(columns.map((column) => [column.id, column])),
      groups: new Map(groups.map((group) => [group.id, group])),
      items: new Map(),
    })
  }
  for (const line of lines.slice(1)) attach(world, loadedItem(world, JSON.parse(line) as SavedItem))
  // A subitem may have moved to a parent younger than itself: join only when all are there.
  for (const item of world.items.values()) joinParent(world, item)
  world.nextId = head.nextId
  world.version = head.version
  return world
}

function loadedItem(world: World, { board, changed, cells, ...item }: SavedItem): Item {
  const home = world.boards.get(board)
  if (home === undefined) throw new SnapshotError(`item ${item.id} is on no saved board`)
  return {
    ...item,
    board: home,
    subitemIds: undefined,
    cells: cells.map((cell) => cell ?? undefined),
    changed: changed === undefined ? undefined : new Map(changed),
  }
}
