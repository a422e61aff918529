import { mkdtemp, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { allMigrations } from '../../src/apps/migrations.ts'
import { Database } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { databaseUrl, dropDatabase } from './database.ts'

declare module 'vitest' {
  interface ProvidedContext {
    readonly postgresUrl: string
    readonly templateName: string
  }
}

/**
 * One Postgres for the whole run: the embedded one, or the server that DATABASE_URL names (its user must be able to
 * create databases). It is migrated once, into a template that each test clones.
 */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env['DATABASE_URL']
  const home = await mkdtemp(join(tmpdir(), 'lockstep-test-'))
  await chmod(home, 0o755)
  // Tests kill processes, never the machine: what fsync guards against cannot happen here.
  const settings = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200']
  const server = given === undefined ? await startEmbedded({ home, settings }) : undefined
  const url = server?.url ?? given ?? ''
  const template = `lockstep_template_${process.pid}`
  await buildTemplate(url, template)
  project.provide('postgresUrl', url)
  project.provide('templateName', template)
  return async () => {
    if (server === undefined) await dropDatabase(url, template)
    await server?.stop()
    await rm(home, { recursive: true, force: true })
  }
}

async function buildTemplate(url: string, template: string): Promise<void> {
  const admin = new Database({ url, poolSize: 1 })
  await admin.query(`create database ${template}`)
  await admin.close()
  const db = new Database({ url: databaseUrl(url, template), poolSize: 2 })
  try {
    await migrate(db, await allMigrations())
  } finally {
    await db.close()
  }
}
