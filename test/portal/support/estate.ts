import type { App, Job } from '../../../src/apps/contract.ts'
import { portal, type PortalAppOptions } from '../../../src/apps/portal/index.ts'
import { deliverDue } from '../../../src/alerts/deliver.ts'
import { migrateAll, openPipelines } from '../../../src/cli/node.ts'
import { startServer } from '../../../src/cli/server.ts'
import { defineConfig } from '../../../src/config/config.ts'
import { readSettings } from '../../../src/config/environment.ts'
import type { Database } from '../../../src/db/database.ts'
import { processBatch } from '../../../src/inbox/process.ts'
import { silentLog } from '../../../src/jobs/log.ts'
import type { Pipeline } from '../../../src/lanes/pipeline.ts'
import { refetchOnce } from '../../../src/lanes/refetch.ts'
import { syncApp } from '../../../src/lanes/sync.ts'
import { createSlack } from '../../../src/sinks/slack/slack.ts'
import type { EmailBison } from '../../../src/sources/email-bison/source.ts'
import type { EmailBisonSim, EmailBisonSimOptions } from '../../../sim/email-bison/index.ts'
import { SMALL, withEmailBisonSim } from '../../../sim/email-bison/with-sim.ts'
import type { SlackSim } from '../../../sim/slack/index.ts'
import { withSlackSim } from '../../../sim/slack/with-sim.ts'
import { HASTY, TestClock, titleOf } from '../../alerts/slack-world.ts'
import { withDatabase } from '../../support/database.ts'

export interface EstateOptions {
  readonly sim?: EmailBisonSimOptions
  readonly portal?: Partial<PortalAppOptions>
  /** Of the installation, instead of its own token. */
  readonly tokensOf?: (sim: EmailBisonSim) => Readonly<Record<string, string>>
  /** Hooks of Slack beside those of every purpose. */
  readonly hooks?: (slack: SlackSim) => Partial<PortalAppOptions>
}

/** The whole portal on a simulated agency whose calendar is UTC; nothing happens here but what a test asks for. */
export interface Estate {
  readonly db: Database
  readonly sim: EmailBisonSim
  readonly slack: SlackSim
  readonly app: App
  readonly pipeline: Pipeline
  readonly source: EmailBison
  readonly url: string
  /** Reads everything. */
  sync(): Promise<void>
  /** Settles what has come by webhook, and what was asked for. */
  settle(): Promise<void>
  /** Runs a job of the app. */
  run(job: string, now?: Date): Promise<void>
  /** Sends what is due by then; titles of what a purpose's channel got so far. */
  told(purpose: string, now?: Date): Promise<string[]>
  /** Rows of a query. */
  rows<T extends Record<string, unknown> = Record<string, unknown>>(
    sql: string,
    params?: readonly unknown[],
  ): Promise<T[]>
}

/** A delivery that a busy machine answered too late comes again while the test still waits for it. */
const HASTY_RETRIES = { retryDelaysMs: [0, 500, 1_000, 2_000, 4_000] }
export const SECRET_KEY = 'a key for the tests alone'
const PURPOSES = ['alerts', 'summary', 'leads', 'replies', 'team']

export async function withEstate(
  options: EstateOptions,
  test: (estate: Estate) => Promise<void>,
): Promise<void> {
  await withSlackSim({ limits: HASTY }, (slack) =>
    withEmailBisonSim(
      { ...SMALL, ...options.sim, settings: { ...HASTY_RETRIES, ...options.sim?.settings } },
      (sim) => withDatabase((db) => open({ db, sim, slack }, options, test)),
    ),
  )
}

type Ground = Pick<Estate, 'db' | 'sim' | 'slack'>

async function open(
  ground: Ground,
  options: EstateOptions,
  test: (estate: Estate) => Promise<void>,
): Promise<void> {
  const { db, sim, slack } = ground
  const tokens = options.tokensOf?.(sim)
  const access = tokens === undefined ? { token: sim.token } : { tokens }
  const app = portal({
    instances: [{ name: 'send', url: sim.url, ...access }],
    webhookSecret: 'of all webhook paths',
    callsPerMinute: 1e6,
    timeZone: 'UTC',
    ...options.portal,
    ...options.hooks?.(slack),
  })
  await migrateAll(db, [app])
  const [pipeline] = await openPipelines(db, [app], { secretKey: SECRET_KEY })
  if (pipeline === undefined) throw new Error('no pipeline')
  const server = await startServer({
    db,
    config: defineConfig({ apps: [app] }),
    pipelines: [pipeline],
    settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }),
    role: 'ingest',
    log: silentLog,
  })
  try {
    await test({ ...ground, app, pipeline, url: server.url, ...acts(ground, app, pipeline) })
  } finally {
    await server.stop()
  }
}

const patience = (): AbortSignal => AbortSignal.timeout(50_000)

function acts(
  { db, slack }: Ground,
  app: App,
  pipeline: Pipeline,
): Pick<Estate, 'source' | 'sync' | 'settle' | 'run' | 'told' | 'rows'> {
  const clock = new TestClock()
  const urls = Object.fromEntries(PURPOSES.map((purpose) => [purpose, slack.hook(purpose)]))
  const notifiers = createSlack({ clock, timeoutMs: 2_000 }).notifiers({ ...urls, ...app.slack?.() })
  const jobs = new Map<string, Job>((app.jobs ?? []).map((job) => [job.name, job]))
  return {
    source: pipeline.source as EmailBison,
    async sync() {
      await pipeline.source.prepare({ fresh: true, signal: patience() })
      await syncApp(db, pipeline, { signal: patience(), full: true, drain: true })
    },
    async settle() {
      for (;;) {
        const { settled, failed } = await processBatch(db, pipeline, 500)
        if (settled + failed + (await refetchOnce(db, pipeline, patience())) === 0) return
      }
    },
    async run(name, now = new Date()) {
      const job = jobs.get(name)
      if (job === undefined) throw new Error(`no job ${name}: ${[...jobs.keys()].join(', ')}`)
      await job.run(db, now, { pipeline, signal: patience() })
    },
    async told(purpose, now = new Date(Date.now() + 60_000)) {
      for (;;) {
        const { outcomes, skipped } = await deliverDue(db, notifiers, {
          signal: patience(),
          now: () => now.getTime(),
        })
        if (outcomes.length + skipped === 0) break
      }
      return slack.messages(purpose).map(({ payload }) => titleOf(payload))
    },
    async rows(sql, params = []) {
      return (await db.query(sql, params)).rows as never[]
    },
  }
}

/** Registers the workspaces' webhooks at the running node. */
export const register = ({ pipeline, url }: Estate): Promise<unknown> =>
  pipeline.source.webhooks.register(`${url}/webhooks/portal`, patience())

/** The workspace with this place in the list. */
export function workspaceAt(
  { sim }: Pick<Estate, 'sim'>,
  place: number,
): { id: number; name: string; scope: string } {
  const workspace = sim.world.workspaces[place]
  if (workspace === undefined) throw new Error(`no workspace ${place}`)
  return { id: workspace.id, name: workspace.name.trim(), scope: `send/${workspace.id}` }
}
