import { dropdownLabels, statusLabels } from './columns/label-kinds.ts'
import type { Column, World } from './world/model.ts'
import type { Random } from './world/random.ts'

const DAY_MS = 86_400_000
const WORDS = [
  'revised',
  'checked',
  'await drawing',
  'sent',
  'call back',
  'on site',
  'see e-mail',
  'approved',
]

type Draw = (column: Column, random: Random, world: World) => unknown

const day = (random: Random, world: World): string =>
  new Date(world.clock.now() + (random.int(200) - 60) * DAY_MS).toISOString().slice(0, 10)

const DRAWS: Readonly<Record<string, Draw>> = {
  text: (_column, random) => `${random.pick(WORDS)} ${random.int(1000)}`,
  long_text: (_column, random) => `${random.pick(WORDS)}\n${random.pick(WORDS)} ${random.int(1000)}`,
  numbers: (_column, random) => String(random.int(5_000_000) / 100),
  status: (column, random) => ({ index: Number(random.pick(Object.keys(statusLabels(column)))) }),
  dropdown: (column, random) => ({ ids: [random.pick(dropdownLabels(column)).id] }),
  date: (_column, random, world) => ({ date: day(random, world), time: null }),
  people: (_column, random, world) => ({
    personsAndTeams: [{ id: random.pick([...world.users.keys()]), kind: 'person' }],
  }),
  checkbox: (_column, random) => ({ checked: random.chance(0.5) }),
  rating: (_column, random) => ({ rating: 1 + random.int(5) }),
  board_relation: (column, random, world) => link(column, random, world),
}

function link(column: Column, random: Random, world: World): unknown {
  const board = world.boards.get(String(((column.settings['boardIds'] ?? []) as number[])[0]))
  if (board === undefined || board.items.size === 0) return undefined
  // A short walk from a random start, so that picking costs nothing on a big board.
  let skip = random.int(Math.min(board.items.size, 200))
  for (const item of board.items.values())
    if (skip-- === 0) return { linkedPulseIds: [{ linkedPulseId: item.id }] }
  return undefined
}

/** A plausible new value in the edit form; undefined where the column's type is left alone. */
export function randomValue(world: World, column: Column, random: Random): unknown {
  const draw = DRAWS[column.type]
  if (draw === undefined) return undefined
  if (column.type === 'status' && Object.keys(statusLabels(column)).length === 0) return undefined
  if (column.type === 'dropdown' && dropdownLabels(column).length === 0) return undefined
  return random.chance(0.05) ? null : draw(column, random, world)
}
