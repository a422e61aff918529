import fc from 'fast-check'
import { expect, it } from 'vitest'
import { processBatch } from '../../src/inbox/process.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { everyColumnWorld } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { withNode } from '../support/node.ts'
import { drain, FIRST_CLIENT, FIRST_TASK, readAgain, rowOf, TASKS, withTasksApp } from './tasks-app.ts'

const PERSON = 67_214_740
const two = (n: number): string => String(n).padStart(2, '0')
const empty = fc.constant(null)
const text = fc.oneof(
  fc.string({ minLength: 1, maxLength: 20 }),
  fc.constantFrom('ü, "quoted" \\ back', 'null', '0', ' ', '{"a":1}', 'two\nlines', '😀'),
)
const day = fc
  .tuple(
    fc.integer({ min: 1990, max: 2040 }),
    fc.integer({ min: 1, max: 12 }),
    fc.integer({ min: 1, max: 28 }),
  )
  .map(([y, m, d]) => `${y}-${two(m)}-${two(d)}`)
const time = fc.tuple(fc.nat(23), fc.nat(59), fc.nat(59)).map(([h, m, s]) => `${two(h)}:${two(m)}:${two(s)}`)
const decimal = fc.tuple(fc.integer(), fc.nat(4)).map(([n, places]) => (n / 10 ** places).toFixed(places))
const some = (first: number, count: number) =>
  fc.uniqueArray(
    fc.nat(count - 1).map((i) => first + i),
    { maxLength: 3 },
  )
const people = some(PERSON, 6).map((ids) => ({ personsAndTeams: ids.map((id) => ({ id, kind: 'person' })) }))

/** What a person may put into each column of the board, by its id. */
const edits: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  status: fc.constantFrom({ index: 0 }, { index: 1 }, { index: 2 }, { index: 5 }),
  dropdown: fc.uniqueArray(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }).map((ids) => ({ ids })),
  person: people,
  date4: fc.record({ date: day, time: empty }),
  date5: fc.record({ date: day, time }),
  numbers: decimal,
  numbers2: fc.integer({ min: -1e6, max: 1e6 }).map(String),
  text,
  long_text: text.map((t) => ({ text: t })),
  check: fc.boolean().map((checked) => ({ checked })),
  email: fc.record({ email: text, text }),
  link: fc.record({ url: fc.webUrl(), text: fc.oneof(text, fc.constant('')) }),
  phone: fc.record({ phone: decimal, countryShortName: fc.constantFrom('GB', '') }),
  timeline: fc.record({ from: day, to: day }),
  country: fc.constantFrom({ countryCode: 'FR', countryName: 'France' }),
  rating: fc.integer({ min: 1, max: 5 }).map((rating) => ({ rating })),
  tags: some(11, 3).map((tag_ids) => ({ tag_ids })),
  connect: some(FIRST_CLIENT, 12).map((item_ids) => ({ item_ids })),
  dependent_on: some(FIRST_TASK + 1, 5).map((item_ids) => ({ item_ids })),
}
/** Their events do not tell the value as a read does, so they ask for the row. */
const HINTED = new Set(['tags'])
/** Computed from others: no event tells of them. */
const COMPUTED = new Set(['mirror', 'mirror_formula', 'formula'])

const row = fc.record(
  Object.fromEntries(
    Object.entries(edits).map(([id, value]) => [id, fc.oneof({ arbitrary: value, weight: 5 }, empty)]),
  ),
)

function comparable(stored: Record<string, unknown> | undefined): Record<string, unknown> {
  const flat = { ...stored, ...(stored?.['extra'] as object | undefined), extra: null }
  const left = (id: string): boolean => HINTED.has(id) || COMPUTED.has(id)
  return Object.fromEntries(Object.entries(flat).filter(([id]) => !left(id.replace(/^c_/, ''))))
}

it.each(['all', 'extra'] as const)(
  'every column type: an edit told by webhook ends as the value that a fresh read brings (mapped: %s)',
  async (map) => {
    await withSim({ world: everyColumnWorld(1, { tasks: 8 }) }, async (sim) => {
      await withDatabase(async (db) => {
        const test = async (app: Parameters<Parameters<typeof withTasksApp>[2]>[0]): Promise<void> => {
          await withNode(
            db,
            app,
            async ({ pipeline }) => {
              await syncApp(db, pipeline, { signal: AbortSignal.timeout(30_000), full: true, drain: true })
              await fc.assert(
                fc.asyncProperty(row, async (values) => {
                  for (const [column, value] of Object.entries(values)) {
                    sim.edit.setColumn(TASKS, FIRST_TASK, column, value)
                  }
                  await sim.deliveries.idle()
                  while ((await processBatch(db, pipeline, 500)).settled > 0);
                  const told = comparable(await rowOf(db, 'tasks', FIRST_TASK))
                  await drain(db, pipeline)
                  await readAgain(db, pipeline, TASKS, [String(FIRST_TASK)])
                  expect(told).toEqual(comparable(await rowOf(db, 'tasks', FIRST_TASK)))
                }),
                { numRuns: 25 },
              )
              const { rows } = await db.query(
                `select distinct payload #>> '{event,columnId}' as column, outcome from lockstep.inbox
                 where outcome <> 'applied'`,
              )
              expect(rows).toEqual([{ column: 'tags', outcome: 'hint' }])
            },
            { role: 'ingest' },
          )
        }
        await withTasksApp(db, sim, test, { map })
      })
    })
  },
)

it('a person unknown here is asked for, and comes with the name', async () => {
  await withSim({ world: everyColumnWorld(1, { tasks: 4 }) }, async (sim) => {
    await withDatabase(async (db) => {
      await withTasksApp(db, sim, (app) =>
        withNode(
          db,
          app,
          async ({ pipeline }) => {
            await syncApp(db, pipeline, { signal: AbortSignal.timeout(30_000), full: true, drain: true })
            sim.world.users.set(PERSON + 50, {
              id: PERSON + 50,
              name: 'New Colleague',
              email: 'new@example.com',
            })
            const personsAndTeams = [
              { id: PERSON + 50, kind: 'person' },
              { id: 51_166, kind: 'team' },
            ]
            sim.edit.setColumn(TASKS, FIRST_TASK, 'person', { personsAndTeams })
            await sim.deliveries.idle()
            expect(await processBatch(db, pipeline, 10)).toMatchObject({ settled: 1, refetches: 1 })
            await drain(db, pipeline)
            expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_person: 'New Colleague, Design' })
          },
          { role: 'ingest' },
        ),
      )
    })
  })
})
