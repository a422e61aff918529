// Writes or checks src/db/schema.sql: what all migrations make, readable, made by our own query of the catalogue so
// that it is the same text on every version of Postgres. Usage: node test/schema-dump.ts --write | --check
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { allMigrations } from '../src/apps/migrations.ts'
import { Database, type Queryable } from '../src/db/database.ts'
import { startEmbedded } from '../src/db/embedded/embedded.ts'
import { migrate } from '../src/db/migrate.ts'

const FILE = join(import.meta.dirname, '../src/db/schema.sql')
const ours = `n.nspname not in ('pg_catalog', 'information_schema', 'pgboss') and n.nspname not like 'pg\\_%'`
// What an extension brought is its own business.
const notExtension = (catalogue: string, oid: string): string =>
  `not exists (select from pg_depend as d where d.classid = '${catalogue}'::regclass and d.objid = ${oid} and d.deptype = 'e')`

/** One query a kind of object, each giving lines of text in a fixed order. */
const queries: Readonly<Record<string, string>> = {
  'tables and views': `
    select c.relname, format(E'%s %I.%I (\\n%s\\n)%s;',
      case c.relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end, n.nspname, c.relname,
      (select string_agg(format('  %I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
          case when a.attcollation <> t.typcollation then ' collate ' || quote_ident(l.collname) else '' end,
          case when a.attnotnull and c.relkind = 'r' then ' not null' else '' end,
          case when a.attgenerated = 's' then ' generated' when d.adbin is not null
            then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end), E',\\n' order by a.attnum)
        from pg_attribute as a
        join pg_type as t on t.oid = a.atttypid
        left join pg_collation as l on l.oid = a.attcollation
        left join pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped),
      case when c.relrowsecurity then ' row level security' else '' end
        || coalesce((select ' with (' || string_agg(o, ', ' order by o) || ')' from unnest(c.reloptions) as o), '')) as line
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
    where ${ours} and c.relkind in ('r', 'v', 'm') and ${notExtension('pg_class', 'c.oid')} order by n.nspname, c.relname`,
  constraints: `
    select format('%I.%I: %I %s', n.nspname, c.relname, k.conname, pg_get_constraintdef(k.oid)) as line
    from pg_constraint as k join pg_class as c on c.oid = k.conrelid join pg_namespace as n on n.oid = c.relnamespace
    where ${ours} and k.contype in ('p', 'u', 'c', 'f') order by 1`,
  indexes: `
    select pg_get_indexdef(i.indexrelid) as line
    from pg_index as i join pg_class as c on c.oid = i.indrelid join pg_namespace as n on n.oid = c.relnamespace
    where ${ours} and not exists (select from pg_constraint as k where k.conindid = i.indexrelid) order by 1`,
  sequences: `
    select format('%I.%I', n.nspname, c.relname) as line
    from pg_class as c join pg_namespace as n on n.oid = c.relnamespace where ${ours} and c.relkind = 'S' order by 1`,
  triggers: `
    select pg_get_triggerdef(t.oid) as line
    from pg_trigger as t join pg_class as c on c.oid = t.tgrelid join pg_namespace as n on n.oid = c.relnamespace
    where ${ours} and not t.tgisinternal order by 1`,
  policies: `
    select format('%I on %I.%I for %s to %s', p.policyname, p.schemaname, p.tablename, p.cmd, array_to_string(p.roles, ', ')) as line
    from pg_policies as p join pg_namespace as n on n.nspname = p.schemaname where ${ours} order by 1`,
  functions: `
    select format(E'%s(%s) returns %s language %s %s\\n%s', p.oid::regproc, pg_get_function_arguments(p.oid),
      pg_get_function_result(p.oid), l.lanname,
      case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end,
      coalesce(pg_get_function_sqlbody(p.oid), p.prosrc)) as line
    from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace join pg_language as l on l.oid = p.prolang
    where ${ours} and p.prokind = 'f' and ${notExtension('pg_proc', 'p.oid')}
    order by n.nspname, p.proname, pg_get_function_arguments(p.oid)`,
}

async function dump(db: Queryable): Promise<string> {
  const parts = ['-- Made by "npm run schema:dump" from the migrations. Do not edit.']
  for (const [kind, sql] of Object.entries(queries)) {
    const { rows } = await db.query<{ line: string }>(sql)
    parts.push(`\n-- ${kind}\n`, ...rows.map(({ line }) => line.replaceAll(/[ \t]+$/gm, '')))
  }
  return `${parts.join('\n')}\n`
}

async function migrated(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'lockstep-schema-'))
  await chmod(home, 0o755)
  const server = await startEmbedded({ home, settings: ['fsync=off'] })
  const db = new Database({ url: server.url, poolSize: 2 })
  try {
    await migrate(db, await allMigrations())
    return await dump(db)
  } finally {
    await db.close()
    await server.stop()
    await rm(home, { recursive: true, force: true })
  }
}

const text = await migrated()
if (process.argv.includes('--write')) await writeFile(FILE, text)
else {
  const kept = await readFile(FILE, 'utf8').catch(() => '')
  if (kept !== text) {
    const [a, b] = [kept.split('\n'), text.split('\n')]
    const at = b.findIndex((line, i) => line !== a[i])
    console.error(
      `src/db/schema.sql differs from the migrations at line ${at + 1}:\n- ${a[at]}\n+ ${b[at]}\nRun: npm run schema:dump`,
    )
    process.exitCode = 1
  } else console.log('src/db/schema.sql is what the migrations make')
}
