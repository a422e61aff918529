import type pg from 'pg'
import { Database, type DatabaseOptions, type Transaction } from '../../src/db/database.ts'
import type { VirtualTime } from './time.ts'

/** As the driver reports a connection that broke: nothing says whether the statement was done. */
export class LostConnection extends Error {
  override readonly name = 'LostConnection'
  readonly code = 'ECONNRESET'
}

/** As Postgres refuses a value: something about the data is at fault. */
class RefusedByDatabase extends Error {
  override readonly name = 'RefusedByDatabase'
  readonly code = '22000'
}

export type Moment = 'statement' | 'claimed' | 'settling' | 'commit' | 'committed'
/** `die`: the node ends here. `terminate`: Postgres ends the connection. `lose`: it breaks. `refuse`: the data is bad. */
export type Effect = 'die' | 'terminate' | 'lose' | 'refuse'

/** Where something goes wrong, once. */
export interface Failpoint {
  readonly moment: Moment
  /** The how-manieth such moment. */
  countdown: number
  readonly effect: Effect
}

export interface ChaosOptions extends DatabaseOptions {
  readonly time: VirtualTime
  readonly admin: Database
  /** Settles events in a transaction of their own, after that of their effects: a planted bug. */
  readonly settleOutside?: boolean
  /** Answers instead of the database where it answers at all: for planted bugs. */
  readonly intercept?: ((sql: string) => object[] | undefined) | undefined
}

const CLAIMS = /^\s*with due as materialized[\s\S]*lockstep\.inbox_queue[\s\S]*for update skip locked/
const SETTLES = /insert into lockstep\.inbox_outcomes[\s\S]*'processed'/

type Query = (
  sql: string,
  params?: readonly unknown[],
) => Promise<{ rows: object[]; rowCount: number | null }>

/**
 * The database as one node sees it, with failpoints, virtual time, and a counter of events that is no property of
 * rows: each settled event adds one in the transaction that settles it, so an event that counts twice is seen.
 */
export class ChaosDatabase extends Database {
  failpoint: Failpoint | undefined
  fired = 0
  dead = false
  readonly #options: ChaosOptions
  #turn: Promise<unknown> = Promise.resolve()
  /** Whether statements may run side by side; otherwise one follows the other, so that a seed gives one order. */
  parallel = false

  constructor(options: ChaosOptions) {
    super(options)
    this.#options = options
  }

  override async query<Row extends pg.QueryResultRow>(sql: string, params: readonly unknown[] = []) {
    return this.#inTurn(async (): Promise<pg.QueryResult<Row>> => {
      await this.#reach('statement')
      const answer = this.#options.intercept?.(sql)
      const empty = { command: '', oid: 0, fields: [] }
      if (answer !== undefined) return { ...empty, rows: answer as Row[], rowCount: answer.length }
      return super.query<Row>(sql, params)
    })
  }

  override async statement<Row extends pg.QueryResultRow>(sql: string, params: readonly unknown[]) {
    return this.#inTurn(async () => {
      await this.#reach('statement')
      await this.#reach('commit')
      const result = await super.query<Row>(sql, params)
      await this.#reach('committed')
      return result
    })
  }

  override async transaction<T>(work: (tx: Transaction, attempt: number) => Promise<T>): Promise<T> {
    return this.#inTurn(async () => {
      let late: { sql: string; params: readonly unknown[] }[] = []
      const result = await super.transaction(async (tx, attempt) => {
        late = []
        const done = await work(this.#watch(tx, late), attempt)
        await this.#reach('commit', tx.query)
        return done
      })
      await this.#reach('committed')
      for (const { sql, params } of late) await super.query(sql, params)
      return result
    })
  }

  #watch(tx: Transaction, late: { sql: string; params: readonly unknown[] }[]): Transaction {
    const query: Query = async (sql, params = []) => {
      await this.#reach('statement', tx.query)
      if (SETTLES.test(sql)) {
        await this.#reach('settling', tx.query)
        await tx.query('insert into chaos.effects (event) select unnest($1::bigint[])', [params[1]])
        if (this.#options.settleOutside === true) {
          late.push({ sql, params })
          return { rows: [], rowCount: 0 }
        }
      }
      const answer = await tx.query(sql, params)
      if (CLAIMS.test(sql)) await this.#reach('claimed', tx.query)
      return answer
    }
    return { transaction: true, query: query as Transaction['query'] }
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.dead) throw new LostConnection('this node is dead')
    const before = this.#turn
    const mine = (async () => {
      if (!this.parallel) await before.catch(() => {})
      await this.#showTime()
      return work()
    })()
    this.#turn = mine.catch(() => {})
    return mine
  }

  /** The database's clock never goes back but where a fault says so: its small steps may have passed ours. */
  async #showTime(): Promise<void> {
    const { time } = this.#options
    const shown = time.nowMs + time.databaseOffsetMs
    if (shown === time.databaseShownMs) return
    const back = shown < time.databaseShownMs
    time.databaseShownMs = shown
    await super.query('select chaos.show_time($1::bigint, $2)', [shown * 1000, back])
  }

  async #reach(moment: Moment, query?: Transaction['query']): Promise<void> {
    if (this.dead) throw new LostConnection('this node is dead')
    const point = this.failpoint
    if (point === undefined || point.moment !== moment || --point.countdown > 0) return
    this.failpoint = undefined
    this.fired++
    if (point.effect === 'refuse') throw new RefusedByDatabase('refused by a failpoint')
    if (point.effect === 'terminate' && query !== undefined) {
      const { rows } = await query<{ pid: number }>('select pg_backend_pid() as pid')
      await this.#options.admin.query('select pg_terminate_backend($1, 2000)', [rows[0]?.pid])
      return
    }
    this.dead = point.effect === 'die'
    throw new LostConnection(`lost by a failpoint: ${moment}`)
  }
}
