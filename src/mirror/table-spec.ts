import { ConfigError } from '../engine/errors.ts'

/** The Postgres types that a mirrored column may have. */
export const columnTypes = [
  'text', 'numeric', 'integer', 'bigint', 'double precision', 'boolean', 'date', 'time', 'timestamptz', 'jsonb',
  'text[]', 'uuid',
] as const // prettier-ignore
export type ColumnType = (typeof columnTypes)[number]

/**
 * Who may write a column. `source`: the vendor's, merged by stamps. `local`: people's, never written by a sync.
 * `derived`: computed here from others. `shared`: moved by people and by machines, by a rule of the app's.
 */
export type Owner = 'source' | 'local' | 'derived' | 'shared'

export interface ColumnSpec {
  readonly type: ColumnType
  readonly owner: Owner
}

/** A mirrored table as TypeScript knows it; checked against the real one at start. */
export interface TableSpec {
  readonly schema: string
  readonly name: string
  /** Unique text column that holds the vendor's id. */
  readonly key: string
  readonly columns: Readonly<Record<string, ColumnSpec>>
  /** Columns whose old and new values derived data needs, such as a child's parent. */
  readonly watch: readonly string[]
  /** Rows of this table are deleted and restored with the row of `table` that `column` names. */
  readonly parent?: { readonly table: string; readonly column: string }
}

type ColumnInput = ColumnType | ColumnSpec
export interface TableInput {
  readonly schema?: string
  readonly name: string
  readonly key: string
  /** A bare type stands for a source-owned column. */
  readonly columns: Readonly<Record<string, ColumnInput>>
  readonly watch?: readonly string[]
  readonly parent?: { readonly table: string; readonly column: string }
}

/** System columns that every mirrored table has beside its own. */
export const SYSTEM_COLUMNS = {
  extra: 'jsonb',
  _stamp: 'text',
  _stamps: 'jsonb',
  last_synced_at: 'timestamptz',
} as const

/**
 * A system column that a table may have: what its row says, in short, and which transaction wrote it. Only by it can a
 * pass tell without sending them that all values are the same.
 */
export const DIGEST = '_digest'

const NAME = /^[a-z_][a-z0-9_]{0,62}$/

/** Declares a mirrored table. Throws a ConfigError where a name is not a plain lower-case SQL name. */
export function defineTable(input: TableInput): TableSpec {
  const columns: Record<string, ColumnSpec> = {}
  for (const [name, column] of Object.entries(input.columns)) {
    columns[name] = typeof column === 'string' ? { type: column, owner: 'source' } : column
  }
  const spec = { ...input, schema: input.schema ?? 'public', columns, watch: input.watch ?? [] }
  for (const name of [spec.schema, spec.name, spec.key, ...Object.keys(columns)]) {
    if (!NAME.test(name)) {
      throw new ConfigError(`table ${spec.name}: "${name}" is not a plain SQL name (a-z, 0-9, _; at most 63)`)
    }
  }
  for (const name of Object.keys(columns)) {
    if (name === spec.key || name in SYSTEM_COLUMNS || name === DIGEST) {
      throw new ConfigError(`table ${spec.name}: column ${name} is kept by the mirror; leave it out`)
    }
  }
  for (const name of [...spec.watch, ...(spec.parent === undefined ? [] : [spec.parent.column])]) {
    if (!(name in columns)) throw new ConfigError(`table ${spec.name}: no column ${name}`)
  }
  return spec
}

/** The columns that the vendor owns, in declaration order. */
export const sourceColumns = (spec: TableSpec): string[] =>
  Object.entries(spec.columns).flatMap(([name, column]) => (column.owner === 'source' ? [name] : []))

/** schema.name, quoted: how SQL names the table, and how lockstep.tombstones does, unquoted. */
export const sqlName = (spec: TableSpec): string => `"${spec.schema}"."${spec.name}"`
export const tableId = (spec: TableSpec): string => `${spec.schema}.${spec.name}`
