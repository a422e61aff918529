import { type BoardSpec, type ColumnSpec, createWorld, type ItemSpec } from './create-world.ts'
import type { Clock, World } from './model.ts'
import { createRandom, type Random } from './random.ts'

export const TASKS_BOARD = '7786783342'
export const TASK_SUBITEMS_BOARD = '8400809115'
export const CLIENTS_BOARD = '7786790001'
const CLIENT_ID = 5_000_000_001
const TASK_ID = 6_000_000_001

const column = (
  id: string,
  title: string,
  type: string,
  settings: Record<string, unknown> = {},
): ColumnSpec => ({
  id,
  title,
  type,
  settings,
})
const shows = (board_id: string, columnId: string, relation: string): Record<string, unknown> => ({
  relation_column: { [relation]: true },
  displayed_linked_columns: [{ board_id, column_ids: [columnId] }],
})

const STATUS = { labels: { 0: 'Working on it', 1: 'Done', 2: 'Stuck' } }
const DROPDOWN = {
  labels: [
    { id: 1, name: 'Red' },
    { id: 2, name: 'Green, light' },
    { id: 3, name: 'Blue' },
  ],
}

const TASK_COLUMNS: ColumnSpec[] = [
  column('subitems', 'Subitems', 'subtasks', { boardIds: [Number(TASK_SUBITEMS_BOARD)] }),
  column('status', 'Status', 'status', STATUS),
  column('dropdown', 'Colours', 'dropdown', DROPDOWN),
  column('person', 'Owner', 'people'),
  column('date4', 'Due', 'date'),
  column('date5', 'Meeting', 'date'),
  column('numbers', 'Price', 'numbers', { unit: { symbol: '£', direction: 'left' } }),
  column('numbers2', 'Count', 'numbers'),
  column('text', 'Text', 'text'),
  column('long_text', 'Long text', 'long_text'),
  column('check', 'Check', 'checkbox'),
  column('email', 'E-mail', 'email'),
  column('link', 'Link', 'link'),
  column('phone', 'Phone', 'phone'),
  column('timeline', 'Timeline', 'timeline'),
  column('country', 'Country', 'country'),
  column('rating', 'Rating', 'rating'),
  column('tags', 'Tags', 'tags'),
  column('files', 'Files', 'file'),
  column('connect', 'Client', 'board_relation', {
    boardIds: [Number(CLIENTS_BOARD)],
    allowMultipleItems: true,
  }),
  column('dependent_on', 'Dependent On', 'dependency', { boardIds: [Number(TASKS_BOARD)] }),
  column('mirror', 'Client tier', 'mirror', shows(CLIENTS_BOARD, 'tier', 'connect')),
  column('mirror_formula', 'Client score', 'mirror', shows(CLIENTS_BOARD, 'score', 'connect')),
  column('formula', 'Total', 'formula', { formula: 'ROUND({numbers} * {numbers2}, 2)' }),
  column('formula_far', 'Tier text', 'formula', { formula: 'CONCATENATE("Tier ", {mirror})' }),
  column('last_updated', 'Last updated', 'last_updated'),
  column('creation_log', 'Creation log', 'creation_log'),
  column('item_id', 'Item ID', 'item_id'),
]

function taskValues(random: Random, i: number): Record<string, unknown> {
  const clients =
    i % 7 === 0
      ? []
      : i % 5 === 0
        ? [CLIENT_ID + (i % 12), CLIENT_ID + ((i + 1) % 12)]
        : [CLIENT_ID + (i % 12)]
  return {
    status: i % 6 === 0 ? null : { index: i % 3 },
    dropdown: i % 4 === 0 ? null : { ids: i % 3 === 0 ? [1, 2] : [3] },
    person: i % 5 === 1 ? null : { personsAndTeams: [{ id: 67_214_740 + (i % 3), kind: 'person' }] },
    date4: i % 6 === 2 ? null : { date: `2026-0${1 + (i % 9)}-1${i % 10}`, time: null },
    date5: { date: `2026-1${i % 3}-0${1 + (i % 9)}`, time: `0${i % 10}:30:00` },
    numbers: i % 8 === 3 ? null : String(random.int(100_000) / 100),
    numbers2: String(i % 20),
    text: i % 3 === 0 ? null : `Text "${i}", with a comma`,
    long_text: i % 4 === 1 ? null : { text: `Line one ${i}\nline two` },
    check: { checked: i % 2 === 0 },
    email: i % 3 === 1 ? null : { email: `task${i}@example.com`, text: `Task ${i}` },
    link: { url: `https://example.com/${i}`, text: i % 2 === 0 ? `Link ${i}` : '' },
    phone: { phone: `+4420794600${10 + (i % 90)}`, countryShortName: 'GB' },
    timeline: i % 5 === 0 ? null : { from: `2026-03-0${1 + (i % 9)}`, to: `2026-04-1${i % 10}` },
    country: i % 4 === 2 ? null : { countryCode: 'GB', countryName: 'United Kingdom' },
    rating: { rating: 1 + (i % 5) },
    tags: i % 6 === 1 ? null : { tag_ids: [11 + (i % 3)] },
    connect: { item_ids: clients },
    dependent_on: i % 9 === 0 && i > 0 ? { item_ids: [TASK_ID + i - 1] } : null,
  }
}

function tasks(random: Random, count: number): BoardSpec {
  const items = Array.from({ length: count }, (_, i): ItemSpec => ({
    id: TASK_ID + i,
    name: `Task ${i + 1}`,
    groupId: i % 3 === 0 ? 'group2' : 'topics',
    values: taskValues(random, i),
  }))
  const groups = [
    { id: 'topics', title: 'This week' },
    { id: 'group2', title: 'Later' },
  ]
  return { id: TASKS_BOARD, name: 'Tasks', columns: TASK_COLUMNS, groups, items }
}

function subitems(count: number): BoardSpec {
  const columns = [
    column('status', 'Status', 'status', STATUS),
    column('date0', 'Date', 'date'),
    column('numbers', 'Hours', 'numbers'),
    column('person', 'Owner', 'people'),
  ]
  const items = Array.from({ length: count }, (_, i): ItemSpec => ({
    name: `Subtask ${i + 1}`,
    parentId: TASK_ID + Math.floor(i / 2),
    values: { status: { index: i % 3 }, date0: { date: '2026-05-01', time: null }, numbers: String(i) },
  }))
  return { id: TASK_SUBITEMS_BOARD, parentBoardId: TASKS_BOARD, name: 'Subitems of Tasks', columns, items }
}

function clients(): BoardSpec {
  const columns = [
    column('tier', 'Tier', 'status', { labels: { 0: 'Gold', 1: 'Silver' } }),
    column('revenue', 'Revenue', 'numbers'),
    column('score', 'Score', 'formula', { formula: 'ROUND({revenue} / 1000, 1)' }),
    column('contact', 'Contact', 'email'),
  ]
  const items = Array.from({ length: 12 }, (_, i): ItemSpec => ({
    id: CLIENT_ID + i,
    name: i === 3 ? 'Client, Sons & Co' : `Client ${i + 1}`,
    values: { tier: { index: i % 2 }, revenue: String(i * 1234.5) },
  }))
  return { id: CLIENTS_BOARD, name: 'Clients', columns, items }
}

/** Two boards with a column of every type the simulator knows: "Tasks", with subitems, connected to "Clients". */
export function everyColumnWorld(seed = 1, options: { clock?: Clock; tasks?: number } = {}): World {
  const count = options.tasks ?? 60
  return createWorld({
    seed,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    tags: { 11: 'urgent', 12: 'later', 13: 'blocked' },
    boards: [clients(), tasks(createRandom(seed), count), subitems(Math.min(count, 40))],
  })
}
