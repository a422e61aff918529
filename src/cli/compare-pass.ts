import type { Database, Transaction } from '../db/database.ts'
import type { Json, Observation } from '../engine/observation.ts'
import { type Arrival, observePage } from '../lanes/observe.ts'
import { type ApplyResult, applyObservations, type Mirror } from '../mirror/apply.ts'
import { sourceColumns, sqlName, type TableSpec } from '../mirror/table-spec.ts'
import { ROW, type Page, type Source, type Stream } from '../sources/contract.ts'

/** What a full pass over one stream would do. */
export interface Comparison {
  readonly table: string
  readonly stream: string
  rows: number
  created: number
  updated: number
  deleted: number
  unchanged: number
  /** Column (`extra.ID` for one that is not mapped) → rows in which it would change. */
  readonly columns: Record<string, number>
  readonly examples: Difference[]
  /** Rows here that the pass did not meet; undefined where it was not whole. */
  notMet: { count: number; examples: string[] } | undefined
  readonly gaps: string[]
}

export interface Difference {
  readonly key: string
  readonly column: string
  readonly before: Json
  readonly after: Json
}

export interface PassToCompare {
  readonly source: Source
  readonly mirror: Mirror
  readonly stream: Stream
  readonly limit: number | undefined
  readonly signal: AbortSignal
  readonly onProgress: (rows: number, total: number | undefined) => void
}

const EXAMPLES_MAX = 10

/** Reads a stream to its end, or to `limit`, and merges each page in a transaction that is rolled back. */
export async function comparePass(db: Database, pass: PassToCompare): Promise<Comparison> {
  const { source, mirror, stream, limit, signal } = pass
  const spec = mirror.tables.get(stream.table)?.spec
  if (spec === undefined) throw new Error(`stream ${stream.name}: no table ${stream.table}`)
  const comparison: Comparison = {
    table: stream.table, stream: stream.name, rows: 0, created: 0, updated: 0, deleted: 0, unchanged: 0,
    columns: {}, examples: [], notMet: undefined, gaps: [],
  } // prettier-ignore
  const met = new Set<string>()
  for (let cursor: Json | undefined, more = true; more;) {
    const arrival = await begin(db)
    const page: Page = await source.readPage({ stream, part: ROW, cursor, newestFirst: false, signal })
    for (const row of page.rows) met.add(row.key)
    comparison.rows += page.rows.length
    comparison.gaps.push(...page.gaps.filter((gap) => !comparison.gaps.includes(gap)))
    add(comparison, spec, await tryPage(db, mirror, spec, observePage(stream, ROW, page, arrival)))
    pass.onProgress(comparison.rows, page.total)
    cursor = page.next
    more = cursor !== undefined && (limit === undefined || comparison.rows < limit)
    if (!more && cursor === undefined && comparison.gaps.length === 0)
      comparison.notMet = await notMet(db, spec, stream, met)
  }
  return comparison
}

/** A time on the database's clock, and no number of the arrival sequence: taking one could not be rolled back. */
async function begin(db: Database): Promise<Arrival> {
  const { rows } = await db.query<{ seen: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000000)::bigint as seen',
  )
  return { seen: rows[0]?.seen ?? 0, n: 0 }
}

interface PageEffect {
  readonly result: ApplyResult
  readonly before: ReadonlyMap<string, StoredRow>
  readonly after: ReadonlyMap<string, StoredRow>
}

type StoredRow = Readonly<Record<string, Json>>

/** Thrown to undo a page's merge; carries what it would have done. */
class Rollback extends Error {
  override readonly name = 'Rollback'
  readonly effect: PageEffect
  constructor(effect: PageEffect) {
    super('rolled back on purpose')
    this.effect = effect
  }
}

async function tryPage(
  db: Database,
  mirror: Mirror,
  spec: TableSpec,
  observations: readonly Observation[],
): Promise<PageEffect> {
  try {
    return await db.transaction(async (tx, attempt) => {
      const before = await readRows(
        tx,
        spec,
        observations.map((o) => o.key),
      )
      const result = await applyObservations(tx, mirror, observations, attempt)
      const updated = result.changes
        .filter((c) => c.table === spec.name && c.op === 'updated')
        .map((c) => c.key)
      throw new Rollback({ result, before, after: await readRows(tx, spec, updated) })
    })
  } catch (error) {
    if (error instanceof Rollback) return error.effect
    throw error
  }
}

async function readRows(
  tx: Transaction,
  spec: TableSpec,
  keys: readonly string[],
): Promise<Map<string, StoredRow>> {
  const { rows } = await tx.query<{ key: string; row: StoredRow }>(
    `select t."${spec.key}" as key, to_jsonb(t) as row from ${sqlName(spec)} as t where t."${spec.key}" = any ($1::text[])`,
    [keys],
  )
  return new Map(rows.map(({ key, row }) => [key, row]))
}

function add(comparison: Comparison, spec: TableSpec, { result, before, after }: PageEffect): void {
  const counts = result.counts[spec.name]
  comparison.created += counts?.created ?? 0
  comparison.updated += counts?.updated ?? 0
  comparison.deleted += counts?.deleted ?? 0
  comparison.unchanged += counts?.unchanged ?? 0
  for (const [key, row] of after) {
    for (const [column, old, value] of differences(spec, before.get(key) ?? {}, row)) {
      comparison.columns[column] = (comparison.columns[column] ?? 0) + 1
      if (comparison.examples.length < EXAMPLES_MAX)
        comparison.examples.push({ key, column, before: old, after: value })
    }
  }
}

function differences(spec: TableSpec, before: StoredRow, after: StoredRow): [string, Json, Json][] {
  const same = (a: Json | undefined, b: Json | undefined): boolean =>
    JSON.stringify(a ?? null) === JSON.stringify(b ?? null)
  const mapped = sourceColumns(spec).map(
    (c) => [c, before[c] ?? null, after[c] ?? null] as [string, Json, Json],
  )
  const [extraBefore, extraAfter] = [before, after].map((row) => (row['extra'] ?? {}) as StoredRow) as [
    StoredRow,
    StoredRow,
  ]
  const ids = new Set([...Object.keys(extraBefore), ...Object.keys(extraAfter)])
  const extra = [...ids].map(
    (id) => [`extra.${id}`, extraBefore[id] ?? null, extraAfter[id] ?? null] as [string, Json, Json],
  )
  return [...mapped, ...extra].filter(([, old, value]) => !same(old, value))
}

async function notMet(
  db: Database,
  spec: TableSpec,
  stream: Stream,
  met: ReadonlySet<string>,
): Promise<{ count: number; examples: string[] }> {
  const { rows } = await db.query<{ key: string }>(
    `select "${spec.key}" as key from ${sqlName(spec)} where starts_with("${spec.key}", $1) order by 1`,
    [stream.keyPrefix ?? ''],
  )
  const missing = rows.map((row) => row.key).filter((key) => !met.has(key))
  return { count: missing.length, examples: missing.slice(0, EXAMPLES_MAX) }
}
