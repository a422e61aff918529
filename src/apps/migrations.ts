import { join } from 'node:path'
import { type Migration, readMigrations } from '../db/migrate.ts'

const here = import.meta.dirname

/** The engine's migrations; every database has them. */
export const engineMigrations = (): Promise<Migration[]> =>
  readMigrations('engine', join(here, '../db/migrations'))

/** The engine's and every bundled app's: what the checked-in dump of the schema shows. */
export async function allMigrations(): Promise<Migration[]> {
  return [
    ...(await engineMigrations()),
    ...(await readMigrations('datacube', join(here, 'datacube/migrations'))),
    ...(await readMigrations('portal', join(here, 'portal/migrations'))),
  ]
}
