import { once } from 'node:events'
import pg from 'pg'
import { from as copyFrom } from 'pg-copy-streams'
import { WIDE_NAMES, WIDE_TYPED, wideId, wideValues } from './wide.ts'

/** COPY, the fastest way that Postgres has to take rows in. */

const columns = ['id', ...WIDE_NAMES].map((name) => `"${name}"`).join(', ')

/** One row in COPY's text format. */
function line(k: number, version: number): string {
  const values = wideValues(k, version)
  const cells = WIDE_NAMES.map((name) => {
    const value = values[name]
    if (value === null || value === undefined) return '\\N'
    return typeof value === 'object' ? JSON.stringify(value).replaceAll('\\', '\\\\') : String(value)
  })
  return `${wideId(k)}\t${cells.join('\t')}\n`
}

const ROWS_PER_WRITE = 500

async function copyInto(client: pg.Client, table: string, rows: number, version: number): Promise<void> {
  const stream = client.query(copyFrom(`copy ${table} (${columns}) from stdin`))
  const done = once(stream, 'finish')
  for (let start = 0; start < rows; start += ROWS_PER_WRITE) {
    const end = Math.min(rows, start + ROWS_PER_WRITE)
    let text = ''
    for (let k = start; k < end; k++) text += line(k, version)
    if (!stream.write(text)) await once(stream, 'drain')
  }
  stream.end()
  await done
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** The limit: all rows into a temporary table, then merged with what is there, in one transaction. */
export async function copyAndMerge(
  client: pg.Client,
  table: string,
  rows: number,
  version: number,
): Promise<void> {
  const assignments = WIDE_NAMES.map((name) => `"${name}" = excluded."${name}"`)
  await client.query('begin')
  await client.query(`create temporary table incoming (id text, ${WIDE_TYPED.join(', ')}) on commit drop`)
  await copyInto(client, 'incoming', rows, version)
  await client.query(
    `insert into ${table} (${columns}) select ${columns} from incoming
     on conflict (id) do update set ${assignments.join(', ')}`,
  )
  await client.query('commit')
}

/** Makes a table of what must be there. */
export async function copyExpected(
  client: pg.Client,
  table: string,
  rows: number,
  version: number,
): Promise<void> {
  await client.query(`create table ${table} (id text primary key, ${WIDE_TYPED.join(', ')})`)
  await copyInto(client, table, rows, version)
  await client.query(`vacuum analyze ${table}`)
}

/** How many rows of two tables differ, on either side. */
export async function wideDifferences(client: pg.Client, table: string, expected: string): Promise<number> {
  const of = (row: string): string => WIDE_NAMES.map((name) => `${row}."${name}"`).join(', ')
  const { rows } = await client.query<{ n: number }>(
    `select count(*)::int as n from ${table} as t full join ${expected} as e on e.id = t.id
     where t.id is null or e.id is null or (${of('t')}) is distinct from (${of('e')})`,
  )
  return rows[0]?.n ?? Number.NaN
}
