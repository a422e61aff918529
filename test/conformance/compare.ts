import type { Queryable } from '../../src/db/database.ts'
import { type Json, jsonText } from '../../src/engine/observation.ts'
import { type ColumnType, sqlName, type TableSpec } from '../../src/mirror/table-spec.ts'
import type { Row, Target } from './subject.ts'

/** table → key → the row as JSON. */
type Stored = ReadonlyMap<string, ReadonlyMap<string, Readonly<Record<string, Json>>>>

export async function storedRows(db: Queryable, tables: readonly TableSpec[]): Promise<Stored> {
  const stored = new Map<string, ReadonlyMap<string, Readonly<Record<string, Json>>>>()
  for (const spec of tables) {
    const { rows } = await db.query<{ key: string; row: Record<string, Json> }>(
      `select "${spec.key}" as key, to_jsonb(t) as row from ${sqlName(spec)} as t`,
    )
    stored.set(spec.name, new Map(rows.map(({ key, row }) => [key, row])))
  }
  return stored
}

/** Every difference between the tables and what they must hold, a line each; empty where they agree. */
export async function differences(
  db: Queryable,
  tables: readonly TableSpec[],
  truth: readonly Row[],
): Promise<string[]> {
  const stored = await storedRows(db, tables)
  const specs = new Map(tables.map((spec) => [spec.name, spec]))
  const found = truth.flatMap((row) => {
    const spec = specs.get(row.table)
    return spec === undefined ? [`no table ${row.table}`] : compareRow(spec, row, stored)
  })
  const due = new Set(truth.map(({ table, key }) => `${table} ${key}`))
  for (const [table, rows] of stored) {
    for (const key of rows.keys())
      if (!due.has(`${table} ${key}`)) found.push(`${table} ${key}: not at the vendor`)
  }
  return found.sort()
}

/** The same for one row, which may rightly be missing; columns in `but` are not compared. */
export async function differencesAt(
  db: Queryable,
  tables: readonly TableSpec[],
  truth: readonly Row[],
  { table, key, but = [] }: Target & { readonly but?: readonly string[] },
): Promise<string[]> {
  const spec = tables.find(({ name }) => name === table)
  if (spec === undefined) return [`no table ${table}`]
  const stored = await storedRows(db, [spec])
  const row = truth.find((one) => one.table === table && one.key === key)
  if (row === undefined) return stored.get(table)?.has(key) === true ? [`${table} ${key}: still there`] : []
  const values = Object.fromEntries(Object.entries(row.values).filter(([column]) => !but.includes(column)))
  return compareRow(spec, { ...row, values }, stored)
}

function compareRow(spec: TableSpec, { table, key, values }: Row, stored: Stored): string[] {
  const ours = stored.get(table)?.get(key)
  if (ours === undefined) return [`${table} ${key}: missing`]
  return Object.entries(values).flatMap(([column, theirs]) => {
    const type = spec.columns[column]?.type
    if (type === undefined) return [`${table}.${column}: no such column`]
    const [mine, right] = [plain(ours[column] ?? null, type), plain(theirs, type)]
    return mine === right ? [] : [`${table} ${key} ${column}: ${mine} ≠ ${right}`]
  })
}

/** The keys of every object in one order: Postgres keeps none. */
const inOrder = (_key: string, value: Json): Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value

const NUMBERS = new Set<ColumnType>(['numeric', 'integer', 'bigint', 'double precision'])

/** One spelling of a value, by the type of its column. */
function plain(value: Json, type: ColumnType): string | null {
  if (value === null) return null
  if (type === 'text[]') return Array.isArray(value) ? value.join(',') : jsonText(value)
  if (typeof value === 'object') return JSON.stringify(value, inOrder)
  if (type === 'timestamptz') return new Date(String(value)).toISOString()
  return NUMBERS.has(type) ? String(Number(value)) : String(value)
}
