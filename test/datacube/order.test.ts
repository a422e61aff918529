import {
  array,
  assert,
  asyncProperty,
  constant,
  constantFrom,
  infiniteStream,
  integer,
  nat,
  oneof,
  record,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json, Observation } from '../../src/engine/observation.ts'
import { stamp } from '../../src/engine/stamp.ts'
import { recomputeAll } from '../../src/apps/datacube/derive/derive.ts'
import { type World, withWorld } from './support/world.ts'

const pick = <T extends Json>(...values: T[]) => constantFrom(...values)
const NAMES = ['10_25.01 - A', '10_25.01 - a ', '10_25.02 - B', '20_25.01 - A', 'Template', null] as const
const when = record({
  at: integer({ min: 1, max: 9 }),
  kind: pick('row', 'row', 'row', 'fields', 'delete', 'restore'),
})

const projectDraft = record({
  when,
  key: pick('p1', 'p2'),
  values: record({ item_name: pick('10', '20'), pipeline_stage: pick('Lost', 'Won Via Other Ref', null) }),
  extra: record({
    lookup_mkq010zk: pick('Z, Z', null),
    mirror4__1: pick('70', null),
    color_mkvmjryt: pick('40%', null),
  }),
})
const subitemDraft = record({
  when,
  key: pick('s1', 's2', 's3'),
  values: record({
    item_name: pick(...NAMES),
    parent_monday_id: pick('p1', 'p2', 'p3', null),
    linked_hidden_item_id: pick('h1', 'h2', 'gone', null, null),
  }),
  extra: record({
    mirror_12__1: pick('A', 'B', null),
    mirror17__1: pick('1,000', null),
    mirror98__1: pick('2025-01-01', null),
  }),
})
const hiddenDraft = record({
  when,
  key: pick('h1', 'h2', 'h3'),
  values: record({
    item_name: pick(...NAMES),
    project_name: pick('Roof', null),
    reason_for_change: pick('New Enquiry', 'Amendment - Area', null),
    quote_amount_vendor: pick('5', '20000', null),
    cust_order_value_material: pick('3', null, null),
    date_design_completed: pick('2025-01-01', '2025-02-01', null),
    invoice_date: pick('2025-03-01', null),
  }),
  extra: constant({}),
})
const draft = oneof(
  projectDraft.map((d) => ({ ...d, table: 'projects' })),
  subitemDraft.map((d) => ({ ...d, table: 'subitems' })),
  hiddenDraft.map((d) => ({ ...d, table: 'hidden_items' })),
)
interface Draft {
  readonly table: string
  readonly key: string
  readonly when: { readonly at: number; readonly kind: Observation['kind'] }
  readonly values: Observation['values']
  readonly extra: NonNullable<Observation['extra']>
}

function toObservation({ table, key, when: { at, kind }, values, extra }: Draft, n: number): Observation {
  const base = {
    table,
    key,
    kind,
    stamp: stamp({ at, seen: 1, n: n + 1 }),
  }
  return kind === 'row' || kind === 'fields' ? { ...base, values, extra } : { ...base, values: {} }
}

const KEPT_APART = `'{id,_stamp,_stamps,last_synced_at,created_at,updated_at,sync_version}'::text[]`

async function show(world: World): Promise<unknown> {
  const tables = ['projects', 'subitems', 'hidden_items'].map(
    (table) => `select '${table}' as name, to_jsonb(t) - ${KEPT_APART} as row from public.${table} as t`,
  )
  const { rows } = await world.db.query(
    `select * from (${tables.join(' union all ')}) as t order by name, row ->> 'monday_id'`,
  )
  return rows
}

async function applyAll(world: World, pages: readonly (readonly Observation[])[]): Promise<unknown> {
  await world.db.query('truncate projects, subitems, hidden_items, lockstep.tombstones')
  for (const page of pages) await world.apply(...page)
  return show(world)
}

/** Pages as a lane makes them: each of one board. */
const pagesOf = (all: readonly Observation[], size: number): Observation[][] =>
  [...Map.groupBy(all, (o) => o.table).values()].flatMap((own) =>
    Array.from({ length: Math.ceil(own.length / size) }, (_, i) => own.slice(i * size, (i + 1) * size)),
  )

describe('derived data', () => {
  it('ends the same whatever order pages, events, deletes and restores come in', async () => {
    await withWorld(async (world) => {
      await assert(
        asyncProperty(
          array(draft, { minLength: 4, maxLength: 24 }),
          integer({ min: 1, max: 4 }),
          infiniteStream(nat()),
          async (drafts, size, random) => {
            const all = drafts.map(toObservation)
            const once = await applyAll(world, [all])
            await recomputeAll(world.db)
            expect(await show(world), 'what changes lead to is what a full recomputation finds').toEqual(once)
            const pages = pagesOf(all, size).map((page) => ({ page, place: random.next().value as number }))
            const shuffled = pages.sort((a, b) => a.place - b.place).map(({ page }) => page)
            expect(await applyAll(world, shuffled), 'in another order').toEqual(once)
          },
        ),
        { numRuns: 60 },
      )
    })
  })

  it('sees the rows of batches that run beside it', async () => {
    await withWorld(async (world) => {
      await assert(
        asyncProperty(array(draft, { minLength: 6, maxLength: 24 }), async (drafts) => {
          // A lane a board, as in a first load. Deaths cross the boards' order of locking: they are left to deadlock
          // detection, whose second of waiting has no place here.
          const all = drafts.map((d, n) => toObservation({ ...d, when: { ...d.when, kind: 'row' } }, n))
          const once = await applyAll(world, [all])
          await world.db.query('truncate projects, subitems, hidden_items, lockstep.tombstones')
          await Promise.all(pagesOf(all, 100).map((page) => world.apply(...page)))
          expect(await show(world)).toEqual(once)
        }),
        { numRuns: 40 },
      )
    })
  })
})
