import { addItem } from '../world/create-world.ts'
import type { Board, Item, World } from '../world/model.ts'
import { dayOf, dayText, msOf } from './days.ts'
import { CATEGORIES, FEEDBACK, LOST_TO, POSTCODES } from './labels.ts'
import { person, Row, shared } from './row.ts'

type Outcome = 'won' | 'won-open' | 'lost' | 'open'

export interface Project {
  readonly item: Item
  readonly number: number
  readonly name: string
  readonly createdDay: number
  readonly outcome: Outcome
  readonly accountId: number
  readonly product: number
}

const PLACES = [
  'School',
  'Hospital',
  'Academy',
  'House',
  'Court',
  'Library',
  'Depot',
  'College',
  'Barracks',
  'Mill',
]
const STREETS = [
  'Station Road',
  'High Street',
  'Park Lane',
  'Mill Hill',
  'Church Walk',
  'Victoria',
  'Riverside',
]
const OPEN_STAGES = [5, 5, 5, 5, 2, 3, 4, 8]

function drawOutcome(world: World, ageDays: number): Outcome {
  const { random } = world
  const settled = random.chance(Math.min(0.9, ageDays / 500))
  if (!settled) return 'open'
  const draw = random.next()
  if (draw < 0.24) return 'won'
  return draw < 0.3 ? 'won-open' : 'lost'
}

function stageOf(world: World, outcome: Outcome): number {
  if (outcome === 'won') return world.random.chance(0.05) ? 7 : 0
  if (outcome === 'won-open') return 10
  return outcome === 'lost' ? 1 : world.random.pick(OPEN_STAGES)
}

export function addProject(
  world: World,
  board: Board,
  number: number,
  createdAt: number,
  accountIds: number[],
): Project {
  const { random } = world
  const until = world.clock.now()
  const createdDay = dayOf(createdAt)
  const outcome = drawOutcome(world, dayOf(until) - createdDay)
  const name = `${random.pick(STREETS)} ${random.pick(PLACES)}${random.chance(0.2) ? ` Phase ${1 + random.int(3)}` : ''}`
  const userIds = [...world.users.keys()]
  const row = new Row(board)
    .set('text3__1', name)
    .set('status4__1', stageOf(world, outcome))
    .set('dropdown7__1', shared([random.chance(0.7) ? 1 : 2]))
    .set('dropdown__1', shared([1 + random.int(CATEGORIES.length)]))
    .set('date9__1', dayText(createdDay))
    .set('dropdown_mknfpjbt', shared([1 + random.int(POSTCODES.length)]))
    .set('person', person(random.pick(userIds)))
    .set('color_mkvmjryt', random.pick([0, 1, 2, 3, 4, 6, 7, 8, 9]))
    .set('text6__1', `${random.pick(POSTCODES)}${1 + random.int(20)}`)
  if (random.chance(0.6)) row.set('date_mkp0heke', dayText(createdDay + 60 + random.int(300)))
  if (random.chance(0.4)) row.set('date_mkpx4163', dayText(createdDay + 7 + random.int(60)))
  if (random.chance(0.1)) row.set('dropdown_mkrb9mq5', shared([1 + random.int(6)]))
  if (random.chance(0.25)) row.set('dropdown_mkp0tjks', drawFeedback(world))
  if (outcome === 'lost' && random.chance(0.8))
    row.set('dropdown_mkp1rgp9', shared([1 + random.int(LOST_TO.length)]))
  if (random.chance(0.5)) row.set('numeric_mkw86evn', String(random.int(10_000) / 100))
  const item = addItem(world, board, {
    name: String(number),
    groupId: outcome === 'lost' ? 'new_group2__1' : outcome === 'open' ? 'topics' : 'new_group__1',
    createdAt,
    updatedAt: Math.min(until - 1000, createdAt + msOf(random.int(120)) + random.int(86_400) * 1000),
    userId: random.pick(userIds),
    cells: row.cells,
  })
  return {
    item,
    number,
    name,
    createdDay,
    outcome,
    accountId: random.pick(accountIds),
    product: 1 + random.int(28),
  }
}

function drawFeedback(world: World): readonly number[] {
  const { random } = world
  const first = 1 + random.int(FEEDBACK.length)
  return shared(random.chance(0.3) ? [first, 1 + (first % FEEDBACK.length)] : [first])
}
