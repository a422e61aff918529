import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { LockstepError } from '../engine/errors.ts'
import type { Database, Queryable } from './database.ts'

/** One forward-only step, from a file `NNNN-name.sql`. */
export interface Migration {
  /** `set/NNNN-name`: the set keeps the engine's, each app's and the user's numbers apart. */
  readonly id: string
  readonly sql: string
  readonly checksum: string
}

export class MigrationError extends LockstepError {
  override readonly name = 'MigrationError'
}

const FILE = /^\d{4}-[a-z0-9-]+\.sql$/

/** Reads a folder of migrations in number order. A file whose name does not fit the pattern is an error. */
export async function readMigrations(set: string, folder: string): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort()
  return Promise.all(
    names.map(async (name) => {
      if (!FILE.test(name)) {
        throw new MigrationError(`${join(folder, name)}: name it like 0001-what-it-does.sql`)
      }
      const sql = await readFile(join(folder, name), 'utf8')
      const checksum = createHash('sha256').update(sql).digest('hex').slice(0, 16)
      return { id: `${set}/${name.slice(0, -4)}`, sql, checksum }
    }),
  )
}

/** Which of the given migrations the database lacks; throws where an applied one has been edited since. */
export async function pendingMigrations(
  db: Queryable,
  migrations: readonly Migration[],
): Promise<Migration[]> {
  const known = await db.query<{ present: boolean }>(
    `select to_regclass('lockstep.migrations') is not null as present`,
  )
  if (known.rows[0]?.present !== true) return [...migrations]
  const { rows } = await db.query<{ id: string; checksum: string }>(
    'select id, checksum from lockstep.migrations',
  )
  const applied = new Map(rows.map((row) => [row.id, row.checksum]))
  for (const { id, checksum } of migrations) {
    const before = applied.get(id)
    if (before !== undefined && before !== checksum) {
      throw new MigrationError(
        `migration ${id} was changed after it was applied here. Migrations are forward only: restore the file and write a new one`,
      )
    }
  }
  return migrations.filter(({ id }) => !applied.has(id))
}

/** Any constant serves; this is "lockstep" read as a number, cut to 31 bits. */
const LOCK_ID = 1_819_042_347

/**
 * Applies what is missing, each file in a transaction of its own, under a lock that lets only one of several nodes
 * that start at once do it. Returns the ids applied by this call.
 */
export async function migrate(db: Database, migrations: readonly Migration[]): Promise<string[]> {
  await db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [LOCK_ID])
    await tx.query(`create schema if not exists lockstep`)
    await tx.query(`create table if not exists lockstep.migrations (
      id text primary key, checksum text not null, applied_at timestamptz not null default clock_timestamp())`)
  })
  const done: string[] = []
  for (const migration of await pendingMigrations(db, migrations)) {
    if (await applyOne(db, migration)) done.push(migration.id)
  }
  return done
}

async function applyOne(db: Database, { id, sql, checksum }: Migration): Promise<boolean> {
  return db.transaction(async (tx) => {
    await tx.query('select pg_advisory_xact_lock($1)', [LOCK_ID])
    const seen = await tx.query('select 1 from lockstep.migrations where id = $1', [id])
    if (seen.rowCount !== 0) return false
    try {
      await tx.query(sql)
    } catch (error) {
      throw new MigrationError(`migration ${id} failed and was rolled back: ${(error as Error).message}`, {
        cause: error,
      })
    }
    await tx.query('insert into lockstep.migrations (id, checksum) values ($1, $2)', [id, checksum])
    return true
  })
}
