import { dropdownLabels, statusLabels } from '../../monday/columns/label-kinds.ts'
import type { Column, Item, World } from '../../monday/world/model.ts'
import type { Random } from '../../monday/world/random.ts'
import { CLIENTS, TASKS } from './app.ts'

type Draw = (random: Random, column: Column, world: World) => unknown

const WORDS = [
  'red',
  'green, light',
  '“quoted”',
  'ünïcode ✓',
  "O'Neil",
  '{"json": 1}',
  'a\nb',
  '100%',
  '\\back',
  ' ',
]

const day = (random: Random): string =>
  `2026-${String(1 + random.int(12)).padStart(2, '0')}-${String(1 + random.int(28)).padStart(2, '0')}`
const number = (random: Random): string =>
  random.pick([String(random.int(1000)), String(random.int(100_000) / 100), '-3.5', '0', '12345678.901'])

export const activeItems = (world: World, board: string): Item[] =>
  [...(world.boards.get(board)?.items.values() ?? [])].filter((item) => item.state === 'active')

const links =
  (board: string): Draw =>
  (random, _column, world) => {
    const items = activeItems(world, board)
    if (items.length === 0) return null
    const count = board === TASKS ? 1 : 1 + random.int(2)
    return { item_ids: [...new Set(Array.from({ length: count }, () => random.pick(items).id))] }
  }

/** A new value in the form of an edit, by column type; what is not listed is not edited. */
const draws: Readonly<Record<string, Draw>> = {
  text: (random) => `${random.pick(WORDS)} ${random.int(1000)}`,
  long_text: (random) => ({ text: `${random.pick(WORDS)}\n${random.int(1000)}` }),
  numbers: number,
  status: (random, column) => ({ index: Number(random.pick(Object.keys(statusLabels(column)))) }),
  dropdown: (random, column) => ({ ids: [random.pick(dropdownLabels(column)).id] }),
  date: (random) => ({ date: day(random), time: random.chance(0.5) ? `0${random.int(10)}:15:00` : null }),
  people: (random, _column, world) => ({
    personsAndTeams: [{ id: random.pick([...world.users.keys()]), kind: 'person' }],
  }),
  checkbox: (random) => ({ checked: random.chance(0.7) }),
  rating: (random) => ({ rating: 1 + random.int(5) }),
  email: (random) => ({ email: `a${random.int(100)}@example.com`, text: random.pick(WORDS) }),
  link: (random) => ({ url: `https://example.com/${random.int(100)}`, text: random.pick(WORDS) }),
  phone: (random) => ({ phone: `+4420794600${10 + random.int(90)}`, countryShortName: 'GB' }),
  timeline: (random) => ({ from: `2026-01-${10 + random.int(10)}`, to: `2026-02-${10 + random.int(10)}` }),
  country: () => ({ countryCode: 'FR', countryName: 'France' }),
  tags: (random) => ({ tag_ids: [11 + random.int(3)] }),
  board_relation: links(CLIENTS),
  dependency: links(TASKS),
}

export const editableColumns = (item: Item): Column[] =>
  [...item.board.columns.values()].filter((column) => column.slot >= 0 && draws[column.type] !== undefined)

/** A new value; now and then the empty one. */
export function drawValue(random: Random, column: Column, world: World): unknown {
  return random.chance(0.12) ? null : (draws[column.type]?.(random, column, world) ?? null)
}
