import type { App } from '../../src/apps/contract.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import type { Database } from '../../src/db/database.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { sqlName, type TableSpec } from '../../src/mirror/table-spec.ts'
import type { Subject, SubjectSettings } from './subject.ts'

const ENCRYPTION_KEY = 'a key for the conformance suite alone'

/** The subject's source and tables, and a ledger in which each fact is told apart by its key. */
export const conformingApp = (subject: Subject, settings: SubjectSettings, folder: string): App => ({
  name: subject.vendor,
  ...subject.app(settings),
  migrations: [{ set: 'conformance', folder }],
  record: async (tx, facts) => {
    await tx.query(
      `insert into public.conformance_facts as f (key, type)
       select key, type from unnest($1::text[], $2::text[]) as t (key, type) order by key
       on conflict (key) do update set told = f.told + 1`,
      [facts.map(({ key }) => key), facts.map(({ type }) => type)],
    )
  },
})

export async function makeTables(db: Database, tables: readonly TableSpec[]): Promise<void> {
  for (const spec of tables) {
    const columns = Object.entries(spec.columns).map(([name, { type }]) => `"${name}" ${type}`)
    await db.query(`create schema if not exists "${spec.schema}"`)
    await db.query(`create table ${sqlName(spec)} ("${spec.key}" text primary key, ${columns.join(', ')},
      extra jsonb not null default '{}', _stamp text collate "C" not null, _stamps jsonb, _digest text,
      last_synced_at timestamptz not null default now())`)
  }
  await db.query(
    'create table public.conformance_facts (key text primary key, type text, told int default 1)',
  )
}

export async function openApp(
  db: Database,
  app: App,
  hook: () => string | undefined = () => undefined,
): Promise<Pipeline> {
  await migrateAll(db, [app])
  const [pipeline] = await openPipelines(db, [app], { webhookUrl: hook, secretKey: ENCRYPTION_KEY })
  if (pipeline === undefined) throw new Error('no pipeline')
  return pipeline
}
