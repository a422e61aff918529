// Queries a minute of a whole node to which nothing comes. Counted by Postgres (pg_stat_statements), whoever sends them
// in the node: loops, schedules, pg-boss. Option: --seconds N.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { Database } from '../src/db/database.ts'
import { round } from './harness/figures.ts'
import { withNode } from './harness/node.ts'
import { untouched } from './harness/plan.ts'
import { withPostgres } from './harness/postgres.ts'
import { differences, expectRows, OURS } from './harness/rows.ts'
import { printTable } from './harness/table.ts'

export interface IdleOptions {
  readonly customers: number
  /** After the first pass, before anything is counted. */
  readonly restS: number
  readonly seconds: number
}

export const IDLE: IdleOptions = { customers: 1_000, restS: 10, seconds: 60 }

interface Statement {
  readonly calls: number
  readonly query: string
}

export interface IdleFigures {
  readonly queriesPerMinute: number
  readonly rowsEqual: boolean
  readonly raw: {
    readonly seconds: number
    readonly queries: number
    readonly statements: readonly Statement[]
  }
}

/** A server of its own: the module that counts costs the others time. */
export const benchIdle = (options: IdleOptions): Promise<IdleFigures> =>
  withPostgres(
    async (server) => {
      const counting = new Database({ url: await server.create('counting'), poolSize: 1 })
      try {
        await counting.query('create extension pg_stat_statements')
        return await withNode(server, options, ({ db }) => count(db, counting, options))
      } finally {
        await counting.close()
      }
    },
    {
      settings: ['shared_preload_libraries=pg_stat_statements', 'pg_stat_statements.max=10000'],
      logFiles: 0,
    },
  )

async function count(
  db: Database,
  counting: Database,
  { customers, restS, seconds }: IdleOptions,
): Promise<IdleFigures> {
  await sleep(restS * 1000)
  await counting.query('select pg_stat_statements_reset()')
  const startedAt = performance.now()
  await sleep(seconds * 1000)
  const { rows: statements } = await counting.query<Statement>(
    `select sum(s.calls)::int as calls, left(regexp_replace(s.query, '\\s+', ' ', 'g'), 160) as query
     from pg_stat_statements as s join pg_database as d on d.oid = s.dbid
     where d.datname = 'node_run' group by 2 order by 1 desc, 2`,
  )
  const elapsedS = (performance.now() - startedAt) / 1000
  const queries = statements.reduce((sum, { calls }) => sum + calls, 0)
  await expectRows(db, untouched(customers))
  return {
    queriesPerMinute: round((queries / elapsedS) * 60),
    rowsEqual: (await differences(db, OURS)) === 0,
    raw: { seconds: elapsedS, queries, statements },
  }
}

export function printIdle({ raw, ...figures }: IdleFigures): void {
  const rows = raw.statements.slice(0, 12).map(({ calls, query }) => [String(calls), query.slice(0, 100)])
  printTable(`Idle, statements in ${Math.round(raw.seconds)} s`, ['calls', 'statement'], rows)
  console.log(JSON.stringify(figures))
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { seconds: { type: 'string', default: String(IDLE.seconds) } } })
  const figures = await benchIdle({ ...IDLE, seconds: Number(values.seconds) })
  printIdle(figures)
  if (!figures.rowsEqual) process.exitCode = 1
}
