import { mkdtemp, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { allMigrations } from '../../src/apps/migrations.ts'
import { Database } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { databaseUrl, dropDatabase, endConnections, onServer } from './database.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** How tests reach databases; through a pooler where the run is to prove that this works. */
    readonly postgresUrl: string
    /** The server itself: databases are made and dropped here. */
    readonly adminUrl: string
    readonly templateName: string
  }
}

/**
 * One Postgres for the whole run: the embedded one, or the server that DATABASE_URL names (its user must be able to
 * create databases). Where that is a pooler, LOCKSTEP_TEST_ADMIN_URL names the server behind it. It is migrated once,
 * into a template that each test clones.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['DATABASE_URL']
  const home = await mkdtemp(join(tmpdir(), 'lockstep-test-'))
  await chmod(home, 0o755)
  // Tests kill processes, never the machine: what fsync guards against cannot happen here.
  const settings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200']
  const server = given === undefined ? await startEmbedded({ home, settings }) : undefined
  const url = server?.url ?? given ?? ''
  const admin = process.env['LOCKSTEP_TEST_ADMIN_URL'] ?? url
  const template = `lockstep_template_${process.pid}`
  await buildTemplate({ url, admin }, template)
  project.provide('postgresUrl', url)
  project.provide('adminUrl', admin)
  project.provide('templateName', template)
  return async () => {
    if (server === undefined) await dropDatabase(admin, template)
    await server?.stop()
    await rm(home, { recursive: true, force: true })
  }
}

async function buildTemplate(urls: { url: string; admin: string }, template: string): Promise<void> {
  await onServer(urls.admin, `create database ${template}`)
  const db = new Database({ url: databaseUrl(urls.url, template), poolSize: 2 })
  try {
    await migrate(db, await allMigrations())
  } finally {
    await db.close()
  }
  // A pooler keeps its connections, and a template may have none.
  if (urls.admin !== urls.url) await endConnections(urls.admin, template)
}
