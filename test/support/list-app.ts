import type { App } from '../../src/apps/contract.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import type { Database } from '../../src/db/database.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { defineTable } from '../../src/mirror/table-spec.ts'
import { type FetchedRow, ROW, type Source } from '../../src/sources/contract.ts'
import { withDatabase } from './database.ts'

/** A vendor whose one list is what the test says, quicker to read than to write, and its table. */

const PAGE = 500
export const UPDATED_AT = Date.UTC(2025, 0, 1) * 1000

export const row = (k: number, quantity: string = String(k)): FetchedRow => ({
  key: `row_${String(k).padStart(6, '0')}`,
  values: { title: `Row ${k}`, quantity },
  updatedAt: UPDATED_AT,
})

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

export async function withList(
  rows: () => readonly FetchedRow[],
  work: (db: Database, pipeline: Pipeline) => Promise<void>,
  { digests = true }: { readonly digests?: boolean } = {},
): Promise<void> {
  await withDatabase(async (db) => {
    await db.query(`create table public.list (id text primary key, title text, quantity integer,
      extra jsonb not null default '{}', _stamp text collate "C" not null, _stamps jsonb, ${digests ? '_digest text,' : ''} last_synced_at timestamptz)`)
    const app = listApp(rows)
    await migrateAll(db, [app])
    const [pipeline] = await openPipelines(db, [app])
    if (pipeline === undefined) throw new Error('no pipeline')
    await work(db, pipeline)
  })
}

export async function passOver(db: Database, pipeline: Pipeline) {
  const { runs, failures } = await syncApp(db, pipeline, { signal: AbortSignal.timeout(50_000), full: true })
  if (failures.length > 0) throw new Error(JSON.stringify(failures))
  return runs.at(-1)
}
