import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Database } from '../src/db/database.ts'
import { Collapsing, isLive, type Registers } from '../src/engine/merge.ts'
import { jsonText, type Observation } from '../src/engine/observation.ts'
import { type Stamp, stamp } from '../src/engine/stamp.ts'
import { applyObservations, createMirror, type Mirror } from '../src/mirror/apply.ts'
import { checkTables } from '../src/mirror/mirror-table.ts'
import { defineTable, sourceColumns } from '../src/mirror/table-spec.ts'
import { withDatabase } from './support/database.ts'

const parents = defineTable({
  name: 'parents',
  key: 'vendor_id',
  columns: { a: 'text', b: 'numeric', note: { type: 'text', owner: 'local' } },
})
const children = defineTable({
  name: 'children',
  key: 'vendor_id',
  columns: { parent_id: 'text', a: 'text', tags: 'text[]' },
  watch: ['parent_id', 'a'],
  parent: { table: 'parents', column: 'parent_id' },
})

async function makeMirror(db: Database): Promise<Mirror> {
  for (const { name, columns } of [parents, children]) {
    const list = Object.entries(columns).map(([c, { type }]) => `${c} ${type}`)
    await db.query(`create table ${name} (id bigint generated always as identity, vendor_id text primary key,
      ${list.join(', ')}, extra jsonb not null default '{}', _stamp text collate "C" not null, _stamps jsonb, _digest text,
      last_synced_at timestamptz not null default now())`)
  }
  return createMirror(await checkTables(db, [parents, children]))
}

const key = fc.constantFrom('k1', 'k2', 'k3')
const text = fc.constantFrom('x', 'y', 'ü\u0000"\\', null)
const number = fc.constantFrom('1', '2.50', '12345678901234567890.123456789', null)

/** Whole rows, partial rows, events, deletes, restores, of a few keys at a few moments, so that they collide. */
const observation = fc
  .record({
    table: fc.constantFrom('parents', 'children'),
    key,
    kind: fc.constantFrom('row', 'row', 'fields', 'fields', 'delete', 'restore'),
    at: fc.integer({ min: 1, max: 6 }),
    seen: fc.integer({ min: 1, max: 3 }),
    a: text,
    parent: fc.constantFrom('k1', 'k2', null),
    b: number,
    tags: fc.option(fc.array(fc.constantFrom('p', 'q,"'), { maxLength: 2 })),
    extra: fc.dictionary(fc.constantFrom('e1', 'e2'), fc.oneof(fc.integer(), text)),
    partial: fc.boolean(),
    live: fc.option(fc.integer({ min: 1, max: 6 })),
    deleted: fc.boolean(),
  })
  .map((d) => d)

type Draft = typeof observation extends fc.Arbitrary<infer D> ? D : never

function toObservation(d: Draft, n: number): Observation {
  const at = (micros: number): Stamp => stamp({ at: micros, seen: d.seen, n })
  const other = d.table === 'parents' ? { b: d.b } : { parent_id: d.parent, tags: d.tags }
  const carried = { a: d.a, ...(d.partial ? {} : other) }
  // Some events bring nothing but columns that nobody mapped.
  const values = d.kind === 'row' || (d.kind === 'fields' && !d.deleted) ? carried : {}
  const extra = d.kind === 'row' || d.kind === 'fields' ? d.extra : {}
  const base = {
    table: d.table,
    key: d.key,
    kind: d.kind,
    stamp: at(d.at),
    values,
    extra,
  }
  if (d.kind !== 'row') return base
  const stamps = d.live === null ? {} : { a: at(d.live), '+e1': at(d.live) }
  return { ...base, stamps, deleted: d.deleted, omitted: d.partial ? ['e2'] : [] }
}

interface Shown {
  readonly live: object[]
  readonly tombstones: object[]
}

async function show(db: Database): Promise<Shown> {
  const live: object[] = []
  for (const { name } of [parents, children]) {
    const { rows } = await db.query(
      `select '${name}' as t, to_jsonb(x)::text as row from (select * from ${name} order by vendor_id) as x`,
    )
    for (const { row } of rows as { row: string }[]) {
      live.push(
        JSON.parse(
          row.replace(/"(id|last_synced_at|_digest)": ?("[^"]*"|\d+|null),? ?/g, '').replace(/, ?}$/, '}'),
        ),
      )
    }
  }
  const { rows } = await db.query(
    `select table_name, key, deleted, stamp, stamps, source_values::text as v, extra from lockstep.tombstones order by 1, 2`,
  )
  return { live, tombstones: rows }
}

async function applyAll(db: Database, mirror: Mirror, batches: readonly Observation[][]): Promise<Shown> {
  await db.query('truncate parents, children, lockstep.tombstones')
  for (const batch of batches) {
    await db.transaction((tx, attempt) => applyObservations(tx, mirror, batch, attempt))
  }
  return show(db)
}

function cut<T>(items: readonly T[], sizes: readonly number[]): T[][] {
  const batches: T[][] = []
  for (let at = 0, i = 0; at < items.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    batches.push(items.slice(at, at + size))
    at += size
  }
  return batches
}

/** The public tables show what the pure model says: rows seen whole, not deleted, whose parent is not dead. */
async function expectModel(db: Database, all: readonly Observation[]): Promise<void> {
  const state = (spec: typeof parents): Registers[] => {
    const collapsing = new Collapsing(sourceColumns(spec))
    for (const observation of all) if (observation.table === spec.name) collapsing.add(observation)
    return collapsing.end()
  }
  const dead = new Set(
    state(parents)
      .filter((r) => r.deleted)
      .map((r) => r.key),
  )
  const clean = (v: unknown): unknown => (typeof v === 'string' ? v.replaceAll('\u0000', '') : (v ?? null))
  for (const spec of [parents, children]) {
    const shown = await db.query(`select vendor_id as key, a from ${spec.name} order by 1`)
    const model = state(spec).filter(
      (r) => isLive(r) && !dead.has(spec === children ? jsonText(r.values['parent_id']) : ''),
    )
    expect(shown.rows).toEqual(model.map((r) => ({ key: r.key, a: clean(r.values['a']) })))
  }
}

describe('mirror', () => {
  it('ends the same for every order, batching and repetition, and as the model says', async () => {
    await withDatabase(async (db) => {
      const mirror = await makeMirror(db)
      await fc.assert(
        fc.asyncProperty(
          fc.array(observation, { minLength: 1, maxLength: 12 }),
          fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
          fc.infiniteStream(fc.nat()),
          async (drafts, sizes, random) => {
            const all = drafts.map((d, i) => toObservation(d, i + 1))
            const inOrder = await applyAll(db, mirror, [all])
            const weight = new Map([...all, ...all].map((o) => [o, random.next().value]))
            const shuffled = [...all, ...all.slice(0, 3)].sort(
              (a, b) => (weight.get(a) ?? 0) - (weight.get(b) ?? 0),
            )
            expect(await applyAll(db, mirror, cut(shuffled, sizes))).toEqual(inOrder)
            await expectModel(db, all)
          },
        ),
        { numRuns: 150 },
      )
    })
  })
})
