// From an edit at the vendor to the committed row, as another connection sees it. First edits in monday's simulator,
// one at a time, and the calls to the vendor that they cost (--edits N, 0 leaves them out); then signed webhooks of the
// tutorial's app at a steady rate (--rates A,B,…, --seconds N, --profile DIR).
import { parseArgs } from 'node:util'
import { median, round } from './harness/figures.ts'
import { runChild } from './harness/child.ts'
import { measureMonday } from './harness/monday-latency.ts'
import { withNode } from './harness/node.ts'
import { after, untouched, updates } from './harness/plan.ts'
import { type BenchPostgres, withPostgres } from './harness/postgres.ts'
import type { RateAnswer, RateTask } from './harness/rate.ts'
import { differences, expectRows, OURS } from './harness/rows.ts'
import { printTable } from './harness/table.ts'

export interface LatencyOptions {
  /** Events per second. */
  readonly rates: readonly number[]
  readonly seconds: number
  readonly rounds: number
  readonly profile?: string | undefined
}

export const LATENCY: LatencyOptions = { rates: [10, 100, 1_000], seconds: 10, rounds: 3 }

export interface LatencyFigures {
  /** At the highest rate. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly rowsEqual: boolean
  readonly raw: readonly { readonly perSecond: number; readonly rounds: readonly RateAnswer[] }[]
}

export async function benchLatency(server: BenchPostgres, options: LatencyOptions): Promise<LatencyFigures> {
  const { rates, seconds, rounds } = options
  const customers = Math.max(...rates) * seconds
  return withNode(server, { customers, profile: options.profile }, async ({ db, ...node }) => {
    const results = rates.map((perSecond) => ({ perSecond, rounds: [] as RateAnswer[] }))
    // A round at full rate that nobody counts: what runs for the first time runs slowly.
    await server.checkpoint()
    let from = 0
    let expected = untouched(customers)
    const run = async (perSecond: number): Promise<RateAnswer> => {
      const events = perSecond * seconds
      const task: RateTask = { ...node, perSecond, events, customers, from }
      const answer = await runChild<RateTask, RateAnswer>('rate', task)
      expected = after(updates(events, customers, from), expected)
      from += customers
      return answer
    }
    await run(Math.max(...rates))
    for (let i = 0; i < rounds; i++) {
      for (const result of results) result.rounds.push(await run(result.perSecond))
    }
    await expectRows(db, expected)
    const highest = results.at(-1)?.rounds ?? []
    return {
      p50Ms: round(median(highest.map(({ p50Ms }) => p50Ms))),
      p99Ms: round(median(highest.map(({ p99Ms }) => p99Ms))),
      rowsEqual: (await differences(db, OURS)) === 0,
      raw: results,
    }
  })
}

export function printLatency({ raw, ...figures }: LatencyFigures): void {
  const rows = raw.map(({ perSecond, rounds }) => [
    String(perSecond),
    String(round(median(rounds.map(({ p50Ms }) => p50Ms)))),
    String(round(median(rounds.map(({ p99Ms }) => p99Ms)))),
    String(round(Math.max(...rounds.map(({ maxMs }) => maxMs)))),
  ])
  printTable('Edit to row', ['edits/s', 'p50 ms', 'p99 ms', 'max ms'], rows)
  console.log(JSON.stringify(figures))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      edits: { type: 'string', default: '300' },
      rates: { type: 'string', default: LATENCY.rates.join(',') },
      seconds: { type: 'string', default: String(LATENCY.seconds) },
      rounds: { type: 'string', default: String(LATENCY.rounds) },
      profile: { type: 'string' },
    },
  })
  if (Number(values.edits) > 0 && !(await measureMonday(Number(values.edits)))) process.exitCode = 1
  const options: LatencyOptions = {
    rates: values.rates.split(',').map(Number),
    seconds: Number(values.seconds),
    rounds: Number(values.rounds),
    profile: values.profile,
  }
  const figures = await withPostgres((server) => benchLatency(server, options))
  printLatency(figures)
  if (!figures.rowsEqual) process.exitCode = 1
}
