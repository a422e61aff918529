import { describe, expect, it } from 'vitest'
import type { App } from '../../src/apps/contract.ts'
import { stamp } from '../../src/engine/stamp.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import type { Database } from '../../src/db/database.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { applyObservations } from '../../src/mirror/apply.ts'
import { defineTable } from '../../src/mirror/table-spec.ts'
import { type FetchedRow, ROW, type Source } from '../../src/sources/contract.ts'
import { withDatabase } from '../support/database.ts'

const PAGE = 500
/** Of three batches. */
const ROWS = 12_000
const UPDATED_AT = Date.UTC(2025, 0, 1) * 1000

const row = (k: number, quantity: string = String(k)): FetchedRow => ({
  key: `row_${String(k).padStart(6, '0')}`,
  values: { title: `Row ${k}`, quantity },
  updatedAt: UPDATED_AT,
})

const unchanged = (): FetchedRow[] => Array.from({ length: ROWS }, (_, k) => row(k))

/** A vendor whose list is quicker to read than to write, and whose pages are what the test says. */
function listApp(rows: () => readonly FetchedRow[]): App {
  const none = (): Promise<never[]> => Promise.resolve([])
  const source: Source = {
    vendor: 'list',
    streams: [{ id: 'list', name: 'List', table: 'list', columns: ['title', 'quantity'], parts: [ROW] }],
    prepare: () => Promise.resolve({ problems: [] }),
    readPage({ cursor }) {
      const start = Number(cursor ?? 0)
      const [all, end] = [rows(), start + PAGE]
      return Promise.resolve({
        rows: all.slice(start, end),
        floor: Date.now() * 1000,
        granule: 1_000_000,
        next: end < all.length ? end : undefined,
        gaps: [],
        total: all.length,
      })
    },
    readKeys: () => Promise.reject(new Error('nothing is to be missed')),
    parse: () => ({ outcome: 'ignored', observations: [], refetches: [] }),
    dependencies: () => [],
    door: {
      guarded: true,
      pathSecret: undefined,
      verify: () => Promise.resolve({ ok: false, reason: 'no webhooks' }),
      challenge: () => undefined,
      identify: () => ({ key: undefined, type: undefined, stream: undefined, entity: undefined }),
    },
    webhooks: { retryHorizonMs: 0, wanted: [], register: none, list: none, remove: none },
    keysMax: 100,
    coalesceMs: 0,
    usage: () =>
      Promise.resolve({
        day: '2026-01-01',
        calls: 0,
        rejected: 0,
        dailyCap: undefined,
        blockedUntilMs: undefined,
        blockedBy: undefined,
      }),
  }
  return {
    name: 'list',
    tables: [defineTable({ name: 'list', key: 'id', columns: { title: 'text', quantity: 'integer' } })],
    migrations: [],
    source: () => source,
  }
}

async function withList(
  rows: () => readonly FetchedRow[],
  work: (db: Database, pipeline: Pipeline) => Promise<void>,
): Promise<void> {
  await withDatabase(async (db) => {
    await db.query(`create table public.list (id text primary key, title text, quantity integer,
      extra jsonb not null default '{}', _stamp text collate "C" not null, _stamps jsonb, last_synced_at timestamptz)`)
    const app = listApp(rows)
    await migrateAll(db, [app])
    const [pipeline] = await openPipelines(db, [app])
    if (pipeline === undefined) throw new Error('no pipeline')
    await work(db, pipeline)
  })
}

async function passOver(db: Database, pipeline: Pipeline) {
  const { runs, failures } = await syncApp(db, pipeline, { signal: AbortSignal.timeout(50_000), full: true })
  expect(failures).toEqual([])
  return runs.at(-1)
}

async function countRows(db: Database, condition = 'true'): Promise<unknown> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from public.list where title = 'Row ' || right(id, 6)::int and ${condition}`,
  )
  return rows[0]?.n
}

describe('batches of a pass that are written side by side', () => {
  it('leave nothing out, and the second pass writes nothing', async () => {
    await withList(unchanged, async (db, pipeline) => {
      expect(await passOver(db, pipeline)).toMatchObject({
        status: 'completed',
        processed: ROWS,
        created: ROWS,
      })
      expect(await countRows(db, `quantity = right(id, 6)::int`)).toBe(ROWS)
      expect(await passOver(db, pipeline)).toMatchObject({ status: 'completed', unchanged: ROWS, updated: 0 })
    })
  })

  it('go on behind one with a row that the database refuses', async () => {
    const rows = (): FetchedRow[] => unchanged().with(17, row(17, 'many'))
    await withList(rows, async (db, pipeline) => {
      const run = await passOver(db, pipeline)
      expect(run).toMatchObject({
        status: 'partial',
        error: expect.stringContaining('row row_000017 was refused'),
      })
      expect(await countRows(db)).toBe(ROWS - 1)
    })
  })

  it('give way to one that needs its table for itself', async () => {
    await withList(unchanged, async (db, pipeline) => {
      const gone = Array.from({ length: ROWS / 100 }, (_, i) => row(i * 100).key)
      await db.transaction((tx) =>
        applyObservations(
          tx,
          pipeline.mirror,
          gone.map((key, i) => {
            const at = stamp({ at: UPDATED_AT, seen: UPDATED_AT, n: i + 1 })
            return { table: 'list', key, kind: 'delete', stamp: at, values: {} }
          }),
          2,
        ),
      )
      expect(await passOver(db, pipeline)).toMatchObject({ status: 'completed', processed: ROWS })
      expect(await countRows(db)).toBe(ROWS)
    })
  })

  it('do not wait for each other where pages shifted, and a row is on two of them', async () => {
    const shifted = (): FetchedRow[] => {
      const rows = unchanged()
      const [first, last] = [rows.slice(0, 4_000), rows.slice(4_000)]
      // The last key of the first batch is the first of the second, and the other way round.
      return [
        ...first.with(0, row(4_000)),
        ...last.with(0, row(3_999)).with(1, row(0)).with(2, row(4_000)),
        row(4_001),
        row(4_002),
      ]
    }
    await withList(shifted, async (db, pipeline) => {
      expect(await passOver(db, pipeline)).toMatchObject({ status: 'completed' })
      expect(await countRows(db)).toBe(ROWS)
    })
  })
})
