import { addItem, createWorld, GENERATED_UNTIL } from '../world/create-world.ts'
import type { Board, Clock, Item, World } from '../world/model.ts'
import { accounts } from './accounts-board.ts'
import { ACCOUNTS_BOARD, HIDDEN_BOARD, PARENT_BOARD, SUBITEM_BOARD } from './column-specs.ts'
import { hiddenBoard } from './hidden-board.ts'
import { parentBoard } from './parent-board.ts'
import { addProject, type Project } from './project.ts'
import { addHidden, revisionName } from './revision.ts'
import { Row, shared } from './row.ts'
import { subitemBoard } from './subitem-board.ts'
import { createRandom } from '../world/random.ts'

export interface DatacubeOptions {
  seed: number
  clock: Clock
  /** 13,708 in the deployment this is modelled on. */
  projects: number
}

/** The number of the newest project there. */
const LAST_NUMBER = 17_425
/** 32,836 subitems of 13,708 projects. */
const REVISIONS_A_PROJECT = 2.3954
const YEARS_MS = 5 * 365.25 * 86_400_000
const UNLINKED = 0.02
/** A second hidden item of the same name: 126 of 32,962. */
const AMBIGUOUS = 0.0038
const TEMPLATES = ['TEMPLATE - do not delete', 'Copy me for new enquiries', 'Test row']

export function createDatacubeWorld(options: DatacubeOptions): World {
  const { seed, clock, projects } = options
  const until = Math.min(clock.now(), GENERATED_UNTIL)
  // The generator sees its own fixed present, so that a seed gives one world on any day.
  const world = createWorld({
    seed,
    clock: { now: () => until },
    boards: [parentBoard, subitemBoard, hiddenBoard, accounts(createRandom(seed + 7))],
  })
  const accountIds = [...board(world, ACCOUNTS_BOARD).items.keys()]
  const counts = revisionCounts(world, projects)
  for (let i = 0; i < projects; i++) {
    const number = LAST_NUMBER - projects + 1 + i
    const createdAt = Math.floor(until - YEARS_MS * (1 - (i + 0.5) / projects))
    const project = addProject(world, board(world, PARENT_BOARD), number, createdAt, accountIds)
    addRevisions(world, project, counts[i] ?? 1)
  }
  for (const name of TEMPLATES) addTemplate(world, name, until)
  world.clock = clock
  return world
}

const board = (world: World, id: string): Board => world.boards.get(id) as Board

/** One to nine revisions a project, few with many, their sum fixed by the ratio. */
function revisionCounts(world: World, projects: number): number[] {
  const { random } = world
  const counts = Array.from({ length: projects }, () => {
    let count = 1
    while (count < 9 && random.chance(0.58)) count++
    return count
  })
  const wanted = Math.round(projects * REVISIONS_A_PROJECT)
  let sum = counts.reduce((total, count) => total + count, 0)
  while (sum !== wanted) {
    const i = random.int(counts.length)
    const step = sum < wanted ? 1 : -1
    const next = (counts[i] as number) + step
    if (next < 1 || next > 9) continue
    counts[i] = next
    sum += step
  }
  return counts
}

function addRevisions(world: World, project: Project, count: number): void {
  const { random } = world
  const hidden = board(world, HIDDEN_BOARD)
  for (let index = 0; index < count; index++) {
    const name = revisionName(project, index)
    const item = addHidden(world, hidden, project, index, name, index === count - 1)
    if (random.chance(AMBIGUOUS)) addHidden(world, hidden, project, index, name, false)
    addSubitem(world, project, name, random.chance(UNLINKED) ? undefined : item)
  }
}

function addSubitem(world: World, project: Project, name: string, hidden: Item | undefined): void {
  const { random } = world
  const subitems = board(world, SUBITEM_BOARD)
  const createdAt = Math.min(
    world.clock.now() - 2000,
    hidden?.createdAt ?? project.item.createdAt + 3_600_000,
  )
  const row = new Row(subitems)
    .set('connect_boards8__1', hidden === undefined ? undefined : [hidden.id])
    .set('color_mkq2at9k', random.chance(0.3) ? random.pick([0, 2]) : undefined)
  addItem(world, subitems, {
    name,
    parentId: project.item.id,
    createdAt,
    updatedAt: Math.min(world.clock.now() - 1000, createdAt + random.int(20) * 86_400_000),
    userId: random.pick([...world.users.keys()]),
    cells: row.cells,
  })
}

/** Rows with no number in their name, as every real board has. */
function addTemplate(world: World, name: string, until: number): void {
  const userId = world.users.keys().next().value ?? 1
  const createdAt = until - YEARS_MS
  const common = { name, createdAt, userId }
  const group = 'new_group__1'
  const hidden = board(world, HIDDEN_BOARD)
  const item = addItem(world, hidden, { ...common, groupId: group, cells: new Row(hidden).cells })
  const parents = board(world, PARENT_BOARD)
  const parent = addItem(world, parents, {
    ...common,
    groupId: 'new_group91__1',
    cells: new Row(parents).set('dropdown__1', shared([4])).cells,
  })
  const subitems = board(world, SUBITEM_BOARD)
  const cells = new Row(subitems).set('connect_boards8__1', [item.id]).cells
  addItem(world, subitems, { ...common, parentId: parent.id, cells })
}
