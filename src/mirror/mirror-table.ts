import type { Queryable } from '../db/database.ts'
import { ConfigError } from '../engine/errors.ts'
import { DIGEST, SYSTEM_COLUMNS, tableId, type TableSpec } from './table-spec.ts'

/** A table spec that was found to agree with the real table, and what only the real one knows. */
export interface MirrorTable {
  readonly spec: TableSpec
  /** Columns that an insert may name: all but the generated ones. */
  readonly writable: readonly string[]
  /** Whether it has the column `_digest`. */
  readonly digests: boolean
}

interface CatalogColumn {
  table_id: string
  column: string
  type: string
  generated: boolean
  not_null: boolean
  has_default: boolean
}

/** format_type's names → the names that specs use. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  'timestamp with time zone': 'timestamptz',
  'time without time zone': 'time',
}

/**
 * Checks specs against the database, once, at start: tables, columns, types, the unique key, the system columns.
 * Throws one ConfigError that lists all that is wrong.
 */
export async function checkTables(db: Queryable, specs: readonly TableSpec[]): Promise<MirrorTable[]> {
  const ids = specs.map(tableId)
  const columns = await readColumns(db, ids)
  const unique = await readUniqueKeys(db, ids)
  const problems: string[] = []
  const tables = specs.map((spec) => {
    const found = columns.get(tableId(spec))
    problems.push(...(found === undefined ? [`table ${tableId(spec)} does not exist`] : compare(spec, found)))
    if (found !== undefined && !unique.has(`${tableId(spec)}.${spec.key}`)) {
      problems.push(`table ${tableId(spec)}: ${spec.key} needs a unique index of its own`)
    }
    const writable = [...(found?.values() ?? [])].filter((c) => !c.generated).map((c) => c.column)
    return { spec, writable, digests: found?.has(DIGEST) ?? false }
  })
  if (problems.length > 0) {
    throw new ConfigError(
      `the database does not fit the configuration:\n- ${problems.join('\n- ')}\nRun "lockstep db migrate", or mend the table or its definition`,
    )
  }
  return tables
}

function compare(spec: TableSpec, found: ReadonlyMap<string, CatalogColumn>): string[] {
  const wanted: [string, string][] = [
    [spec.key, 'text'],
    ...Object.entries(SYSTEM_COLUMNS),
    ...Object.entries(spec.columns).map(([name, column]): [string, string] => [name, column.type]),
  ]
  const problems = wanted.flatMap(([name, type]) => {
    const column = found.get(name)
    if (column === undefined) return [`table ${tableId(spec)} has no column ${name} (${type})`]
    const real = baseType(column.type)
    return real === type
      ? []
      : [`table ${tableId(spec)}: ${name} is ${real} there and ${type} in its definition`]
  })
  const digest = found.get(DIGEST)
  if (digest !== undefined && baseType(digest.type) !== 'text')
    problems.push(
      `table ${tableId(spec)}: ${DIGEST} is ${digest.type} there and is to be text, if it is there`,
    )
  const known = new Set(wanted.map(([name]) => name))
  for (const column of found.values()) {
    if (column.not_null && !column.has_default && !column.generated && !known.has(column.column)) {
      problems.push(
        `table ${tableId(spec)}: ${column.column} is NOT NULL without a default, so no row can be added`,
      )
    }
  }
  return problems
}

const baseType = (type: string): string => {
  const plain = type.replace(/\(\d+(,\d+)?\)/, '')
  return TYPE_NAMES[plain] ?? plain
}

async function readColumns(db: Queryable, ids: readonly string[]) {
  const { rows } = await db.query<CatalogColumn>(
    `select n.nspname || '.' || c.relname as table_id, a.attname as column, format_type(a.atttypid, a.atttypmod) as type,
       a.attgenerated <> '' or a.attidentity = 'a' as generated, a.attnotnull as not_null, a.atthasdef as has_default
     from pg_class as c
     join pg_namespace as n on n.oid = c.relnamespace
     join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
     where n.nspname || '.' || c.relname = any ($1::text[]) and c.relkind in ('r', 'p')
     order by a.attnum`,
    [ids],
  )
  const byTable = new Map<string, Map<string, CatalogColumn>>()
  for (const row of rows) {
    const table = byTable.get(row.table_id) ?? new Map<string, CatalogColumn>()
    byTable.set(row.table_id, table.set(row.column, row))
  }
  return byTable
}

async function readUniqueKeys(db: Queryable, ids: readonly string[]): Promise<Set<string>> {
  const { rows } = await db.query<{ id: string }>(
    `select n.nspname || '.' || c.relname || '.' || a.attname as id
     from pg_index as i
     join pg_class as c on c.oid = i.indrelid
     join pg_namespace as n on n.oid = c.relnamespace
     join pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[0]
     where i.indisunique and i.indnkeyatts = 1 and i.indpred is null
       and n.nspname || '.' || c.relname = any ($1::text[])`,
    [ids],
  )
  return new Set(rows.map((row) => row.id))
}
