import { inject } from 'vitest'
import { Database } from '../../src/db/database.ts'

/** Lets nobody into a database, as when its server is gone, until the callback has ended. */
export async function withoutDatabase<T>(url: string, test: () => Promise<T>): Promise<T> {
  const name = new URL(url).pathname.slice(1)
  const admin = new Database({ url: inject('adminUrl'), poolSize: 1 })
  try {
    await admin.query(`alter database ${name} allow_connections false`)
    await admin.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
    return await test()
  } finally {
    await admin.query(`alter database ${name} allow_connections true`)
    await admin.close()
  }
}
