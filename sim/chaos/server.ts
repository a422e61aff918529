import { mkdtemp, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { threadId } from 'node:worker_threads'
import { engineMigrations } from '../../src/apps/migrations.ts'
import { Database } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import { chaosApp, tablesSql } from './world.ts'

/** One database that all runs of this process use in turn. */
export interface ChaosServer {
  readonly url: string
  /** Outside of time and failpoints. */
  readonly admin: Database
  /** An empty folder, for an app without migrations. */
  readonly folder: string
  /** Makes the database as new. */
  reset(): Promise<void>
  close(): Promise<void>
}

const SETTINGS = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'autovacuum=off']

/**
 * The sequence is the database's clock: it moves by a microsecond with every look, and the runner sets it. It stands
 * before pg_catalog in the search path, so that every statement and default of ours looks at it.
 */
const TIME_SQL = `
create schema chaos;
create sequence chaos.tick;
create function chaos.clock_timestamp() returns timestamptz language sql volatile as $$
  select timestamptz 'epoch' + pg_catalog.nextval('chaos.tick') * interval '1 microsecond'
$$;
create function chaos.show_time(us bigint, back boolean) returns void language sql volatile as $$
  select pg_catalog.setval('chaos.tick', case when back then us else greatest(us, (select last_value from chaos.tick)) end)
$$;
create table chaos.effects (event bigint not null);
`

/** The server that DATABASE_URL names, or one of our own without fsync: what fsync guards against cannot happen here. */
export async function startPostgres(
  given = process.env['DATABASE_URL'],
): Promise<{ url: string; stop: () => Promise<void> }> {
  if (given !== undefined && given !== '') return { url: given, stop: () => Promise.resolve() }
  const home = await mkdtemp(join(tmpdir(), 'lockstep-chaos-'))
  await chmod(home, 0o755)
  const server = await startEmbedded({ home, settings: SETTINGS })
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await rm(home, { recursive: true, force: true })
    },
  }
}

/** Makes a database of its own on a server; `close` drops it. */
export async function startChaosServer(base: string): Promise<ChaosServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-chaos-app-'))
  const name = `lockstep_chaos_${process.pid}_${threadId}`
  const outside = new Database({ url: base, poolSize: 1 })
  await outside.query(`drop database if exists ${name} with (force)`)
  await outside.query(`create database ${name}`)
  await outside.query(`alter database ${name} set search_path = chaos, pg_catalog, public`)
  const url = Object.assign(new URL(base), { pathname: `/${name}` }).href
  const admin = new Database({ url, poolSize: 2, applicationName: 'lockstep-chaos-admin' })
  await build(admin, folder)
  return {
    url,
    admin,
    folder,
    reset: await resetOf(admin),
    async close() {
      await admin.close()
      await outside.query(`drop database ${name} with (force)`)
      await outside.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function build(admin: Database, folder: string): Promise<void> {
  await admin.query(TIME_SQL)
  await migrate(admin, await engineMigrations())
  const clock = { now: () => 0, steady: () => 0, sleep: () => Promise.resolve() }
  const app = chaosApp({ endpoint: 'http://127.0.0.1:1', clock, pageSize: 1, migrations: folder })
  await admin.query(tablesSql(app))
}

/** Emptying small tables is ten times as fast as a clone of a template; now and then they are truncated. */
async function resetOf(admin: Database): Promise<() => Promise<void>> {
  const { rows } = await admin.query<{ name: string }>(
    `select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name from pg_class as c
     join pg_namespace as n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname in ('public', 'lockstep', 'chaos') and c.relname <> 'migrations'`,
  )
  const tables = rows.map((row) => row.name)
  const empty = tables.map((table) => `delete from ${table};`).join('\n')
  let resets = 0
  return async () => {
    await admin.query(resets++ % 20 === 0 ? `truncate ${tables.join(', ')} cascade` : empty)
    await admin.query(`drop trigger if exists chaos_bug on lockstep.tombstones;
      alter sequence lockstep.arrival restart; alter sequence lockstep.refetch_seq restart;
      select pg_catalog.setval('chaos.tick', 1)`)
  }
}
