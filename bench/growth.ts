// Door and apply, on a table and an inbox of some thousand rows and of some million: what the door takes in at 50
// connections, and what a worker then makes of it. Options: --sizes A,B,…, --seconds N, --rounds N.
import { parseArgs } from 'node:util'
import { APPLY } from './apply.ts'
import type { ApplyAnswer, ApplyTask } from './harness/apply-run.ts'
import { runChild, startChild } from './harness/child.ts'
import { interleave, median, round } from './harness/figures.ts'
import { fillTables } from './harness/growth-tables.ts'
import type { LoadAnswer, LoadTask } from './harness/load.ts'
import { after, updates } from './harness/plan.ts'
import { type BenchPostgres, withPostgres } from './harness/postgres.ts'
import { differencesOfExpected, expectRows, OURS } from './harness/rows.ts'
import type { ServerAnswer, ServerTask } from './harness/server.ts'
import { openStripe } from './harness/stripe-app.ts'
import { printTable } from './harness/table.ts'

export interface GrowthOptions {
  /** Customers, and events in the inbox, the smallest first. */
  readonly sizes: readonly number[]
  readonly seconds: number
  readonly warmUpS: number
  readonly rounds: number
  /** Events a transaction. */
  readonly batch: number
}

export const GROWTH: GrowthOptions = {
  sizes: [10_000, 1_000_000, 5_000_000],
  seconds: 4,
  warmUpS: 1,
  rounds: 2,
  batch: APPLY.batch,
}

interface Measured {
  readonly door: LoadAnswer
  readonly apply: ApplyAnswer
  /** The same rows once more, by one bare statement a batch. */
  readonly bare: ApplyAnswer
  readonly rowsEqual: boolean
}

export interface GrowthFigures {
  readonly doorRatio: number
  readonly applyRatio: number
  /** What is left of a bare update's speed: as much as can be asked of the other. */
  readonly bareRatio: number
  readonly rowsEqual: boolean
  readonly raw: readonly { readonly size: number; readonly rounds: readonly Measured[] }[]
}

const CONNECTIONS = 50
const PER_SECOND_MAX = 30_000

export async function benchGrowth(server: BenchPostgres, options: GrowthOptions): Promise<GrowthFigures> {
  const databases = new Map<string, Grown>()
  for (const size of options.sizes) {
    const url = await server.create(`growth_${size}`)
    const ours = await openStripe(url)
    try {
      await fillTables(ours.db, size)
    } finally {
      await ours.close()
    }
    databases.set(String(size), new Grown(server, url, size, options))
  }
  const results = await interleave([...databases.keys()], options.rounds, (size) =>
    (databases.get(size) as Grown).measure(),
  )
  for (const size of options.sizes) await server.drop(`growth_${size}`)
  const raw = options.sizes.map((size) => ({ size, rounds: results[size] ?? [] }))
  const speed = (place: number, pick: (m: Measured) => { readonly perSecond: number }): number =>
    median((raw.at(place)?.rounds ?? []).map((m) => pick(m).perSecond))
  return {
    doorRatio: round(speed(-1, (m) => m.door) / speed(0, (m) => m.door)),
    applyRatio: round(speed(-1, (m) => m.apply) / speed(0, (m) => m.apply)),
    bareRatio: round(speed(-1, (m) => m.bare) / speed(0, (m) => m.bare)),
    rowsEqual: raw.every(({ rounds }) => rounds.every(({ rowsEqual }) => rowsEqual)),
    raw,
  }
}

/** A database that is measured again and again; each time goes on with events that it has not seen. */
class Grown {
  private readonly server: BenchPostgres
  private readonly url: string
  private readonly size: number
  private readonly options: GrowthOptions
  private from = 0
  private touched: ReadonlyMap<number, number> = new Map()

  constructor(server: BenchPostgres, url: string, size: number, options: GrowthOptions) {
    this.server = server
    this.url = url
    this.size = size
    this.options = options
  }

  async measure(): Promise<Measured> {
    await this.server.checkpoint()
    const door = await this.takeIn()
    const apply = await this.apply({ subject: 'ours', events: door.sent })
    this.touched = after(updates(door.sent, this.size, this.from), this.touched)
    const updatesFrom = this.from
    this.from += door.sent
    const rowsEqual = await this.check(door.sent)
    // The same rows to the same values: it would hide what ours did not do, so ours is looked at before.
    const bare = await this.apply({ subject: 'bare', events: door.sent, updatesFrom })
    return { door, apply, bare, rowsEqual }
  }

  private async apply(
    task: Pick<ApplyTask, 'subject' | 'events'> & { readonly updatesFrom?: number },
  ): Promise<ApplyAnswer> {
    await this.server.checkpoint()
    const { batch } = this.options
    const others = { databaseUrl: this.url, customers: this.size, workers: 1, batch }
    return runChild<ApplyTask, ApplyAnswer>('apply-run', { ...task, ...others })
  }

  private async takeIn(): Promise<LoadAnswer> {
    const { seconds, warmUpS } = this.options
    const door = await startChild<ServerTask, ServerAnswer>('server', {
      subject: 'ours',
      databaseUrl: this.url,
    })
    try {
      return await runChild<LoadTask, LoadAnswer>('load', {
        ...door.answer,
        connections: CONNECTIONS,
        seconds,
        warmUpS,
        pool: Math.ceil(PER_SECOND_MAX * (seconds + warmUpS)),
        customers: this.size,
        from: this.from,
        again: false,
      })
    } finally {
      await door.stop()
    }
  }

  /** Each event that was answered is settled, and its customer's row is as it left it. */
  private async check(sent: number): Promise<boolean> {
    const ours = await openStripe(this.url)
    try {
      await expectRows(ours.db, this.touched)
      const { rows } = await ours.db.query<{ n: number }>(
        `select count(*)::int as n from (select from lockstep.inbox where status = 'processed'
           order by id desc limit $1) as last`,
        [this.from + this.size],
      )
      const settled = rows[0]?.n === this.from + this.size
      return sent > 0 && settled && (await differencesOfExpected(ours.db, OURS)) === 0
    } finally {
      await ours.close()
    }
  }
}

export function printGrowth({ raw, ...figures }: GrowthFigures): void {
  const rows = raw.map(({ size, rounds }) => [
    String(size),
    String(Math.round(median(rounds.map(({ door }) => door.perSecond)))),
    String(round(median(rounds.map(({ door }) => door.p99Ms)))),
    String(Math.round(median(rounds.map(({ apply }) => apply.perSecond)))),
    String(Math.round(median(rounds.map(({ bare }) => bare.perSecond)))),
  ])
  printTable(
    'Growth',
    ['rows and events', 'door, webhooks/s', 'p99 ms', 'apply, events/s', 'bare, rows/s'],
    rows,
  )
  console.log(JSON.stringify(figures))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      sizes: { type: 'string', default: GROWTH.sizes.join(',') },
      seconds: { type: 'string', default: String(GROWTH.seconds) },
      rounds: { type: 'string', default: String(GROWTH.rounds) },
    },
  })
  const figures = await withPostgres((server) =>
    benchGrowth(server, {
      ...GROWTH,
      sizes: values.sizes.split(',').map(Number),
      seconds: Number(values.seconds),
      rounds: Number(values.rounds),
    }),
  )
  printGrowth(figures)
  if (!figures.rowsEqual) process.exitCode = 1
}
