import type { App } from '../../src/apps/contract.ts'
import type { Json } from '../../src/engine/observation.ts'
import { type ColumnType, defineTable } from '../../src/mirror/table-spec.ts'
import { type FetchedRow, type Page, ROW, type Source, type Stream } from '../../src/sources/contract.ts'

/** A table of thirty columns and its vendor: pages made in the process that reads them, the same for all who do. */

const types: Readonly<Record<string, ColumnType>> = {
  title: 'text', status: 'text', owner: 'text', email: 'text', phone: 'text', city: 'text', country: 'text',
  reference: 'text', source: 'text', stage: 'text', notes: 'text', url: 'text', currency: 'text', category: 'text',
  amount: 'numeric', discount: 'numeric', tax: 'numeric', quantity: 'integer', priority: 'integer',
  visits: 'bigint', score: 'double precision', active: 'boolean', archived: 'boolean', opened_on: 'date',
  due_on: 'date', changed_at: 'timestamptz', closed_at: 'timestamptz', labels: 'jsonb', address: 'jsonb',
  options: 'jsonb',
} // prettier-ignore

export const WIDE_COLUMNS = types
export const WIDE_NAMES = Object.keys(types)
export const WIDE_TYPED = Object.entries(types).map(([name, type]) => `"${name}" ${type}`)

export const wideId = (k: number): string => `row_${String(k).padStart(10, '0')}`

const pick = <T>(list: readonly T[], k: number): T => list[k % list.length] as T
const STAGES = ['lead', 'qualified', 'proposal', 'won', 'lost'] as const
const CITIES = ['Lisbon', 'Oslo', 'Austin', 'Osaka', 'Lima', 'Graz'] as const

/** Row `k` in a version. From one version to the next, seven of its columns change. */
export function wideValues(k: number, version: number): Record<string, Json> {
  const day = String(1 + (k % 28)).padStart(2, '0')
  return {
    title: `Project ${k} of the benchmark`,
    status: pick(['open', 'waiting', 'done'], k + version),
    owner: `Person ${k % 500}`,
    email: `person.${k % 500}@example.com`,
    phone: `+4366${String(k % 10_000_000).padStart(8, '0')}`,
    city: pick(CITIES, k),
    country: pick(['PT', 'NO', 'US', 'JP', 'PE', 'AT'], k),
    reference: `REF-${k.toString(36)}`,
    source: pick(['web', 'fair', 'partner'], k),
    stage: pick(STAGES, k + version),
    notes: `Revision ${version}: called, sent the offer, waits for an answer of the client`,
    url: `https://example.com/projects/${k}`,
    currency: 'EUR',
    category: pick(['a', 'b', 'c', 'd'], k),
    amount: `${(k * 37) % 100_000}.25`,
    discount: `${k % 40}.5`,
    tax: '20',
    quantity: (k % 100) + version,
    priority: k % 5,
    visits: k * 3 + version,
    score: (k % 1000) / 8,
    active: k % 3 !== 0,
    archived: k % 50 === 0,
    opened_on: `2024-03-${day}`,
    due_on: `2025-0${1 + (version % 9)}-${day}`,
    changed_at: `2025-0${1 + (version % 9)}-${day} 08:30:00+00`,
    closed_at: null,
    labels: [pick(STAGES, k), pick(CITIES, k)],
    address: { line1: `${k % 300} Main Street`, zip: String(10_000 + (k % 89_999)) },
    options: { newsletter: k % 2 === 0, tier: k % 4 },
  }
}

/** Vendors' largest pages: monday 500 items, Stripe 100. */
export const PAGE = 500

/** The app whose one stream is that table; `rows` and `version` may be set between passes. */
export function wideApp(world: { readonly rows: number; readonly version: number }): App {
  return {
    name: 'wide',
    tables: [defineTable({ name: 'wide', key: 'id', columns: WIDE_COLUMNS })],
    // The benchmark makes the table itself.
    migrations: [],
    source: () => wideSource(world),
  }
}

const HOUR_US = 3_600_000_000
const SECOND_US = 1_000_000

function wideSource(world: { readonly rows: number; readonly version: number }): Source {
  const none = (): Promise<never[]> => Promise.resolve([])
  return {
    vendor: 'bench',
    streams: [stream],
    prepare: () => Promise.resolve({ problems: [] }),
    readPage: ({ cursor }) => Promise.resolve(pageOf(world, Number(cursor ?? 0))),
    readKeys: () => Promise.reject(new Error('the benchmark loses no rows')),
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
}

const stream: Stream = { id: 'wide', name: 'Wide', table: 'wide', columns: WIDE_NAMES, parts: [ROW] }

function pageOf({ rows, version }: { rows: number; version: number }, start: number): Page {
  const end = Math.min(rows, start + PAGE)
  const updatedAt = Date.UTC(2025, 0, 1) * 1000 + version * HOUR_US
  const page = Array.from({ length: end - start }, (_, i): FetchedRow => {
    const k = start + i
    return { key: wideId(k), values: wideValues(k, version), updatedAt }
  })
  return {
    rows: page,
    floor: Date.now() * 1000,
    granule: SECOND_US,
    next: end < rows ? end : undefined,
    gaps: [],
    total: rows,
  }
}

/** The passes that are measured, in order, and which version of the rows each reads. */
export const PASSES = ['first', 'changed', 'unchanged'] as const
export type Pass = (typeof PASSES)[number]
export const VERSIONS: Readonly<Record<Pass, number>> = { first: 1, changed: 2, unchanged: 2 }
