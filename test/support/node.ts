import { setTimeout as sleep } from 'node:timers/promises'
import type { App, JobContext } from '../../src/apps/contract.ts'
import { datacube } from '../../src/apps/datacube/index.ts'
import { defineConfig } from '../../src/config/config.ts'
import { readSettings, type Settings } from '../../src/config/environment.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import { startServer, type Role, type Server } from '../../src/cli/server.ts'
import type { WatchTimes } from '../../src/cli/webhook-watch.ts'
import type { Database } from '../../src/db/database.ts'
import { silentLog } from '../../src/jobs/log.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import type { MondaySim } from '../../sim/monday/index.ts'

export const PATH_SECRET = 'test-path-secret'

/** DataCube against a simulator. */
export const datacubeOn = (sim: MondaySim, options: Parameters<typeof datacube>[0] = {}): App =>
  datacube({
    token: 'sim-token',
    endpoint: sim.url,
    plan: 'enterprise',
    pathSecret: PATH_SECRET,
    formulaCellsPerMinute: 1e9,
    coalesceMs: 100,
    ...options,
  })

/** An app's pipeline on a migrated database, for tests of lanes without a server. */
export async function openPipeline(db: Database, app: App): Promise<Pipeline> {
  await migrateAll(db, [app])
  const [pipeline] = await openPipelines(db, [app])
  if (pipeline === undefined) throw new Error('no pipeline')
  return pipeline
}

/** For jobs that ask nothing of their node. */
export const NO_NODE: JobContext = {
  get pipeline(): never {
    throw new Error('there is no pipeline in this test')
  },
  signal: new AbortController().signal,
}

export interface RunningNode {
  readonly server: Server
  readonly pipeline: Pipeline
  readonly hook: string
}

/** Runs a whole node of one app on any free port, with its webhooks registered at the simulator. */
export async function withNode<T>(
  db: Database,
  app: App,
  test: (node: RunningNode) => Promise<T>,
  options: {
    role?: Role
    settings?: Partial<Settings>
    register?: boolean
    watchTimes?: Partial<WatchTimes>
  } = {},
): Promise<T> {
  const pipeline = await openPipeline(db, app)
  const settings = { ...readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }), ...options.settings }
  const config = defineConfig({ apps: [app] })
  const role = options.role ?? 'all'
  const { watchTimes } = options
  const server = await startServer({
    db,
    config,
    pipelines: [pipeline],
    settings,
    role,
    log: silentLog,
    watchTimes,
  })
  const hook = `${server.url}/webhooks/${app.name}/${PATH_SECRET}`
  try {
    if (options.register !== false) await pipeline.source.webhooks.register(hook, AbortSignal.timeout(30_000))
    return await test({ server, pipeline, hook })
  } finally {
    await server.stop()
  }
}

/** Waits until a condition holds; fails with what it last saw. */
export async function until<T>(
  what: string,
  look: () => Promise<T>,
  good: (seen: T) => boolean,
  timeoutMs = 30_000,
): Promise<T> {
  const end = Date.now() + timeoutMs
  for (;;) {
    const seen = await look()
    if (good(seen)) return seen
    if (Date.now() > end)
      throw new Error(`waited ${timeoutMs} ms for ${what}; last seen: ${JSON.stringify(seen)?.slice(0, 500)}`)
    await sleep(20)
  }
}

/** Waits until every event is settled and every row that was asked for has been read. */
export async function untilIdle(db: Database, app = 'datacube'): Promise<void> {
  await until(
    'an idle node',
    async () => {
      const { rows } = await db.query<{ pending: number; refetches: number }>(
        `select (select count(*)::int from lockstep.inbox where app = $1 and status = 'pending') as pending,
           (select count(*)::int from lockstep.refetch where app = $1) as refetches`,
        [app],
      )
      return rows[0]
    },
    (seen) => seen?.pending === 0 && seen.refetches === 0,
  )
}

/** Waits until every stream had a clean full pass. */
export async function untilWhole(db: Database, { source, app }: Pipeline): Promise<void> {
  await until(
    'a full pass of every stream',
    async () => {
      const { rows } = await db.query<{ n: number }>(
        `select count(*)::int as n from lockstep.freshness where app = $1 and full_pass_at is not null`,
        [app],
      )
      return rows[0]?.n ?? 0
    },
    (n) => n === source.streams.length,
    60_000,
  )
}
