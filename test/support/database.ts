import { setTimeout as sleep } from 'node:timers/promises'
import { inject } from 'vitest'
import { Database, sqlState } from '../../src/db/database.ts'

let clones = 0

/** The same server's URL, for another database. */
export function databaseUrl(url: string, name: string): string {
  const other = new URL(url)
  other.pathname = `/${name}`
  return other.href
}

/** Runs one statement on the server itself. */
export async function onServer(
  adminUrl: string,
  sql: string,
  params: readonly unknown[] = [],
): Promise<void> {
  const admin = new Database({ url: adminUrl, poolSize: 1 })
  try {
    await admin.query(sql, params)
  } finally {
    await admin.close()
  }
}

export const dropDatabase = (adminUrl: string, name: string): Promise<void> =>
  onServer(adminUrl, `drop database if exists ${name} with (force)`)

export const endConnections = (adminUrl: string, name: string): Promise<void> =>
  onServer(adminUrl, 'select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])

/** Makes a clone of the migrated template; the caller drops it. */
export async function cloneDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const adminUrl = inject('adminUrl')
  const name = `lockstep_test_${process.pid}_${++clones}`
  const admin = new Database({ url: adminUrl, poolSize: 1 })
  try {
    await createFromTemplate(admin, name)
  } finally {
    await admin.close()
  }
  return { url: databaseUrl(inject('postgresUrl'), name), drop: () => dropDatabase(adminUrl, name) }
}

/** object_in_use: another clone of the template is being made at this moment. */
const BUSY = '55006'

async function createFromTemplate(admin: Database, name: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await admin.query(`create database ${name} template ${inject('templateName')}`)
      return
    } catch (error) {
      if (sqlState(error) !== BUSY || attempt === 50) throw error
      await sleep(100)
    }
  }
}

/** Runs a test on a migrated database of its own. A connection that the test leaves open fails it. */
export async function withDatabase<T>(test: (db: Database) => Promise<T>): Promise<T> {
  const { url, drop } = await cloneDatabase()
  const db = new Database({ url, applicationName: 'lockstep-test' })
  let leaked = 0
  let result: T
  try {
    result = await test(db)
  } finally {
    await db.close()
    leaked = await openConnections(url)
    await drop()
  }
  if (leaked > 0) throw new Error(`the test left ${leaked} database connection(s) open`)
  return result
}

/** Connections that clients hold open: those of the server, or, behind a pooler, those of the pooler. */
async function openConnections(url: string): Promise<number> {
  const pooled = inject('adminUrl') !== inject('postgresUrl')
  const name = new URL(url).pathname.slice(1)
  const admin = new Database({
    url: pooled ? databaseUrl(url, 'pgbouncer') : inject('adminUrl'),
    poolSize: 1,
  })
  const count = pooled ? poolClients : serverClients
  try {
    for (let attempt = 0; ; attempt++) {
      const open = await count(admin, name)
      // A closed connection's backend takes a moment to end.
      if (open === 0 || attempt === 20) return open
      await sleep(50)
    }
  } finally {
    await admin.close()
  }
}

async function serverClients(admin: Database, name: string): Promise<number> {
  const { rowCount } = await admin.query(
    `select 1 from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
    [name],
  )
  return rowCount ?? 0
}

async function poolClients(admin: Database, name: string): Promise<number> {
  const { rows } = await admin.query<{ database: string }>('show clients')
  return rows.filter((row) => row.database === name).length
}
