import { join } from 'node:path'
import type { App } from '../apps/contract.ts'
import { engineMigrations } from '../apps/migrations.ts'
import type { Database } from '../db/database.ts'
import { migrate, type Migration, pendingMigrations, readMigrations } from '../db/migrate.ts'
import { sourceStore } from '../db/source-store.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { createMirror } from '../mirror/apply.ts'
import { checkStreams } from '../mirror/check-streams.ts'
import { checkTables } from '../mirror/mirror-table.ts'

/** Every migration that this configuration needs, in order. */
export async function configMigrations(apps: readonly App[]): Promise<Migration[]> {
  const sets = await Promise.all(
    apps.flatMap((app) => app.migrations.map(({ set, folder }) => readMigrations(set, folder))),
  )
  const all = [...(await engineMigrations()), ...sets.flat()]
  return [...new Map(all.map((migration) => [migration.id, migration])).values()]
}

export interface PipelineOptions {
  /** The URL at which the vendor calls an app's webhook. */
  readonly webhookUrl?: (app: App, pathSecret: string | undefined) => string | undefined
  /** Seals the vendors' secrets in the database. */
  readonly secretKey?: string | undefined
}

/** Migrates, checks the tables, and makes each app ready to run. Throws a ConfigError where something does not fit. */
export async function openPipelines(
  db: Database,
  apps: readonly App[],
  { webhookUrl, secretKey }: PipelineOptions = {},
): Promise<Pipeline[]> {
  const pipelines: Pipeline[] = []
  for (const app of apps) {
    const mirror = createMirror(await checkTables(db, app.tables))
    await app.start?.(db)
    const source = app.source(sourceStore(db, app.name, secretKey), {
      webhookUrl: () => webhookUrl?.(app, pipelines.find((p) => p.app === app.name)?.source.door.pathSecret),
    })
    checkStreams(source.streams, app.tables)
    pipelines.push({ app: app.name, source, mirror, derive: app.derive, record: app.record })
  }
  return pipelines
}

export const migrateAll = async (db: Database, apps: readonly App[]): Promise<string[]> =>
  migrate(db, await configMigrations(apps))

export const pendingAll = async (db: Database, apps: readonly App[]): Promise<Migration[]> =>
  pendingMigrations(db, await configMigrations(apps))

/** The folder of files that ship with the program, such as the demo's. */
export const projectRoot = join(import.meta.dirname, '../..')
