import { addItem } from '../world/create-world.ts'
import type { Board, Item, World } from '../world/model.ts'
import { dayText, msOf } from './days.ts'
import { DECKS, LAYERING, SUPPLIERS } from './labels.ts'
import type { Project } from './project.ts'
import { drawQuote, type Quote, quoted } from './quote.ts'
import { person, Row, shared } from './row.ts'

const FALLS = ['1:40', '1:60', '1:80', '1:120']
const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'
const OPEN_STATUSES = [0, 3, 3, 3, 8, 9, 10, 11]

export function revisionName(project: { number: number; createdDay: number }, index: number): string {
  const year = dayText(project.createdDay).slice(2, 4)
  return `${project.number}_${year}.${String(1 + Math.floor(index / 4)).padStart(2, '0')} - ${LETTERS[index % 26]}`
}

/** Day of each revision: the first soon after the enquiry, the others weeks apart. */
const receivedDay = (project: Project, index: number): number => project.createdDay + index * 17

export function addHidden(
  world: World,
  board: Board,
  project: Project,
  index: number,
  name: string,
  last: boolean,
): Item {
  const { random } = world
  const quote = drawQuote(random)
  const received = receivedDay(project, index)
  const row = new Row(board)
    .set('connect_boards__1', random.chance(0.96) ? shared([project.accountId]) : undefined)
    .set('text__1', String(project.number))
    .set('text6__1', LETTERS[index % 26])
    .set('dup__of_revision__1', project.name)
    .set('dropdown2__1', shared([reason(world, index)]))
    .set('dropdown9__1', shared(random.chance(0.15) ? [project.product, 28] : [project.product]))
  fillDesign(world, row, quote, received)
  fillOutcome(world, row, project, quote, received, last)
  return addItem(world, board, {
    name,
    createdAt: Math.min(world.clock.now() - 2000, msOf(received) + (28_800 + random.int(32_000)) * 1000),
    updatedAt: Math.min(
      world.clock.now() - 1000,
      msOf(received + random.int(60)) + random.int(86_400) * 1000,
    ),
    userId: random.pick([...world.users.keys()]),
    cells: row.cells,
  })
}

function reason(world: World, index: number): number {
  const { random } = world
  if (index === 0) return 1
  if (random.chance(0.12)) return random.pick([2, 17, 19])
  return random.pick([3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 18])
}

const decimal = (value: number): string => String(Math.round(value * 100) / 100)

function fillDesign(world: World, row: Row, quote: Quote, received: number): void {
  const { random } = world
  const userIds = [...world.users.keys()]
  const designed = received + 1 + random.int(9)
  row.set('date4__1', dayText(received))
  if (random.chance(0.92))
    row.set('date__1', dayText(designed)).set('date8__1', dayText(designed + random.int(3)))
  row
    .set('people__1', person(random.pick(userIds)))
    .set('people3__1', random.chance(0.2) ? person(random.pick(userIds)) : undefined)
    .set('numbers6__1', decimal(0.5 + random.int(30) / 4))
    .set('text2__1', random.pick(FALLS))
    .set('deck_type__1', shared([1 + random.int(DECKS.length)]))
    .set('dropdown_mknfrfyf', shared([1 + random.int(LAYERING.length)]))
    .set('dropdown82__1', shared([1 + random.int(SUPPLIERS.length)]))
    .set('dropdown3__1', random.chance(0.2) ? shared([1 + random.int(SUPPLIERS.length)]) : undefined)
    .set('numbers__1', decimal(0.1 + random.int(15) / 100))
    .set('numbers67__1', decimal(0.15 + random.int(20) / 100))
    .set('numbers72__1', String(30 + 10 * random.int(8)))
    .set('numbers2__1', String(150 + 10 * random.int(20)))
  if (quote.material === 0) return
  row
    .set('numbers22__1', decimal(quote.material))
    .set('numbers9__1', decimal(quote.transport))
    .set('numbers4__1', String(quote.margin))
    .set('numbers55__1', quote.commission === 0 ? undefined : String(quote.commission))
    .set('numbers79__1', quote.distributor === 0 ? undefined : String(quote.distributor))
    .set('numbers5__1', String(quote.area))
    .set('numbers10__1', decimal(quote.area * 0.14))
    .set('numbers11__1', String(3 + random.int(9)))
}

function fillOutcome(
  world: World,
  row: Row,
  project: Project,
  quote: Quote,
  received: number,
  last: boolean,
): void {
  const { random } = world
  const won = last && (project.outcome === 'won' || project.outcome === 'won-open')
  if (!won) {
    const open = project.outcome === 'open' ? random.pick(OPEN_STATUSES) : 2
    row.set('status__1', last ? open : 5)
    if (project.outcome === 'lost') row.set('date6__1', dayText(received + 90 + random.int(120)))
    return
  }
  const ordered = received + 30 + random.int(150)
  const value = quoted(quote)
  row
    .set('status__1', project.outcome === 'won' ? 1 : 6)
    .set('status_17__1', project.outcome === 'won' ? 11 : random.pick([0, 1, 3, 4, 6, 7, 8, 9, 10]))
    .set('date7__1', dayText(ordered))
    .set('date64__1', dayText(ordered))
    .set('numbers98__1', value === 0 ? undefined : decimal(value))
    .set('text93__1', `PO-${10_000 + random.int(89_999)}`)
    .set('text60__1', `${1 + random.int(200)} ${project.name}`)
    .set('date74__1', dayText(ordered + 14 + random.int(30)))
  if (project.outcome !== 'won') return
  const invoiced = ordered + 20 + random.int(60)
  row
    .set('date01__1', dayText(invoiced - 3))
    .set('date42__1', dayText(invoiced))
    .set('invoice_number_mkm2nq6s', `INV${20_000 + random.int(70_000)}`)
    .set('numbers56__1', value === 0 ? undefined : decimal(value * (0.96 + random.next() * 0.08)))
}
