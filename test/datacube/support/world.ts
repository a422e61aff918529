import { readFileSync } from 'node:fs'
import { derive } from '../../../src/apps/datacube/derive/derive.ts'
import { datacubeTables } from '../../../src/apps/datacube/tables.ts'
import type { Database } from '../../../src/db/database.ts'
import type { Json, Observation, Value } from '../../../src/engine/observation.ts'
import { stamp } from '../../../src/engine/stamp.ts'
import { type ApplyResult, applyObservations, createMirror, type Mirror } from '../../../src/mirror/apply.ts'
import { checkTables } from '../../../src/mirror/mirror-table.ts'
import { withDatabase } from '../../support/database.ts'

type Row = Readonly<Record<string, Value>>
type Extra = Readonly<Record<string, Json>>
type TableName = 'projects' | 'subitems' | 'hidden_items'

let arrivals = 0
const nextStamp = (at: number) => stamp({ at, seen: 1, n: ++arrivals })

export const row = (
  table: TableName,
  key: string,
  values: Row = {},
  extra: Extra = {},
  at = ++arrivals,
): Observation => ({
  table,
  key,
  kind: 'row',
  stamp: nextStamp(at),
  values,
  extra,
})
export const project = (key: string, values: Row = {}, extra: Extra = {}): Observation =>
  row('projects', key, { item_name: key, ...values }, extra)
export const subitem = (
  key: string,
  parent: string | null,
  values: Row = {},
  extra: Extra = {},
): Observation => row('subitems', key, { parent_monday_id: parent, ...values }, extra)
export const hidden = (key: string, values: Row = {}, extra: Extra = {}): Observation =>
  row('hidden_items', key, values, extra)
export const fate = (
  kind: 'delete' | 'restore',
  table: TableName,
  key: string,
  at = ++arrivals,
): Observation => ({
  table,
  key,
  kind,
  stamp: nextStamp(at),
  values: {},
})
export const fields = (table: TableName, key: string, values: Row, extra: Extra = {}): Observation => ({
  table,
  key,
  kind: 'fields',
  stamp: nextStamp(++arrivals),
  values,
  extra,
})

/** The app's tables in a database, and every way in: one batch is one transaction, as in a lane. */
export class World {
  readonly db: Database
  readonly mirror: Mirror

  constructor(db: Database, mirror: Mirror) {
    this.db = db
    this.mirror = mirror
  }

  async apply(...batch: readonly Observation[]): Promise<ApplyResult> {
    return this.db.transaction(async (tx, attempt) => {
      const result = await applyObservations(tx, this.mirror, batch, attempt)
      await derive(tx, result.changes)
      return result
    })
  }

  async get(table: TableName, key: string): Promise<Record<string, unknown>> {
    const { rows } = await this.db.query(`select * from public.${table} where monday_id = $1`, [key])
    if (rows[0] === undefined) throw new Error(`no row ${key} in ${table}`)
    return rows[0]
  }

  /** The value of one SQL expression. */
  async value<T>(sql: string, params: readonly unknown[] = []): Promise<T> {
    const { rows } = await this.db.query<{ value: T }>(`select ${sql} as value`, params)
    return rows[0]?.value as T
  }
}

export async function withWorld(test: (world: World) => Promise<void>): Promise<void> {
  await withDatabase(async (db) => test(new World(db, createMirror(await checkTables(db, datacubeTables)))))
}

/** A table of cases from `fixtures/`. */
export const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'))
