import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json, JsonObject, Observation } from '../../engine/observation.ts'
import { parseStamp } from '../../engine/stamp.ts'
import type { Outcome, Parsed } from '../contract.ts'
import type { BoardColumn } from './board-schema.ts'
import { identify, parseDelivery } from './parse.ts'
import { boardContext } from './rows.ts'

const TASKS = '7786783342'
const SUBITEMS = '8400809115'

const column = (id: string, type: string, settings: JsonObject = {}): BoardColumn => ({
  id,
  title: id,
  type,
  settings,
})
const status = { labels: { 0: 'Working on it', 1: 'Done', 2: 'Stuck' } }
const colours = { labels: [{ id: 1, name: 'Red' }, { id: 2, name: 'Green, light' }] } // prettier-ignore

const people = new Map([
  ['67214740', 'Alex Baird'],
  ['67214741', 'Bea Castell'],
])

const tasks = boardContext(
  {
    board: TASKS,
    name: 'Tasks',
    table: 'tasks',
    fields: {
      item_name: { column: 'name', as: 'text' },
      due: { column: 'date4', as: 'date' },
      meeting_day: { column: 'date5', as: 'date' },
      meeting: { column: 'date5', as: 'timestamp' },
      owner: { column: 'person', as: 'people' },
      owner_ids: { column: 'person', as: 'people_ids' },
      done: { column: 'check', as: 'boolean' },
      clients: { column: 'connect', as: 'links' },
      client: { column: 'connect', as: 'link' },
    },
  },
  {
    id: TASKS,
    name: 'Tasks',
    state: 'active',
    columns: [
      column('subitems', 'subtasks', { boardIds: [Number(SUBITEMS)] }),
      column('status', 'status', status),
      column('dropdown', 'dropdown', colours),
      column('person', 'people'),
      column('date4', 'date'),
      column('date5', 'date'),
      column('numbers', 'numbers'),
      column('text', 'text'),
      column('long_text', 'long_text'),
      column('check', 'checkbox'),
      column('tags', 'tags'),
      column('connect', 'board_relation'),
      column('last_updated', 'last_updated'),
    ],
  },
  people,
  'Europe/London',
)
const subitems = boardContext(
  {
    board: SUBITEMS,
    name: 'Subitems',
    table: 'subtasks',
    parentBoard: TASKS,
    fields: { item_name: { column: 'name', as: 'text' }, parent: { column: 'parent_item_id', as: 'text' } },
  },
  { id: SUBITEMS, name: 'Subitems', state: 'active', columns: [column('date0', 'date')] },
  people,
  'UTC',
)
const boards = new Map([
  [TASKS, tasks],
  [SUBITEMS, subitems],
])

const file = join(import.meta.dirname, '../../../test/fixtures/monday/events.json')
const events = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { event: JsonObject }>
const event = (name: string): { event: JsonObject } => {
  const found = events[name]
  if (found === undefined) throw new Error(`no fixture "${name}"`)
  return found
}

const RECEIVED = Date.UTC(2026, 2, 4, 9, 15, 21) * 1000
const CHANGED = 1_772_615_720_123_456
const TRIGGERED = Date.UTC(2026, 2, 4, 9, 15, 20, 250) * 1000

const parse = (payload: Json): Parsed => parseDelivery(boards, { n: 7, receivedAt: RECEIVED, payload })

interface Expected {
  readonly outcome: Outcome
  /** table and key → the values, or what befell the row. */
  readonly rows?: Readonly<Record<string, unknown>>
  readonly at?: number
  readonly refetch?: readonly [stream: string, key: string]
}

const task = 'tasks 6000000001'
const subtask = 'subtasks 1900000123'
const readTask = [TASKS, '6000000001'] as const
const readSubtask = [SUBITEMS, '1900000123'] as const
const set = (values: object): Expected => ({ outcome: 'applied', rows: { [task]: values }, at: CHANGED })
const hint = (refetch: readonly [string, string] = readTask): Expected => ({ outcome: 'hint', refetch })
const dropped = (outcome: 'ignored' | 'unknown'): Expected => ({ outcome })

/** Every fixture, by name: a fixture without its line here fails. */
const expected: Readonly<Record<string, Expected>> = {
  'item created': hint(),
  'subitem created': hint(readSubtask),
  'status changed': set({ '+status': 'Working on it' }),
  'status changed, label only by index': set({ '+status': 'Stuck' }),
  'status emptied, as a grey label': set({ '+status': null }),
  'status emptied': set({ '+status': null }),
  'dropdown changed': set({ '+dropdown': 'Red, Green, light' }),
  'dropdown changed to an unknown label': hint(),
  'person set': set({ owner: 'Alex Baird, Bea Castell', owner_ids: ['67214740', '67214741'] }),
  'person unknown': hint(),
  'person emptied': set({ owner: null, owner_ids: null }),
  'date set': set({ due: '2026-02-05' }),
  // Half past eleven at night UTC is the next day in London's summer.
  'date and time set': set({ meeting_day: '2026-07-02', meeting: '2026-07-01T23:30:00.000Z' }),
  'number set': set({ '+numbers': '10.5' }),
  'number emptied': set({ '+numbers': null }),
  'text set': set({ '+text': 'Hello, "world"' }),
  'long text set': set({ '+long_text': 'one\ntwo' }),
  'checkbox set': set({ done: true }),
  'items connected': set({ clients: ['5000000001', '5000000002'], client: '5000000001' }),
  'items disconnected': set({ clients: null, client: null }),
  'tags set': hint(),
  'subitems of an item changed': dropped('ignored'),
  'a column that is not known': hint(),
  'a change without its time': hint(),
  'a change dated in the far future': hint(),
  'subitem date set': { outcome: 'applied', rows: { [subtask]: { '+date0': '2026-02-05' } }, at: CHANGED },
  renamed: { outcome: 'applied', rows: { [task]: { item_name: 'New name' } }, at: TRIGGERED },
  'subitem renamed': {
    outcome: 'applied',
    rows: { [subtask]: { item_name: 'New sub name' } },
    at: TRIGGERED,
  },
  deleted: { outcome: 'applied', rows: { [task]: 'delete' }, at: TRIGGERED },
  archived: { outcome: 'applied', rows: { [task]: 'delete' }, at: TRIGGERED },
  'subitem archived': { outcome: 'applied', rows: { [subtask]: 'delete' }, at: TRIGGERED },
  'subitem deleted': { outcome: 'applied', rows: { [subtask]: 'delete' }, at: TRIGGERED },
  restored: { outcome: 'hint', rows: { [task]: 'restore' }, at: TRIGGERED, refetch: readTask },
  'moved to a group': hint(),
  'subitem moved to another item': {
    ...hint(readSubtask),
    rows: { [subtask]: { parent: '6000000002' } },
    at: TRIGGERED,
  },
  'column created': dropped('ignored'),
  'update written': dropped('ignored'),
  'update of a subitem written': dropped('ignored'),
  'a board that is not mirrored': dropped('ignored'),
  'an event of the future': dropped('unknown'),
  'no item': dropped('unknown'),
}

function shown({ outcome, observations, refetches }: Parsed): Expected {
  const rows: Record<string, unknown> = {}
  for (const { table, key, kind, values, extra } of observations) {
    const kept = Object.entries(extra ?? {}).map(([id, value]) => [`+${id}`, value] as const)
    const told = { ...values, ...Object.fromEntries(kept) }
    if ('+last_updated' in told) continue
    rows[`${table} ${key}`] = kind === 'fields' ? told : kind
  }
  const [first] = observations
  const [wish] = refetches
  return {
    outcome,
    ...(first === undefined ? {} : { rows, at: parseStamp(first.stamp).at }),
    ...(wish === undefined ? {} : { refetch: [wish.stream, wish.keys[0] ?? ''] as const }),
  }
}

describe('an event of monday', () => {
  it('has an expectation for every fixture', () => {
    expect(Object.keys(expected).toSorted()).toEqual(Object.keys(events).toSorted())
  })

  it.each(Object.keys(expected))('%s', (name) => {
    expect(shown(parse(event(name) as unknown as Json))).toEqual(expected[name])
  })

  it('moves the last-updated column, which sends no event of its own, to the second of the change', () => {
    const moved = parse(event('text set') as unknown as Json).observations.find(
      (o: Observation) => o.extra?.['last_updated'] !== undefined,
    )
    expect(moved?.extra).toEqual({ last_updated: '2026-03-04 09:15:20 UTC' })
  })

  it.each([
    ['create_item', 'item created'],
    ['create_subitem', 'subitem created'],
    ['change_column_value', 'text set'],
    ['change_status_column_value', 'status changed'],
    ['change_specific_column_value', 'text set'],
    ['change_subitem_column_value', 'subitem date set'],
    ['change_name', 'renamed'],
    ['change_subitem_name', 'subitem renamed'],
    ['item_archived', 'archived'],
    ['item_deleted', 'deleted'],
    ['subitem_archived', 'subitem archived'],
    ['subitem_deleted', 'subitem deleted'],
    ['item_restored', 'restored'],
    ['item_moved_to_any_group', 'moved to a group'],
    ['item_moved_to_specific_group', 'moved to a group'],
  ])('under its subscribed name %s is what it is under its old one', (type, name) => {
    const payload = { event: { ...event(name).event, type } }
    expect(shown(parse(payload))).toEqual(expected[name])
  })

  it('stamps a rename by its trigger time, whatever else the event claims', () => {
    const payload = { event: { ...event('renamed').event, changedAt: 1e300 } }
    expect(shown(parse(payload))).toEqual(expected['renamed'])
  })

  it('takes only what the board lists for a label', () => {
    const value = { label: { index: 'constructor', text: null } }
    expect(shown(parse({ event: { ...event('status changed').event, value } }))).toEqual(
      set({ '+status': null }),
    )
  })

  it('says why an event is left aside', () => {
    for (const name of ['an event of the future', 'no item', 'a board that is not mirrored']) {
      expect(parse(event(name) as unknown as Json).note).toMatch(/\w/)
    }
  })
})

describe('the identity of an event', () => {
  const keyOf = (name: string, change: JsonObject = {}): string | undefined =>
    identify({ event: { ...event(name).event, ...change } }).key

  it('is one for several subscriptions, for a retry, and with a later delivery', () => {
    const first = keyOf('status changed')
    expect(first).toBeDefined()
    expect(keyOf('status changed', { subscriptionId: 510_000_999, isRetry: true })).toBe(first)
  })

  it('differs by trigger, type, item and column', () => {
    const keys = Object.keys(events).map((name) => keyOf(name))
    expect(new Set(keys).size).toBe(keys.length)
    const first = keyOf('status changed')
    for (const change of [
      { columnId: 'status2' },
      { pulseId: 6_000_000_002 },
      { type: 'x' },
      { boardId: 5 },
    ]) {
      expect(keyOf('status changed', change)).not.toBe(first)
    }
  })

  it('is left to the hash of the body where monday gave none', () => {
    expect(keyOf('status changed', { triggerUuid: null })).toBeUndefined()
    expect(identify({ challenge: 'x' })).toEqual({
      key: undefined,
      type: undefined,
      stream: undefined,
      entity: undefined,
    })
  })

  it('takes ids as numbers and as strings alike', () => {
    expect(keyOf('status changed', { pulseId: '6000000001', boardId: TASKS })).toBe(keyOf('status changed'))
  })
})

describe('whatever the body holds', () => {
  const strange = fc.oneof(
    fc.json({ maxDepth: 4 }).map((text) => JSON.parse(text) as Json),
    fc.constantFrom<Json>(
      1e300,
      -1,
      0.1,
      '',
      '\u0000',
      '\ud800',
      'constructor',
      '__proto__',
      [],
      {},
      null,
      2 ** 53,
    ),
  )
  const bent = fc
    .tuple(
      fc.constantFrom(...Object.values(events)),
      fc.dictionary(fc.constantFrom(...fieldNames()), strange),
    )
    .map(([payload, changes]): Json => ({ event: { ...payload.event, ...changes } }))

  function fieldNames(): string[] {
    return [...new Set(Object.values(events).flatMap(({ event }) => Object.keys(event)))]
  }

  const reads = (payload: Json): void => {
    const { outcome, observations, refetches } = parse(payload)
    expect(['applied', 'hint', 'ignored', 'unknown']).toContain(outcome)
    for (const o of observations) {
      expect(o.key).toMatch(/^[1-9]\d{0,19}$/)
      expect(parseStamp(o.stamp).at).toBeLessThan(RECEIVED + 86_400_000_001)
      for (const value of Object.values({ ...o.values, ...o.extra }))
        expect(typeof value).not.toBe('function')
    }
    if (outcome === 'hint') expect(refetches.length).toBeGreaterThan(0)
    const { key, entity } = identify(payload)
    expect(['string', 'undefined']).toContain(typeof key)
    if (entity !== undefined) expect(entity).toMatch(/^\d+$/)
  }

  it('is read without an exception: any JSON', () => {
    fc.assert(fc.property(strange, reads))
    fc.assert(fc.property(fc.dictionary(fc.constantFrom('event', 'challenge'), strange), reads))
  })

  it('is read without an exception: events with any field bent', () => {
    fc.assert(fc.property(bent, reads), { numRuns: 2_000 })
  })
})
