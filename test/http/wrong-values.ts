import { randomUUID } from 'node:crypto'

type Path = readonly (string | number)[]

const nested = (levels: number): unknown => {
  let value: unknown = 1
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? [value] : { value }
  return value
}

/** What a field may hold against all expectation; each is of the wrong type for some field. */
export const wrongValues: Readonly<Record<string, unknown>> = {
  nothing: undefined,
  null: null,
  yes: true,
  zero: 0,
  negative: -1,
  fraction: 0.1,
  tiny: 1e-300,
  huge: 1e300,
  'past 2^53': 2 ** 63,
  'past 2^31, as text': '99999999999999999999',
  'empty text': '',
  NUL: 'a\u0000b',
  'half a pair': '\ud800',
  'long text': 'é'.repeat(5_000),
  'not a date': '2026-99-99T99:99:99Z',
  'year 300000': '+300000-01-01T00:00:00.000Z',
  'JSON in text': '{"label":{"index":1}}',
  'a key of every object': '__proto__',
  'empty list': [],
  list: [null, 1, 'x', [], {}],
  'empty object': {},
  object: {
    index: {},
    label: [],
    text: 5,
    ids: 'x',
    personsAndTeams: {},
    date: [],
    linkedPulseIds: 1,
    value: {},
  },
  deep: nested(1_000),
}

/** Every place in a value that holds something. */
export function pathsOf(value: unknown, at: Path = []): Path[] {
  if (typeof value !== 'object' || value === null) return [at]
  const own = Object.entries(value).flatMap(([key, inner]) =>
    pathsOf(inner, [...at, Array.isArray(value) ? Number(key) : key]),
  )
  return at.length === 0 ? own : [at, ...own]
}

/** The same value with another thing in one place; undefined takes the place away. */
export function replaceAt(value: unknown, path: Path, by: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return by
  if (Array.isArray(value))
    return value.map((inner, i) => (i === key ? replaceAt(inner, rest, by) : (inner as unknown)))
  const object = value as Readonly<Record<string, unknown>>
  return { ...object, [key]: replaceAt(object[key], rest, by) }
}

/** An event of its own: a known payload under a trigger that nobody used. */
export function asNew(payload: unknown): unknown {
  return replaceAt(payload, ['event', 'triggerUuid'], randomUUID().replaceAll('-', ''))
}
