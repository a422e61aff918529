import type { Item, TruthItem, TruthValue, World } from '../../../sim/monday/index.ts'

type Cell = TruthValue
type Fields = Record<string, unknown>

const blank = (text: string | null | undefined): string | null =>
  text === undefined || text === '' ? null : text
const stored = ({ value }: Cell): Fields => (value === null ? {} : (JSON.parse(value) as Fields))
const stamp = (text: string | null): string | null => (text === null ? null : new Date(text).toISOString())

/** Types whose table value is not simply monday's text. */
const texts: Readonly<Record<string, (cell: Cell) => unknown>> = {
  email: (cell) => stored(cell)['email'] ?? null,
  link: (cell) => stored(cell)['url'] ?? null,
  long_text: (cell) => stored(cell)['text'] ?? null,
}

/** What each decoder should make of a cell, told from what the simulator stores and not by our decoders. */
const byDecoder: Readonly<Record<string, (cell: Cell) => unknown>> = {
  text: (cell) => texts[cell.type]?.(cell) ?? blank(cell.text),
  label: (cell) => blank(cell.text),
  number: (cell) => (blank(cell.text) === null ? null : Number(cell.text)),
  date: (cell) => stored(cell)['date'] ?? null,
  timestamp: (cell) => {
    if (cell.type !== 'date') return stamp(blank(cell.text))
    const { date, time } = stored(cell)
    return typeof time === 'string' ? stamp(`${date as string}T${time}Z`) : null
  },
  people: (cell) => blank(cell.text),
  people_ids: (cell) => {
    const people = (stored(cell)['personsAndTeams'] ?? []) as { id: number }[]
    return people.length === 0 ? null : people.map(({ id }) => String(id))
  },
  boolean: (cell) => stored(cell)['checked'] === true,
  links: (cell) => (cell.linked_item_ids?.length ? cell.linked_item_ids : null),
  display: (cell) => (cell.display_value === 'null' ? null : blank(cell.display_value)),
  json: (cell) => {
    const value = stored(cell)
    if (cell.type === 'timeline')
      return value['from'] === undefined ? null : { from: value['from'], to: value['to'] }
    return Object.keys(value).length === 0 ? null : { text: cell.text, value }
  },
}

/** The value that a table must show of one column, or property, of one item. */
export function expectedCell(world: World, item: TruthItem, column: string, as: string): unknown {
  const raw = world.items.get(Number(item.id)) as Item
  const properties: Record<string, unknown> = {
    name: item.name,
    group_id: item.groupId,
    group_title: raw.board.groups.get(item.groupId)?.title,
    created_at: stamp(item.createdAt),
    creator_id: String(raw.creatorId),
    parent_item_id: item.parentItemId,
  }
  if (column in properties) return properties[column]
  const cell = item.values[column]
  const decode = byDecoder[as]
  if (cell === undefined || decode === undefined) throw new Error(`no oracle for ${column} as ${as}`)
  return decode(cell)
}

export interface GeneratedField {
  readonly name: string
  readonly column: string
  readonly as: string
}

/** board → its fields, read from the text that `init` wrote. */
export function fieldsIn(config: string): Map<string, GeneratedField[]> {
  const boards = new Map<string, GeneratedField[]>()
  let current: GeneratedField[] = []
  for (const line of config.split('\n')) {
    const board = /^\s+board: '(\d+)'/.exec(line)?.[1]
    if (board !== undefined) boards.set(board, (current = []))
    const [, name, column, as] = /^\s+(\w+): \{ column: '([^']+)', as: '(\w+)' \}/.exec(line) ?? []
    if (name !== undefined && column !== undefined && as !== undefined) current.push({ name, column, as })
  }
  return boards
}
