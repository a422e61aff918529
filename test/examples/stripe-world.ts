import { isDeepStrictEqual } from 'node:util'
import { stripe } from '../../docs/examples/stripe/index.ts'
import type { App } from '../../src/apps/contract.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import { startServer } from '../../src/cli/server.ts'
import { defineConfig } from '../../src/config/config.ts'
import { readSettings } from '../../src/config/environment.ts'
import type { Database } from '../../src/db/database.ts'
import { processBatch } from '../../src/inbox/process.ts'
import { silentLog } from '../../src/jobs/log.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import type { Clock } from '../../src/sources/contract.ts'
import type { StripeSim, StripeSimOptions } from '../../sim/stripe/index.ts'
import { withStripeSim } from '../../sim/stripe/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { until, untilIdle, untilWhole } from '../support/node.ts'

export interface StripeRun {
  readonly db: Database
  readonly sim: StripeSim
  readonly app: App
  readonly pipeline: Pipeline
  /** Settles what waits in the inbox and what was asked for. */
  readonly settle: () => Promise<void>
}

export interface RunOptions {
  readonly sim?: StripeSimOptions
  readonly clock?: Clock
  readonly webhookSecret?: string
}

/** A simulator, a database with the table, and the pipeline between them. */
export async function withStripe(
  test: (run: StripeRun) => Promise<void>,
  options: RunOptions = {},
): Promise<void> {
  await withStripeSim(options.sim ?? {}, (sim) =>
    withDatabase(async (db) => {
      const { clock, webhookSecret } = options
      const app = stripe({
        secretKey: sim.secretKey,
        url: sim.url,
        callsPerMinute: 1e6,
        webhookSecret,
        ...(clock === undefined ? {} : { clock }),
      })
      await migrateAll(db, [app])
      const [pipeline] = await openPipelines(db, [app], { secretKey: 'a key for the tests alone' })
      if (pipeline === undefined) throw new Error('no pipeline')
      await test({
        db,
        sim,
        app,
        pipeline,
        async settle() {
          for (;;) {
            const { settled, failed } = await processBatch(db, pipeline, 500)
            const refetches = await refetchOnce(db, pipeline, AbortSignal.timeout(60_000))
            if (settled + failed + refetches === 0) return
          }
        },
      })
    }),
  )
}

export interface StripeNode extends StripeRun {
  readonly hook: string
}

/** A whole node on any free port, its webhooks registered and its table full. */
export async function withStripeNode(
  test: (node: StripeNode) => Promise<void>,
  options: RunOptions = {},
): Promise<void> {
  await withStripe(async (run) => {
    const server = await startServer({
      db: run.db,
      config: defineConfig({ apps: [run.app] }),
      pipelines: [run.pipeline],
      settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }),
      role: 'all',
      log: silentLog,
    })
    const hook = `${server.url}/webhooks/stripe`
    try {
      await run.pipeline.source.webhooks.register(hook, AbortSignal.timeout(30_000))
      await untilWhole(run.db, run.pipeline)
      await test({ ...run, hook })
    } finally {
      await server.stop()
    }
  }, options)
}

/** The table's rows in the vendor's form. */
export async function mirrored(db: Database): Promise<Record<string, unknown>[]> {
  const { rows } = await db.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(t) - array['extra', '_stamp', '_stamps', 'last_synced_at'] as row from stripe_customers as t
     order by id`,
  )
  return rows.map(({ row }) => row)
}

/** The same of the simulator's customers. */
export const truth = (sim: StripeSim): Record<string, unknown>[] =>
  [...sim.world.customers.values()]
    .map(({ test_clock: _unkept, ...kept }) => kept)
    .sort((a, b) => (a.id < b.id ? -1 : 1))

/** Waits until every event that an endpoint answered is settled, and the table equals the truth. */
export async function untilEqual(node: StripeNode): Promise<void> {
  await untilIdle(node.db, 'stripe')
  const expected = truth(node.sim)
  await until(
    'the truth',
    () => mirrored(node.db),
    (seen) => isDeepStrictEqual(seen, expected),
  )
}
