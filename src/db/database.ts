import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { nextDelayMs, retryableSqlStates, type RetryPolicy } from '../engine/retry.ts'

// Dates and times stay the text that Postgres wrote: a Date would shift days by the process's zone and cut
// microseconds, which stamps need. bigint counts fit a number up to 2^53.
const TEXT_TYPES = [pg.types.builtins.DATE, pg.types.builtins.TIMESTAMP, pg.types.builtins.TIMESTAMPTZ]
for (const oid of TEXT_TYPES) pg.types.setTypeParser(oid, (text) => text)
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

/** Anything that runs SQL: the pool or one transaction. */
export interface Queryable {
  readonly query: <Row extends pg.QueryResultRow = pg.QueryResultRow>(
    sql: string,
    params?: readonly unknown[],
  ) => Promise<{ rows: Row[]; rowCount: number | null }>
}

/** One transaction; only `Database.transaction` makes one. */
export interface Transaction extends Queryable {
  readonly transaction: true
}

export interface DatabaseOptions {
  readonly url: string
  readonly poolSize?: number
  readonly applicationName?: string
  /** Milliseconds until a connection attempt is given up. */
  readonly connectTimeoutMs?: number
}

const IDLE_IN_TRANSACTION_MS = 60_000
const transactionRetry: RetryPolicy = { delaysMs: [5, 20, 50, 100, 200, 500, 1_000], jitter: 1 }

/** A pool on one Postgres. No session state is kept, so it works through a transaction pooler. */
export class Database implements Queryable {
  readonly url: string
  readonly pool: pg.Pool

  constructor(options: DatabaseOptions) {
    this.url = options.url
    this.pool = new pg.Pool({
      connectionString: options.url,
      max: options.poolSize ?? 8,
      application_name: options.applicationName ?? 'lockstep',
      connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
      idleTimeoutMillis: 30_000,
      keepAlive: true,
    })
    // A connection that breaks while idle is dropped by the pool; without a listener it would end the process.
    this.pool.on('error', () => {})
  }

  async query<Row extends pg.QueryResultRow>(sql: string, params: readonly unknown[] = []) {
    return this.pool.query<Row>(sql, params as unknown[])
  }

  /**
   * Runs `work` in one transaction, read committed. Deadlocks and serialisation failures, and errors that `work`
   * marks by throwing `RetryTransaction`, roll back and run it again from the start, at most eight times.
   */
  async transaction<T>(work: (tx: Transaction, attempt: number) => Promise<T>): Promise<T> {
    return retrying((attempt) => this.once((tx) => work(tx, attempt)))
  }

  /** One statement as a transaction of its own, in one round trip; run again as `transaction` is. */
  async statement<Row extends pg.QueryResultRow>(sql: string, params: readonly unknown[]) {
    return retrying(() => this.query<Row>(sql, params))
  }

  private async once<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    const client = await this.pool.connect()
    // A connection lost between statements emits here; the next statement fails by itself.
    const ignore = (): void => {}
    client.on('error', ignore)
    let broken: Error | undefined
    try {
      await client.query(`begin; set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION_MS}`)
      const result = await work({
        transaction: true,
        query: (sql, params = []) => client.query(sql, params as unknown[]),
      })
      await client.query('commit')
      return result
    } catch (error) {
      await client.query('rollback').catch((e: unknown) => {
        broken = e instanceof Error ? e : new Error(String(e))
      })
      throw error
    } finally {
      client.off('error', ignore)
      client.release(broken)
    }
  }

  async close(): Promise<void> {
    await this.pool.end()
  }
}

async function retrying<T>(work: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt)
    } catch (error) {
      const delayMs = nextDelayMs(transactionRetry, attempt, Math.random())
      if (!isRetryable(error) || delayMs === undefined) throw error
      if (!(error instanceof RetryTransaction)) await sleep(delayMs)
    }
  }
}

/** Thrown inside a transaction to roll it back and run it again at once, with what was learnt. */
export class RetryTransaction extends Error {
  override readonly name: string = 'RetryTransaction'
}

/** The five-character SQLSTATE of a Postgres error, if it is one. */
export function sqlState(error: unknown): string | undefined {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined
}

function isRetryable(error: unknown): boolean {
  return error instanceof RetryTransaction || (sqlState(error) ?? '') in retryableSqlStates
}

/** True where the database refused the data itself: a value that its type or a constraint does not allow. */
export const isRefusal = (error: unknown): boolean => /^2[23]/.test(sqlState(error) ?? '')

/** SQLSTATE classes, and socket errors, that mean "the database is not there now" rather than "the data is bad". */
const OUTAGE_CLASSES = new Set(['08', '53', '57', '58'])
/** object_not_in_prerequisite_state: many things, among them a database that is closed for a while. */
const NOT_NOW = '55000'
const OUTAGE_CODES = /^(ECONN|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH)/

/** True where the same statement may well succeed later: nothing about the data is at fault. */
export function isOutage(error: unknown): boolean {
  const state = sqlState(error)
  const { code, message } = (error ?? {}) as { code?: unknown; message?: unknown }
  if (state === NOT_NOW) return typeof message === 'string' && /not currently accepting/.test(message)
  if (state !== undefined) return OUTAGE_CLASSES.has(state.slice(0, 2)) || state in retryableSqlStates
  if (typeof code === 'string' && OUTAGE_CODES.test(code)) return true
  return (
    typeof message === 'string' &&
    /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|pool after calling end/.test(
      message,
    )
  )
}
