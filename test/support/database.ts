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

export async function dropDatabase(url: string, name: string): Promise<void> {
  const admin = new Database({ url, poolSize: 1 })
  await admin.query(`drop database if exists ${name} with (force)`)
  await admin.close()
}

/** Makes a clone of the migrated template; the caller drops it. */
export async function cloneDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const url = inject('postgresUrl')
  const name = `lockstep_test_${process.pid}_${++clones}`
  const admin = new Database({ url, poolSize: 1 })
  try {
    await createFromTemplate(admin, name)
  } finally {
    await admin.close()
  }
  return { url: databaseUrl(url, name), drop: () => dropDatabase(url, name) }
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

async function openConnections(url: string): Promise<number> {
  const admin = new Database({ url: inject('postgresUrl'), poolSize: 1 })
  try {
    for (let attempt = 0; ; attempt++) {
      const { rows } = await admin.query<{ n: number }>(
        `select count(*)::int as n from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
        [new URL(url).pathname.slice(1)],
      )
      // A closed connection's backend takes a moment to end.
      if ((rows[0]?.n ?? 0) === 0 || attempt === 20) return rows[0]?.n ?? 0
      await sleep(50)
    }
  } finally {
    await admin.close()
  }
}
