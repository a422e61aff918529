import { join } from 'node:path'
import { portal } from '../../../src/apps/portal/app.ts'
import { derive } from '../../../src/apps/portal/derive/derive.ts'
import { record } from '../../../src/apps/portal/record.ts'
import { portalTables } from '../../../src/apps/portal/tables.ts'
import type { Database } from '../../../src/db/database.ts'
import { migrate, readMigrations } from '../../../src/db/migrate.ts'
import type { JsonObject, Observation, Value } from '../../../src/engine/observation.ts'
import { stamp } from '../../../src/engine/stamp.ts'
import { applyObservations, createMirror, type Mirror } from '../../../src/mirror/apply.ts'
import { checkTables } from '../../../src/mirror/mirror-table.ts'
import type { Fact } from '../../../src/sources/contract.ts'
import { withDatabase } from '../../support/database.ts'

type Row = Readonly<Record<string, Value>>
type TableName = 'client_registry' | 'sender_emails_cache' | 'campaigns' | 'lead_replies'

let arrivals = 0

/** One row as a read brings it; its key is `<scope>/<id>`, of a workspace `<scope>/`. */
export function row(table: TableName, scope: string, id: number | '', values: Row): Observation {
  const [instance, workspace] = scope.split('/')
  arrivals++
  return {
    table,
    key: `${scope}/${id}`,
    kind: 'row',
    stamp: stamp({ at: arrivals, seen: 1, n: arrivals }),
    values: { bison_instance: instance ?? '', bison_workspace_id: Number(workspace), ...values },
    extra: {},
  }
}
export const workspace = (scope: string, name: string): Observation =>
  row('client_registry', scope, '', { bison_workspace_name: name })
export const gone = (table: TableName, key: string): Observation => ({
  table,
  key,
  kind: 'delete',
  stamp: stamp({ at: ++arrivals, seen: 1, n: arrivals }),
  values: {},
})
export const mailbox = (scope: string, id: number, values: Row): Observation =>
  row('sender_emails_cache', scope, id, {
    bison_account_id: id,
    email_address: `box${id}@example.test`,
    status: 'Connected',
    tags: [],
    ...values,
  })
export const reply = (scope: string, id: number, values: Row): Observation =>
  row('lead_replies', scope, id, {
    bison_reply_id: `r${id}`,
    bison_reply_numeric_id: id,
    folder: 'Inbox',
    reply_type: 'Tracked Reply',
    is_interested: false,
    ...values,
  })

/** Microseconds since 1970 of an ISO time. */
export const us = (iso: string): number => Date.parse(iso) * 1000

/** A fact as a delivery tells it; `ids` tells it from others of its type. */
export function fact(scope: string, type: string, ids: string, at: string, data: JsonObject = {}): Fact {
  return {
    key: `${scope}/${type}/${ids}`,
    type,
    scope,
    at: us(at),
    data: { workspace_name: `Client ${scope}`, instance_url: 'https://send.test', ...data },
  }
}

/** The app's tables in a database, and its two ways in: one batch is one transaction. */
export class World {
  readonly db: Database
  private readonly mirror: Mirror

  constructor(db: Database, mirror: Mirror) {
    this.db = db
    this.mirror = mirror
  }

  async apply(...batch: readonly Observation[]): Promise<void> {
    await this.db.transaction(async (tx, attempt) => {
      const { changes } = await applyObservations(tx, this.mirror, batch, attempt)
      await derive(tx, changes)
    })
  }

  async record(...facts: readonly Fact[]): Promise<void> {
    await this.db.transaction(async (tx) => record(tx, facts))
  }

  async rows<T extends Record<string, unknown> = Record<string, unknown>>(
    sql: string,
    params: readonly unknown[] = [],
  ): Promise<T[]> {
    return (await this.db.query<T>(sql, params)).rows
  }

  /** The only row. */
  async row(sql: string, params: readonly unknown[] = []): Promise<Record<string, unknown>> {
    const rows = await this.rows(sql, params)
    if (rows[0] === undefined || rows.length > 1) throw new Error(`${rows.length} rows: ${sql}`)
    return rows[0]
  }

  /** The value of one SQL expression. */
  async value<T>(sql: string, params: readonly unknown[] = []): Promise<T> {
    const found = await this.row(`select ${sql} as value`, params)
    return found['value'] as T
  }

  /** Empties all that the app keeps, but its calendar. */
  async clear(): Promise<void> {
    // Deleting beats truncating where there is next to nothing in each.
    await this.db.query(`delete from public.client_leads; delete from public.email_events;
      delete from public.email_daily_counts; delete from public.client_metrics; delete from portal.lead_ids;
      delete from portal.scopes; delete from public.client_registry; delete from public.sender_emails_cache;
      delete from public.campaigns; delete from public.lead_replies; delete from public.vendor_metrics;
      delete from lockstep.tombstones`)
  }
}

export const app = portal({
  source: () => {
    throw new Error('no source in these tests')
  },
})

export async function withWorld(test: (world: World) => Promise<void>): Promise<void> {
  await withDatabase(async (db) => {
    const folder = join(import.meta.dirname, '../../../src/apps/portal/migrations')
    await migrate(db, await readMigrations('portal', folder))
    await test(new World(db, createMirror(await checkTables(db, portalTables))))
  })
}
