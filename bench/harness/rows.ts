import { COLUMNS } from '../../docs/examples/stripe/columns.ts'
import type { Database } from '../../src/db/database.ts'
import { stamp } from '../../src/engine/stamp.ts'
import { customer } from './customers.ts'

/** Customers in both tables, made in SQL from one copy, and the check that the two ended alike. */

const names = Object.keys(COLUMNS).map((name) => `"${name}"`)
const typed = Object.entries(COLUMNS).map(([name, type]) => `"${name}" ${type}`)
const CHUNK = 5_000

/** Keeps what must be there: `expected`, an id and the columns that both have. */
export async function expectRows(db: Database, live: ReadonlyMap<number, number>): Promise<void> {
  await db.query(`drop table if exists expected`)
  await db.query(`create table expected (id text primary key, ${typed.join(', ')})`)
  const entries = [...live]
  for (let start = 0; start < entries.length; start += CHUNK) {
    const rows = entries
      .slice(start, start + CHUNK)
      .map(([k, revision]) => JSON.stringify(customer(k, revision)))
    await db.query(
      `insert into expected select x.* from unnest($1::text[]) as u (j),
         jsonb_to_record(j::jsonb) as x (id text, ${typed.join(', ')})`,
      [rows],
    )
  }
  await db.query('analyze expected')
}

/** Fills both tables with what is expected, as rows that were read before any event. */
export async function prefill(db: Database): Promise<void> {
  const read = stamp({ at: 1, seen: 1, n: 1 })
  await db.query(
    `insert into public.stripe_customers (id, ${names.join(', ')}, _stamp) select id, ${names.join(', ')}, $1
     from expected`,
    [read],
  )
  await db.query(
    `insert into stripe.customers (id, ${names.join(', ')}, last_synced_at) select id, ${names.join(', ')}, '2000-01-01'
     from expected`,
  )
  await db.query('vacuum analyze public.stripe_customers')
  await db.query('vacuum analyze stripe.customers')
}

export const OURS = 'public.stripe_customers'
/** The peer keeps the rows of deleted customers. */
export const PEERS = '(select * from stripe.customers where not deleted)'

const columnsOf = (row: string): string => names.map((name) => `${row}.${name}`).join(', ')

/** How many rows of `table` and of `expected` differ, on either side. */
export async function differences(db: Database, table: string): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from ${table} as t full join expected as e on e.id = t.id
     where t.id is null or e.id is null or (${columnsOf('t')}) is distinct from (${columnsOf('e')})`,
  )
  return rows[0]?.n ?? Number.NaN
}

/** The same of the expected rows alone, whatever else the table holds. */
export async function differencesOfExpected(db: Database, table: string): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from expected as e left join ${table} as t on t.id = e.id
     where t.id is null or (${columnsOf('t')}) is distinct from (${columnsOf('e')})`,
  )
  return rows[0]?.n ?? Number.NaN
}
