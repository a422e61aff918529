import type { Database, Queryable } from '../db/database.ts'
import type { Migration } from '../db/migrate.ts'

/** One object in a database that Lockstep's migrations made. */
export interface Belonging {
  readonly kind: 'schema' | 'table' | 'view' | 'materialized view' | 'function' | 'sequence' | 'type'
  /** As SQL names it, a function with its argument types. */
  readonly name: string
}

/** Schemas that others share: never dropped, whoever made them. */
const SHARED_SCHEMAS = new Set(['public', 'auth', 'extensions', 'storage', 'lockstep'])
const CREATE =
  /\bcreate\s+(?:or\s+replace\s+)?(schema|table|view|materialized\s+view|function|sequence|type)\s+(?:if\s+not\s+exists\s+)?"?([a-z_][a-z0-9_]*)"?(?:\."?([a-z_][a-z0-9_]*)"?)?/gi

/**
 * What is there of what the applied ones of these migrations created, beside the schemas that are Lockstep's and
 * pg-boss's alone. A table of the same name that no migration of ours made is left out.
 */
export async function findBelongings(db: Queryable, migrations: readonly Migration[]): Promise<Belonging[]> {
  const own = await existingSchemas(db, ['lockstep', 'pgboss'])
  const applied = new Set(own.includes('lockstep') ? await appliedIds(db) : [])
  const made = migrations.filter(({ id }) => applied.has(id)).flatMap(({ sql }) => createdBy(sql))
  const names = made.flatMap(({ kind, name }) =>
    kind === 'schema' && !SHARED_SCHEMAS.has(name) ? [name] : [],
  )
  const schemas = [...own, ...(await existingSchemas(db, [...new Set(names)]))]
  const isOurs = (schema: string): boolean => schema === 'public' || !SHARED_SCHEMAS.has(schema)
  const outside = made.filter(
    ({ kind, schema }) => kind !== 'schema' && !schemas.includes(schema) && isOurs(schema),
  )
  return [
    ...schemas.map((name): Belonging => ({ kind: 'schema', name })),
    ...(await existingRelations(db, outside)),
    ...(await existingFunctions(db, outside)),
  ]
}

interface Made {
  readonly kind: string
  readonly schema: string
  readonly name: string
}

function createdBy(sql: string): Made[] {
  const plain = sql.replace(/--.*$/gm, '')
  return [...plain.matchAll(CREATE)].map(([, kind = '', first = '', second]) => ({
    kind: kind.toLowerCase().replace(/\s+/g, ' '),
    schema: second === undefined ? 'public' : first,
    name: second ?? first,
  }))
}

async function appliedIds(db: Queryable): Promise<string[]> {
  const known = await db.query<{ present: boolean }>(
    `select to_regclass('lockstep.migrations') is not null as present`,
  )
  if (known.rows[0]?.present !== true) return []
  const { rows } = await db.query<{ id: string }>('select id from lockstep.migrations')
  return rows.map((row) => row.id)
}

async function existingSchemas(db: Queryable, names: readonly string[]): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    'select nspname as name from pg_namespace where nspname = any ($1::text[]) order by 1',
    [names],
  )
  return rows.map((row) => row.name)
}

const RELATION_KINDS: Readonly<Record<string, Belonging['kind']>> = {
  r: 'table', p: 'table', v: 'view', m: 'materialized view', S: 'sequence',
} // prettier-ignore

async function existingRelations(db: Queryable, made: readonly Made[]): Promise<Belonging[]> {
  const { rows } = await db.query<{ kind: string; name: string }>(
    `select c.relkind as kind, format('%I.%I', n.nspname, c.relname) as name
     from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
     where (n.nspname, c.relname) in (select s, r from unnest($1::text[], $2::text[]) as wanted (s, r))
       and c.relkind in ('r', 'p', 'v', 'm', 'S')
     order by c.relkind in ('r', 'p'), 2`,
    [made.map((m) => m.schema), made.map((m) => m.name)],
  )
  return rows.flatMap(({ kind, name }) => {
    const known = RELATION_KINDS[kind]
    return known === undefined ? [] : [{ kind: known, name }]
  })
}

async function existingFunctions(db: Queryable, made: readonly Made[]): Promise<Belonging[]> {
  const functions = made.filter(({ kind }) => kind === 'function')
  const { rows } = await db.query<{ name: string }>(
    `select format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)) as name
     from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
     where (n.nspname, p.proname) in (select s, f from unnest($1::text[], $2::text[]) as wanted (s, f))
     order by 1`,
    [functions.map((m) => m.schema), functions.map((m) => m.name)],
  )
  return rows.map(({ name }) => ({ kind: 'function', name }))
}

export const describeBelongings = (belongings: readonly Belonging[]): string =>
  belongings.map(({ kind, name }) => `  ${kind} ${name}`).join('\n')

/** Drops them in one transaction: all or nothing. */
export async function dropBelongings(db: Database, belongings: readonly Belonging[]): Promise<void> {
  await db.transaction(async (tx) => {
    // What depends on an earlier one is gone with it already.
    for (const { kind, name } of belongings) await tx.query(`drop ${kind} if exists ${name} cascade`)
  })
}
