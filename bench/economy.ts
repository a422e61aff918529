// What each vendor is asked: API calls of a full sync, of a delta after it, and for a thousand events of ordinary
// traffic. Counted by the simulators. Option: --events N.
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { App } from '../src/apps/contract.ts'
import { datacube } from '../src/apps/datacube/index.ts'
import { portal } from '../src/apps/portal/index.ts'
import { migrateAll, openPipelines } from '../src/cli/node.ts'
import { startServer } from '../src/cli/server.ts'
import { defineConfig } from '../src/config/config.ts'
import { readSettings } from '../src/config/environment.ts'
import { Database } from '../src/db/database.ts'
import { processBatch } from '../src/inbox/process.ts'
import { silentLog } from '../src/jobs/log.ts'
import type { Pipeline } from '../src/lanes/pipeline.ts'
import { refetchOnce } from '../src/lanes/refetch.ts'
import { syncApp } from '../src/lanes/sync.ts'
import { stripe } from '../docs/examples/stripe/index.ts'
import { withEmailBisonSim } from '../sim/email-bison/with-sim.ts'
import { withSim } from '../sim/monday/with-sim.ts'
import { withStripeSim } from '../sim/stripe/with-sim.ts'
import { round } from './harness/figures.ts'
import { type BenchPostgres, withPostgres } from './harness/postgres.ts'
import { printTable } from './harness/table.ts'

export interface EconomyOptions {
  /** At the least. */
  readonly events: number
  /** Size of each simulated account: projects, mailboxes, customers. */
  readonly records: number
}

export const ECONOMY: EconomyOptions = { events: 1_000, records: 1_000 }

export interface VendorEconomy {
  readonly vendor: string
  readonly streams: number
  readonly rows: number
  readonly fullSyncCalls: number
  readonly deltaCalls: number
  readonly events: number
  readonly callsPer1000Events: number
}

/** A simulated vendor, and how it is asked and made to live. */
interface Subject {
  readonly app: App
  readonly calls: () => number
  /** Lets so many events happen, and resolves when all are delivered. */
  readonly live: (events: number) => Promise<void>
}

const PATH_SECRET = 'economy-path-secret'
const PER_SECOND = 200
const PLENTY = 1e12

type WithSubject = (
  options: EconomyOptions,
  run: (subject: Subject) => Promise<VendorEconomy>,
) => Promise<VendorEconomy>

const monday: WithSubject = ({ records }, run) =>
  withSim({ projects: records, limits: { formulaCellsPerMinute: PLENTY } }, (sim) =>
    run({
      app: datacube({
        token: 'sim-token',
        endpoint: sim.url,
        plan: 'enterprise',
        pathSecret: PATH_SECRET,
        formulaCellsPerMinute: PLENTY,
      }),
      calls: () => sim.requests.calls,
      async live(events) {
        const traffic = sim.traffic(PER_SECOND)
        await until(() => sim.deliveries.attempted >= events)
        traffic.stop()
        await sim.deliveries.idle()
      },
    }),
  )

const emailBison: WithSubject = ({ records }, run) =>
  withEmailBisonSim({ workspaces: 6, mailboxes: records, historyDays: 3 }, (sim) =>
    run({
      app: portal({
        instances: [{ name: 'send', url: sim.url, token: sim.token }],
        webhookSecret: PATH_SECRET,
        callsPerMinute: 1e6,
      }),
      calls: () => sim.requests.calls,
      async live(events) {
        const traffic = sim.traffic(PER_SECOND)
        await until(() => sim.deliveries.attempted >= events)
        traffic.stop()
        await sim.deliverDue()
      },
    }),
  )

const stripeCustomers: WithSubject = ({ records }, run) =>
  withStripeSim({ customers: records }, (sim) =>
    run({
      app: stripe({ secretKey: sim.secretKey, url: sim.url, callsPerMinute: 1e6 }),
      calls: () => sim.requests.length,
      async live(events) {
        const ids = [...sim.world.customers.keys()]
        for (let n = 0; n < events; n++) {
          await sim.deliver(sim.world.update(ids[n % ids.length] ?? '', { balance: n }))
        }
      },
    }),
  )

export async function benchEconomy(server: BenchPostgres, options: EconomyOptions): Promise<VendorEconomy[]> {
  const results: VendorEconomy[] = []
  for (const withSubject of [monday, emailBison, stripeCustomers]) {
    results.push(await withSubject(options, (subject) => measureVendor(server, subject, options)))
  }
  return results
}

async function measureVendor(
  server: BenchPostgres,
  { app, calls, live }: Subject,
  options: EconomyOptions,
): Promise<VendorEconomy> {
  const db = new Database({ url: await server.create('economy_run') })
  try {
    await migrateAll(db, [app])
    const [pipeline] = await openPipelines(db, [app], { secretKey: 'a key of the benchmark' })
    if (pipeline === undefined) throw new Error('no pipeline')
    const counted = async (work: () => Promise<unknown>): Promise<number> => {
      const before = calls()
      await work()
      return calls() - before
    }
    const signal = AbortSignal.timeout(600_000)
    const sync = (full: boolean) => () => syncApp(db, pipeline, { signal, full, drain: true })
    const fullSyncCalls = await counted(sync(true))
    const deltaCalls = await counted(sync(false))
    const events = await countEvents(db, app, pipeline, { ...options, calls, live, signal })
    const { rows } = await db.query<{ n: number }>(
      `select coalesce(sum(created), 0)::int as n from lockstep.runs where app = $1 and lane = 'backfill'`,
      [app.name],
    )
    return {
      vendor: pipeline.source.vendor,
      streams: pipeline.source.streams.length,
      rows: rows[0]?.n ?? 0,
      fullSyncCalls,
      deltaCalls,
      ...events,
    }
  } finally {
    await db.close()
    await server.drop('economy_run')
  }
}

/** What a worker node would ask because of these events, and nothing that it asks by the clock. */
async function countEvents(
  db: Database,
  app: App,
  pipeline: Pipeline,
  { events, calls, live, signal }: EconomyOptions & Omit<Subject, 'app'> & { readonly signal: AbortSignal },
): Promise<Pick<VendorEconomy, 'events' | 'callsPer1000Events'>> {
  const node = await startServer({
    db,
    config: defineConfig({ apps: [app] }),
    pipelines: [pipeline],
    settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }),
    role: 'ingest',
    log: silentLog,
  })
  try {
    const { pathSecret } = pipeline.source.door
    const hook = `${node.url}/webhooks/${app.name}${pathSecret === undefined ? '' : `/${pathSecret}`}`
    await pipeline.source.webhooks.register(hook, signal)
    const before = calls()
    const happening = { over: false }
    const life = live(events).finally(() => (happening.over = true))
    do {
      const { settled, failed } = await processBatch(db, pipeline, 500)
      if (settled + failed + (await refetchOnce(db, pipeline, signal)) === 0) await sleep(50)
    } while (!happening.over || (await waiting(db)) > 0)
    await life
    const { rows } = await db.query<{ n: number }>('select count(*)::int as n from lockstep.inbox')
    const n = rows[0]?.n ?? 0
    return { events: n, callsPer1000Events: round(((calls() - before) / n) * 1000) }
  } finally {
    await node.stop()
  }
}

async function waiting(db: Database): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select (select count(*) from lockstep.inbox where status = 'pending')::int
       + (select count(*) from lockstep.refetch)::int as n`,
  )
  return rows[0]?.n ?? 0
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20)
}

export function printEconomy(vendors: readonly VendorEconomy[]): void {
  const head = ['vendor', 'streams', 'rows', 'full sync', 'delta', 'events', 'calls per 1,000 events']
  printTable(
    'API calls',
    head,
    vendors.map((v) => [
      v.vendor,
      String(v.streams),
      String(v.rows),
      String(v.fullSyncCalls),
      String(v.deltaCalls),
      String(v.events),
      String(v.callsPer1000Events),
    ]),
  )
}

if (import.meta.main) {
  const { values } = parseArgs({ options: { events: { type: 'string', default: String(ECONOMY.events) } } })
  const options = { ...ECONOMY, events: Number(values.events) }
  printEconomy(await withPostgres((server) => benchEconomy(server, options), { logFiles: 0 }))
}
