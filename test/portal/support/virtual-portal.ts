import { portal } from '../../../src/apps/portal/index.ts'
import { refreshStatistics } from '../../../src/apps/portal/statistics.ts'
import { deliverDue } from '../../../src/alerts/deliver.ts'
import { migrateAll, openPipelines } from '../../../src/cli/node.ts'
import { startServer } from '../../../src/cli/server.ts'
import { watchStreams } from '../../../src/cli/stream-watch.ts'
import { watchWebhooks } from '../../../src/cli/webhook-watch.ts'
import { defineConfig } from '../../../src/config/config.ts'
import { readSettings } from '../../../src/config/environment.ts'
import type { Database } from '../../../src/db/database.ts'
import { processBatch } from '../../../src/inbox/process.ts'
import { silentLog } from '../../../src/jobs/log.ts'
import { Aging } from '../../../src/lanes/aging.ts'
import type { Pipeline } from '../../../src/lanes/pipeline.ts'
import { refetchOnce } from '../../../src/lanes/refetch.ts'
import { syncApp } from '../../../src/lanes/sync.ts'
import { createSlack } from '../../../src/sinks/slack/slack.ts'
import type { EmailBison } from '../../../src/sources/email-bison/source.ts'
import { type EmailBisonSim, type EmailBisonSimOptions } from '../../../sim/email-bison/index.ts'
import { withEmailBisonSim } from '../../../sim/email-bison/with-sim.ts'
import type { SlackSim } from '../../../sim/slack/index.ts'
import { withSlackSim } from '../../../sim/slack/with-sim.ts'
import { type VirtualTime, withVirtualTime } from '../../support/virtual-time.ts'

/** A Wednesday in the middle of a month and of a day, wherever the agency is. */
const START_MS = Date.UTC(2026, 9, 14, 15)
const LOOK_MS = 200

/** The portal and its vendors in virtual time; its loops are turned here as a node turns them. */
export interface VirtualPortal {
  readonly db: Database
  readonly time: VirtualTime
  readonly sim: EmailBisonSim
  readonly slack: SlackSim
  readonly pipeline: Pipeline
  readonly source: EmailBison
  /** Where webhooks are taken in: a server over HTTP. */
  readonly hook: string
  /** Starts the node's loops; they end with the test. */
  readonly run: () => void
}

export interface VirtualPortalOptions {
  readonly sim: EmailBisonSimOptions
  /** How long the vendor takes to answer a call, milliseconds. */
  readonly latencyMs?: number
  readonly callsPerMinute?: number
  /** After how long a stream that cannot be read is worth an alert, where that is to be sooner than it is. */
  readonly staleMinMs?: number
  /** And critical. */
  readonly criticalMs?: number
}

/** All that the vendor has is read when the test begins. */
export async function withVirtualPortal(
  options: VirtualPortalOptions,
  test: (portal: VirtualPortal) => Promise<void>,
): Promise<void> {
  const { latencyMs = 0 } = options
  await withVirtualTime({ startAt: START_MS, latencyMs }, ({ db, time }) =>
    withEmailBisonSim({ clock: time.clock, ...options.sim }, (sim) =>
      withSlackSim({ clock: time.clock }, (slack) => withNode({ db, time, sim, slack }, options, test)),
    ),
  )
}

async function withNode(
  world: Pick<VirtualPortal, 'db' | 'time' | 'sim' | 'slack'>,
  { callsPerMinute, ...watch }: VirtualPortalOptions,
  test: (portal: VirtualPortal) => Promise<void>,
): Promise<void> {
  const { db, time, sim } = world
  const app = portal({
    instances: sim.instances.map(({ url, token }, i) => ({ name: i === 0 ? 'send' : 'dedi', url, token })),
    webhookSecret: 'of all webhook paths',
    timeZone: 'UTC',
    clock: time.clock,
    ...(callsPerMinute === undefined ? {} : { callsPerMinute }),
  })
  await migrateAll(db, [app])
  const base: { hook: string | undefined } = { hook: undefined }
  const [pipeline] = await openPipelines(db, [app], {
    secretKey: 'a key for the tests alone',
    webhookUrl: () => base.hook,
  })
  if (pipeline === undefined) throw new Error('no pipeline')
  // It asks the vendor for its workspaces.
  const server = await time.until(
    startServer({
      db,
      config: defineConfig({ apps: [app] }),
      pipelines: [pipeline],
      settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }),
      role: 'ingest',
      log: silentLog,
    }),
  )
  base.hook = `${server.url}/webhooks/portal`
  const source = pipeline.source as EmailBison
  const parts = { ...world, pipeline, source, hook: base.hook, watch }
  const ending = new AbortController()
  const loops: Promise<void>[] = []
  try {
    await time.until(firstPass(parts))
    await test({ ...parts, run: () => void loops.push(...startLoops(parts, ending)) })
  } finally {
    ending.abort()
    await time.until(Promise.all(loops))
    await server.stop()
  }
}

interface Parts extends Omit<VirtualPortal, 'run'> {
  readonly watch: Pick<VirtualPortalOptions, 'staleMinMs' | 'criticalMs'>
}

async function firstPass({ db, pipeline }: Parts): Promise<void> {
  const signal = AbortSignal.timeout(300_000)
  await pipeline.source.prepare({ fresh: true, signal })
  const { failures, problems } = await syncApp(db, pipeline, { signal, full: true, drain: true })
  if (failures.length + problems.length > 0) throw new Error(JSON.stringify({ failures, problems }))
}

function startLoops(parts: Parts, ending: AbortController): Promise<void>[] {
  const { db, time, sim, slack, pipeline, source, hook, watch } = parts
  const { signal } = ending
  const options = { db, log: silentLog, now: () => time.now, webhookUrl: () => hook, ...watch }
  const notifiers = createSlack({ clock: time.clock }).notifiers({ alerts: slack.hook('alerts') })
  const every = (ms: number, work: () => Promise<unknown>): Promise<void> => loop(time, signal, ms, work)
  return [
    age(parts, signal),
    // Less often than a node does: each look is a step of time.
    every(5_000, async () => {
      await time.during(() => sim.deliverDue())
      await processBatch(db, pipeline, 500)
      await refetchOnce(db, pipeline, signal)
    }),
    every(15_000, () => watchWebhooks(options, pipeline, { signal })),
    every(30_000, () => watchStreams(options, pipeline)),
    every(5_000, () => deliverDue(db, notifiers, { signal, now: () => time.now })),
    every(15 * 60_000, () =>
      refreshStatistics(db, source.statistics, { now: new Date(time.now), daysBack: 0, signal }),
    ),
  ]
}

async function loop(
  time: VirtualTime,
  signal: AbortSignal,
  ms: number,
  work: () => Promise<unknown>,
): Promise<void> {
  while (!signal.aborted) {
    await work().catch((error: unknown) => {
      if (!signal.aborted) throw error
    })
    await time.sleep(ms, signal).catch(() => {})
  }
}

/** As `startAging` does on the machine's clock. */
async function age({ db, time, pipeline }: Parts, signal: AbortSignal): Promise<void> {
  const aging = new Aging(db, pipeline)
  while (!signal.aborted) {
    const ended = new AbortController()
    const nextInMs = await aging.step(signal, () => ended.abort())
    const restMs = Math.min(5_000, Math.max(LOOK_MS, nextInMs ?? 5_000))
    await time.sleep(restMs, AbortSignal.any([signal, ended.signal])).catch(() => {})
    if (ended.signal.aborted) await time.sleep(LOOK_MS, signal).catch(() => {})
  }
  await aging.idle()
}
