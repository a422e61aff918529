import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Migration } from '../db/migrate.ts'

export interface Exported {
  readonly file: string
  /** `differs`: a file of that name holds something else, and was left alone. */
  readonly action: 'written' | 'kept' | 'differs'
}

/** The first file's timestamp; each further one is a second later. Only their order means anything. */
const FIRST = 20_260_101_000_001

/**
 * Writes migrations as `<timestamp>_lockstep_<set>_<name>.sql`. A migration that was exported before keeps its
 * timestamp and a new one goes behind all others, so the order in which Supabase applied them never changes.
 */
export async function exportMigrations(
  migrations: readonly Migration[],
  folder: string,
): Promise<Exported[]> {
  await mkdir(folder, { recursive: true })
  const present = (await readdir(folder)).filter((name) => /^\d{14}_lockstep_.+\.sql$/.test(name))
  let last = Math.max(FIRST - 1, ...present.map((name) => Number(name.slice(0, 14))))
  const done: Exported[] = []
  for (const migration of migrations) {
    const suffix = `_lockstep_${migration.id.replace(/[/-]/g, '_')}.sql`
    const known = present.find((name) => name.slice(14) === suffix)
    const file = join(folder, known ?? `${++last}${suffix}`)
    const content = render(migration)
    const before = known === undefined ? undefined : await readFile(file, 'utf8')
    if (before === undefined) await writeFile(file, content)
    done.push({ file, action: before === undefined ? 'written' : before === content ? 'kept' : 'differs' })
  }
  return done
}

// The ledger is filled too, so that "lockstep up" on that database does not apply the same migrations again.
const render = ({
  id,
  sql,
  checksum,
}: Migration): string => `-- Written by "lockstep db export" from the migration ${id}.
-- Do not edit: a later export leaves an edited file alone and says so.

create schema if not exists lockstep;
create table if not exists lockstep.migrations (
  id text primary key, checksum text not null, applied_at timestamptz not null default clock_timestamp());

${sql.trimEnd()}

insert into lockstep.migrations (id, checksum) values ('${id}', '${checksum}') on conflict (id) do nothing;
`
