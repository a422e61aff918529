// All benchmarks, one after the other, on one Postgres. Options: --json FILE (the figures), --quick (smaller, under five
// minutes), --tiny (only proves that they run).
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { APPLY, type ApplyFigures, type ApplyOptions, benchApply, printApply } from './apply.ts'
import {
  BACKFILL,
  type BackfillFigures,
  type BackfillOptions,
  benchBackfill,
  printBackfill,
} from './backfill.ts'
import { benchDoor, DOOR, type DoorFigures, type DoorOptions, printDoor } from './door.ts'
import { benchEconomy, ECONOMY, type EconomyOptions, printEconomy, type VendorEconomy } from './economy.ts'
import { benchGrowth, GROWTH, type GrowthFigures, type GrowthOptions, printGrowth } from './growth.ts'
import { describeMachine, type Machine } from './harness/machine.ts'
import { type PostgresOptions, withPostgres } from './harness/postgres.ts'
import { benchIdle, IDLE, type IdleFigures, type IdleOptions, printIdle } from './idle.ts'
import { benchLatency, LATENCY, type LatencyFigures, type LatencyOptions, printLatency } from './latency.ts'

interface Sizes {
  readonly door: DoorOptions
  readonly apply: ApplyOptions
  readonly backfill: BackfillOptions
  readonly growth: GrowthOptions
  readonly latency: LatencyOptions
  readonly idle: IdleOptions
  readonly economy: EconomyOptions
}

const full: Sizes = {
  door: DOOR,
  apply: APPLY,
  backfill: BACKFILL,
  growth: GROWTH,
  latency: LATENCY,
  idle: IDLE,
  economy: ECONOMY,
}

const quick: Sizes = {
  door: { ...DOOR, connections: [50, 200], seconds: 1.5, warmUpS: 0.7, rounds: 2 },
  apply: { ...APPLY, events: 30_000, peerEvents: 6_000, rounds: 2 },
  backfill: { rows: [40_000, 120_000], peerRows: 4_000, rounds: 1 },
  growth: { ...GROWTH, sizes: [10_000, 200_000], seconds: 1.5, warmUpS: 0.5, rounds: 2 },
  latency: { ...LATENCY, seconds: 3, rounds: 1 },
  idle: { ...IDLE, restS: 3, seconds: 20 },
  economy: { events: 300, records: 200 },
}

const tiny: Sizes = {
  door: { ...DOOR, connections: [5], seconds: 0.3, warmUpS: 0.1, rounds: 1, customers: 100 },
  apply: { events: 400, peerEvents: 200, customers: 100, rounds: 1, batch: 20 },
  backfill: { rows: [200, 600], peerRows: 100, rounds: 1 },
  growth: { sizes: [100, 1_000], seconds: 0.3, warmUpS: 0.1, rounds: 1, batch: 20 },
  latency: { rates: [20, 100], seconds: 0.5, rounds: 1 },
  idle: { customers: 20, restS: 0, seconds: 1 },
  economy: { events: 20, records: 20 },
}

interface Report extends BackfillFigures {
  readonly at: string
  readonly sizes: Sizes
  readonly machine: Machine
  readonly door: DoorFigures
  readonly apply: ApplyFigures
  readonly growth: GrowthFigures
  readonly latency: LatencyFigures
  readonly idle: IdleFigures
  readonly economy: { readonly raw: readonly VendorEconomy[] }
}

/** Runs one benchmark, and prints what came of it, and how long it took. */
async function shown<F>(work: Promise<F>, print: (figures: F) => void): Promise<F> {
  const startedAt = performance.now()
  const figures = await work
  print(figures)
  console.log(`${Math.round((performance.now() - startedAt) / 1000)} s`)
  return figures
}

async function runAll(sizes: Sizes, options: PostgresOptions): Promise<Report> {
  const at = new Date().toISOString()
  return withPostgres(async (server) => {
    const machine = describeMachine(server.version)
    console.log(JSON.stringify(machine))
    const door = await shown(benchDoor(server, sizes.door), printDoor)
    const apply = await shown(benchApply(server, sizes.apply), printApply)
    const backfill = await shown(benchBackfill(server, sizes.backfill), printBackfill)
    const growth = await shown(benchGrowth(server, sizes.growth), printGrowth)
    const latency = await shown(benchLatency(server, sizes.latency), printLatency)
    const idle = await shown(benchIdle(sizes.idle), printIdle)
    const raw = await shown(benchEconomy(server, sizes.economy), printEconomy)
    return { at, machine, sizes, door, apply, ...backfill, growth, latency, idle, economy: { raw } }
  }, options)
}

const { values } = parseArgs({
  options: { json: { type: 'string' }, quick: { type: 'boolean' }, tiny: { type: 'boolean' } },
})
const report = await (values.tiny === true
  ? runAll(tiny, { logFiles: 0 })
  : runAll(values.quick === true ? quick : full, {}))
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(report, null, 2)}\n`)
const { door, apply, backfill, memory, growth, latency, idle } = report
const unequal = Object.entries({ door, apply, backfill, memory, growth, latency, idle }).filter(
  ([, { rowsEqual }]) => !rowsEqual,
)
if (unequal.length > 0) {
  console.error(`rows differ from what they must be: ${unequal.map(([name]) => name).join(', ')}`)
  process.exitCode = 1
}
