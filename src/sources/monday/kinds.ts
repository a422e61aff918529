import { type Json, type JsonObject, jsonText } from '../../engine/observation.ts'

/** A column value as GraphQL returns it: `value` is JSON in a string. */
export interface ColumnValue {
  readonly id: string
  readonly type: string
  readonly text: string | null
  readonly value: unknown
  readonly display_value?: string | null
  readonly linked_item_ids?: readonly string[]
  readonly subitems_ids?: readonly string[]
}

/** What decoding a value needs to know of its board. */
export interface DecodeContext {
  /** index or id → label, of the column. */
  readonly labels: Readonly<Record<string, string>>
  /** id → name of people and teams (`team:ID`). */
  readonly people: ReadonlyMap<string, string>
}

/** Nothing in the payload tells the value: it must be read. */
export const UNTOLD = Symbol('untold')
export type Untold = typeof UNTOLD

/**
 * How the values of one column type are read. A fetched value and an event's value become the same plain JSON, the
 * form that `extra` keeps; null is an empty column. `text` shows it as monday does.
 */
export interface Kind {
  readonly fetched: (cv: ColumnValue) => Json
  readonly event: (value: JsonObject, context: DecodeContext) => Json | Untold
  readonly text?: (value: Json) => string | null
  /** Computed when read: no event tells of it, and `updated_at` says nothing of it. */
  readonly live?: boolean
}

const blank = (text: unknown): string | null =>
  typeof text === 'string' && text !== '' ? text : typeof text === 'number' ? String(text) : null

/** "1.5e-7" as 0.00000015: a fetched number has no exponent, so that of an event may have none either. */
function unfold(text: string): string {
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (match === null) return text
  const [, sign = '', whole = '', fraction = '', exponent = ''] = match
  const digits = whole + fraction
  const point = 1 + Number(exponent)
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`
  return `${sign}${digits.padEnd(point, '0')}`
}

/** Digits without a sign of zero or trailing zeros: "10.50" and 10.5 are one value. */
export function plainNumber(input: Json | undefined): string | null {
  const text = jsonText(input ?? '').trim()
  const match = /^([+-]?)0*(\d+)(?:\.(\d*?)0*)?$/.exec(text) ?? /^([+-]?)()\.(\d*?)0*$/.exec(text)
  if (match === null)
    return Number.isFinite(Number(text)) && text !== '' ? unfold(String(Number(text))) : null
  const [, sign, whole, fraction] = match
  const digits = `${whole === '' || whole === undefined ? '0' : whole}${fraction ? `.${fraction}` : ''}`
  return sign === '-' && /[1-9]/.test(digits) ? `-${digits}` : digits
}

/** The value that monday keeps, an object; {} where it keeps none. */
function stored({ value }: ColumnValue): JsonObject {
  const parsed: unknown = typeof value === 'string' && value !== '' ? parse(value) : value
  return typeof parsed === 'object' && parsed !== null && !Array.isArray(parsed) ? (parsed as JsonObject) : {}
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A text in an event: bare, or in an object, under any of the names that monday uses. */
function bareText(value: JsonObject): string | null {
  return blank(value['text']) ?? blank(value['value']) ?? blank(value[BARE])
}
/** Where `parse.ts` puts an event value that is not an object. */
export const BARE = '$bare'

/** A list of objects; null for anything else. */
const objectsOf = (value: Json | undefined): JsonObject[] | null =>
  Array.isArray(value) && value.every((v) => typeof v === 'object' && v !== null && !Array.isArray(v))
    ? (value as JsonObject[])
    : null

const asText: Kind = { fetched: ({ text }) => blank(text), event: bareText }

/** A kind whose stored JSON is the same when fetched and in an event. */
function structured(read: (value: JsonObject) => Json, text: (value: JsonObject) => string | null): Kind {
  return {
    fetched: (cv) => read(stored(cv)),
    event: read,
    text: (value) => (typeof value === 'object' && value !== null ? text(value as JsonObject) : blank(value)),
  }
}

const labelOf = (labels: DecodeContext['labels'], id: Json | undefined): string | undefined =>
  Object.hasOwn(labels, jsonText(id)) ? labels[jsonText(id)] : undefined

const status: Kind = {
  fetched: ({ text }) => blank(text),
  event: (value, { labels }) => {
    const label = value['label']
    if (typeof label === 'object' && label !== null) {
      const { text, index } = label as { text?: Json; index?: Json }
      return blank(text) ?? labelOf(labels, index) ?? null
    }
    if (value['index'] === undefined || value['index'] === null) return null
    return labelOf(labels, value['index']) ?? UNTOLD
  },
}

const dropdown: Kind = {
  fetched: ({ text }) => blank(text),
  event: (value, { labels }) => {
    const chosen = value['chosenValues'] === undefined ? undefined : objectsOf(value['chosenValues'])
    if (chosen === null) return UNTOLD
    const ids = Array.isArray(value['ids'])
      ? (value['ids'] as Json[])
      : (chosen?.map((c) => c.id ?? null) ?? [])
    const names = chosen?.map((c) => blank(c.name)) ?? ids.map((id) => labelOf(labels, id))
    const known = names.map((name, i) => name ?? labelOf(labels, ids[i]))
    if (known.some((name) => name === undefined)) return UNTOLD
    return known.length === 0 ? null : known.join(', ')
  },
}

const people: Kind = {
  fetched: ({ text }) => blank(text),
  event: (value, context) => {
    if (value['personsAndTeams'] !== undefined && objectsOf(value['personsAndTeams']) === null) return UNTOLD
    const names = entities(value).map((id) => context.people.get(id))
    if (names.some((name) => name === undefined)) return UNTOLD
    return names.length === 0 ? null : names.join(', ')
  },
}

function entities(value: JsonObject): string[] {
  return (objectsOf(value['personsAndTeams']) ?? []).map(({ id, kind }) =>
    kind === 'team' ? `team:${jsonText(id)}` : jsonText(id),
  )
}

/** The ids behind a people column, for those who join on them. */
export const peopleIds = (value: JsonObject): string[] => entities(value)

const numbers: Kind = {
  fetched: ({ value, text }) =>
    plainNumber(typeof value === 'string' ? ((parse(value) as Json | undefined) ?? text) : text),
  event: (value) => plainNumber(value['value'] ?? value[BARE]),
}

const date = structured(
  (value) => {
    const day = blank(value['date'])
    const time = blank(value['time'])
    return day === null ? null : time === null ? day : `${day}T${time}Z`
  },
  () => null,
)

const checkbox = structured(
  (value) => (['true', true].includes(value['checked'] as string | boolean) ? true : null),
  () => null,
)

const links: Kind = {
  fetched: ({ linked_item_ids }) => (linked_item_ids?.length ? linked_item_ids.map(String) : null),
  event: (value) => {
    if (!Array.isArray(value['linkedPulseIds'])) return Object.keys(value).length === 0 ? null : UNTOLD
    const links = objectsOf(value['linkedPulseIds'])
    if (links === null) return UNTOLD
    const ids = links.map((link) => jsonText(link['linkedPulseId']))
    return ids.length === 0 ? null : ids
  },
  text: (value) => (Array.isArray(value) ? value.join(', ') : null),
}

const pick =
  (names: readonly string[]) =>
  (value: JsonObject): Json => {
    const kept = names.filter((name) => blank(value[name]) !== null)
    return kept.length === 0 ? null : Object.fromEntries(kept.map((name) => [name, jsonText(value[name])]))
  }

const computed: Kind = {
  fetched: ({ display_value, text }) => (display_value === 'null' ? null : blank(display_value ?? text)),
  event: () => UNTOLD,
  live: true,
}

/** A type without a form of its own: text, and what monday keeps; its events say to read it. */
const other: Kind = {
  fetched: (cv) => {
    const value = Object.keys(stored(cv)).length === 0 ? null : stored(cv)
    return value === null ? blank(cv.text) : { text: cv.text, value }
  },
  event: (value) => (Object.keys(value).length === 0 ? null : UNTOLD),
  text: (value) => blank(typeof value === 'object' && value !== null ? (value as JsonObject)['text'] : value),
}

/** monday's column types, by their GraphQL names. */
const kinds: Readonly<Record<string, Kind>> = {
  text: asText,
  long_text: { fetched: (cv) => blank(stored(cv)['text']) ?? blank(cv.text), event: bareText },
  status,
  dropdown,
  people,
  numbers,
  date,
  checkbox,
  board_relation: links,
  dependency: links,
  subtasks: {
    ...links,
    fetched: ({ subitems_ids }) => (subitems_ids?.length ? subitems_ids.map(String) : null),
  },
  mirror: computed,
  formula: computed,
  email: structured(pick(['email', 'text']), (v) => blank(v['email'])),
  link: structured(pick(['url', 'text']), (v) => blank(v['url'])),
  phone: structured(pick(['phone', 'countryShortName']), (v) => blank(v['phone'])),
  timeline: structured(pick(['from', 'to']), (v) => `${jsonText(v['from'])} - ${jsonText(v['to'])}`),
  country: structured(pick(['countryCode', 'countryName']), (v) => blank(v['countryName'])),
  rating: structured(
    (value) => plainNumber(value['rating']),
    () => null,
  ),
  last_updated: { ...asText, event: () => UNTOLD, live: true },
  auto_number: { ...asText, event: () => UNTOLD },
  item_id: { ...asText, event: () => UNTOLD },
  creation_log: { ...asText, event: () => UNTOLD },
}

/** GraphQL's type names → those that webhooks use. */
const webhookNames: Readonly<Record<string, string>> = {
  color: 'status',
  'multiple-person': 'people',
  'multiple-person-and-team': 'people',
  numeric: 'numbers',
  boolean: 'checkbox',
  'long-text': 'long_text',
  'board-relation': 'board_relation',
  lookup: 'mirror',
  'pulse-updated': 'last_updated',
  'pulse-log': 'creation_log',
  'pulse-id': 'item_id',
  timerange: 'timeline',
}

/** The kind of a column type, by either of its names. */
export const kindOf = (type: string): Kind => kinds[webhookNames[type] ?? type] ?? other

/** A value as monday shows it. */
export function textOf(type: string, value: Json): string | null {
  const kind = kindOf(type)
  return kind.text === undefined
    ? value === null
      ? null
      : jsonText(value)
    : (kind.text(value) ?? blank(value))
}
