import { mkdtemp, rm, chmod } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { threadId } from 'node:worker_threads'
import { engineMigrations } from '../../src/apps/migrations.ts'
import { Database, sqlState } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded/embedded.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { Kind, Mutation } from './kind.ts'

/** One database that all runs of one kind in this thread use in turn. */
export interface ChaosServer {
  readonly url: string
  /** Outside of time and failpoints. */
  readonly admin: Database
  /** An empty folder, for an app without migrations. */
  readonly folder: string
  /** Makes the database as new. */
  reset(): Promise<void>
  /** Plants what a bug changes in the database, until the next reset. */
  plant(bug: Mutation): Promise<void>
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
create function chaos.now() returns timestamptz language sql stable as $$
  select timestamptz 'epoch' + last_value * interval '1 microsecond' from chaos.tick
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

const templateOf = (kind: Kind): string => `lockstep_chaos_${process.pid}_${kind.name.replaceAll('-', '_')}`

async function onServer(base: string, work: (outside: Database) => Promise<void>): Promise<void> {
  const outside = new Database({ url: base, poolSize: 1 })
  try {
    await work(outside)
  } finally {
    await outside.close()
  }
}

const databaseAt = (base: string, name: string): string =>
  Object.assign(new URL(base), { pathname: `/${name}` }).href

/** Databases that hold a kind's tables and nothing else, for this process to copy. */
export async function buildTemplates(base: string, kinds: readonly Kind[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-chaos-app-'))
  for (const kind of kinds) {
    const name = templateOf(kind)
    await onServer(base, async (outside) => {
      await outside.query(`create database ${name}`)
      await outside.query(`alter database ${name} set search_path = chaos, pg_catalog, public`)
    })
    const admin = new Database({ url: databaseAt(base, name), poolSize: 1 })
    try {
      await admin.query(TIME_SQL)
      await migrate(admin, await engineMigrations())
      await kind.build(admin, folder)
    } finally {
      await admin.close()
    }
  }
  await rm(folder, { recursive: true, force: true })
}

export const dropTemplates = (base: string, kinds: readonly Kind[]): Promise<void> =>
  onServer(base, async (outside) => {
    for (const kind of kinds) await outside.query(`drop database if exists ${templateOf(kind)} with (force)`)
  })

/** Makes a copy of the kind's template; `close` drops it. */
export async function startChaosServer(base: string, kind: Kind): Promise<ChaosServer> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-chaos-app-'))
  const name = `${templateOf(kind)}_${threadId}`
  await onServer(base, async (outside) => {
    await outside.query(`drop database if exists ${name} with (force)`)
    await copyTemplate(outside, name, templateOf(kind))
    await outside.query(`alter database ${name} set search_path = chaos, pg_catalog, public`)
  })
  const url = databaseAt(base, name)
  const admin = new Database({ url, poolSize: 2, applicationName: 'lockstep-chaos-admin' })
  const garden = new Garden(admin)
  const empty = await emptyingOf(admin)
  return {
    url,
    admin,
    folder,
    async reset() {
      await garden.weed()
      await empty()
    },
    plant: (bug) => garden.plant(bug),
    async close() {
      await admin.close()
      await onServer(
        base,
        async (outside) => void (await outside.query(`drop database ${name} with (force)`)),
      )
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** object_in_use: another worker copies the template at this moment. */
const BUSY = '55006'

async function copyTemplate(outside: Database, name: string, template: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await outside.query(`create database ${name} template ${template}`)
      return
    } catch (error) {
      if (sqlState(error) !== BUSY || attempt === 100) throw error
      await sleep(100)
    }
  }
}

/** Bugs in SQL, and what they stand in the place of. */
class Garden {
  readonly #admin: Database
  #undo: string[] = []

  constructor(admin: Database) {
    this.#admin = admin
  }

  async plant({ sql, replaces = [] }: Mutation): Promise<void> {
    if (sql === undefined) return
    for (const name of replaces) {
      const { rows } = await this.#admin.query<{ source: string }>(
        'select pg_get_functiondef($1::regprocedure) as source',
        [name],
      )
      this.#undo.push(rows[0]?.source ?? '')
    }
    await this.#admin.query(sql)
  }

  async weed(): Promise<void> {
    for (const sql of this.#undo.splice(0)) await this.#admin.query(sql)
    // What a bug adds, it adds in this schema: triggers go with their functions.
    await this.#admin.query('drop schema if exists chaos_bug cascade')
  }
}

/**
 * Emptying small tables is ten times as fast as a clone of a template; now and then they are truncated. Tables that
 * migrations fill stay as they are.
 */
async function emptyingOf(admin: Database): Promise<() => Promise<void>> {
  const { rows } = await admin.query<{ name: string; filled: boolean }>(
    `select name, (xpath('/row/n/text()', query_to_xml('select count(*) as n from ' || name, false, true, '')))[1]::text::int > 0 as filled
     from (
       select quote_ident(n.nspname) || '.' || quote_ident(c.relname) as name
       from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
       where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')
     ) as t`,
  )
  const tables = rows.filter(({ filled }) => !filled).map(({ name }) => name)
  const empty = tables.map((table) => `delete from ${table};`).join('\n')
  let resets = 0
  return async () => {
    const all = resets++ % 20 === 0 ? `truncate ${tables.join(', ')} cascade;` : empty
    await admin.query(`${all}
      alter sequence lockstep.arrival restart; alter sequence lockstep.refetch_seq restart;
      select pg_catalog.setval('chaos.tick', 1)`)
  }
}
