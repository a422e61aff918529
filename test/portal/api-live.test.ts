import { setTimeout as sleep } from 'node:timers/promises'
import { isDeepStrictEqual } from 'node:util'
import { expect, it } from 'vitest'
import { portal } from '../../src/apps/portal/index.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import { type Role, type Server, startServer } from '../../src/cli/server.ts'
import { defineConfig } from '../../src/config/config.ts'
import { readSettings } from '../../src/config/environment.ts'
import { Database } from '../../src/db/database.ts'
import { silentLog } from '../../src/jobs/log.ts'
import { type EmailBisonSim } from '../../sim/email-bison/index.ts'
import { SMALL, withEmailBisonSim } from '../../sim/email-bison/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { until, untilWhole } from '../support/node.ts'

interface Nodes {
  readonly db: Database
  /** Takes webhooks and serves the API; another node processes the events. */
  readonly api: string
  readonly stopApi: () => Promise<void>
}

/** A node, with a pool of its own as another machine would have it. */
async function startNode(
  url: string,
  sim: EmailBisonSim,
  role: Role,
): Promise<{
  server: Server
  stop: () => Promise<void>
  whole: () => Promise<void>
  register: () => Promise<unknown>
}> {
  const db = new Database({ url })
  const app = portal({
    instances: [{ name: 'send', url: sim.url, token: sim.token }],
    webhookSecret: 'of all webhook paths',
    callsPerMinute: 1e6,
    timeZone: 'UTC',
  })
  const [pipeline] = await openPipelines(db, [app], { secretKey: 'a key for the tests alone' })
  if (pipeline === undefined) throw new Error('no pipeline')
  const server = await startServer({
    db,
    config: defineConfig({ apps: [app] }),
    pipelines: [pipeline],
    settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }),
    role,
    log: silentLog,
  })
  const stop = async (): Promise<void> => {
    await server.stop()
    await db.close()
  }
  let stopping: Promise<void> | undefined
  return {
    server,
    stop: () => (stopping ??= stop()),
    whole: () => untilWhole(db, pipeline),
    register: () =>
      pipeline.source.webhooks.register(`${server.url}/webhooks/portal`, AbortSignal.timeout(30_000)),
  }
}

async function withNodes(sim: EmailBisonSim, test: (nodes: Nodes) => Promise<void>): Promise<void> {
  await withDatabase(async (db) => {
    await migrateAll(db, [portal({ instances: [] })])
    const ingest = await startNode(db.url, sim, 'ingest')
    const worker = await startNode(db.url, sim, 'worker')
    try {
      await worker.whole()
      await ingest.register()
      await test({ db, api: `${ingest.server.url}/api/v1/portal`, stopApi: ingest.stop })
    } finally {
      await Promise.all([ingest.stop(), worker.stop()])
    }
  })
}

const PAGES = [
  '/kpis',
  '/volume',
  '/volume/banner',
  '/revenue',
  '/workspaces',
  '/mailboxes/capacity',
] as const
const RUN_MS = 12_000

interface Totals {
  readonly leads: number
  readonly emails_sent: number
}

const COUNT = `select (select count(*)::int from client_leads where interested and interested_at >= lower(month_range(business_date()))) as leads,
  (select count(*)::int from email_events where event_type = 'email_sent' and business_date >= date_trunc('month', business_date())) as emails_sent`

interface Answer {
  readonly age_ms: number
  readonly stale: boolean
  readonly totals: Totals
}

const get = async (url: string): Promise<Answer> => {
  const response = await fetch(url)
  expect(response.status, url).toBe(200)
  return (await response.json()) as Answer
}

it('dashboards that ask every few seconds while events flow are served from the cache, with what another node processed', async () => {
  await withEmailBisonSim(SMALL, (sim) =>
    withNodes(sim, async ({ db, api, stopApi }) => {
      const ids = [...sim.world.workspaces.values()].map(({ id }) => id)
      const { rows } = await db.query<{ name: string }>('select workspace_name as name from client_registry')
      await get(`${api}/kpis`)
      const end = Date.now() + RUN_MS
      let events = 0
      let mails = 0
      const traffic = async (): Promise<void> => {
        for (; Date.now() < end; events++) {
          const id = ids[events % ids.length] ?? 0
          if (events % 5 === 0) sim.act.reply(id, { interested: true })
          else {
            sim.act.sendEmail(id)
            mails++
          }
          await sleep(200)
        }
      }
      const asks = async (paths: readonly string[], everyMs: number): Promise<void> => {
        while (Date.now() < end) {
          const answers = await Promise.all(paths.map((path) => get(`${api}${path}`)))
          expect(answers.filter(({ stale }) => stale)).toEqual([])
          await sleep(everyMs)
        }
      }
      await Promise.all([
        traffic(),
        ...[1_300, 1_900, 2_700].map((ms) => asks(PAGES, ms)),
        ...rows.map(({ name }) => asks([`/kpis?workspace=${encodeURIComponent(name)}`], 2_000)),
      ])
      // Some who reply are leads already: what the figures must come to is what another count of the tables is.
      await until(
        'all of it in the figures',
        async () => {
          const [{ totals }, { rows: counted }] = await Promise.all([
            get(`${api}/kpis`),
            db.query<Totals>(COUNT),
          ])
          return { shown: { leads: totals.leads, emails_sent: totals.emails_sent }, counted: counted[0] }
        },
        ({ shown, counted }) => isDeepStrictEqual(shown, counted) && shown.emails_sent >= mails,
      )
      await stopApi()
      const { rows: kept } = await db.query<{ hits: number; misses: number }>(
        'select sum(hit_count)::int as hits, sum(miss_count)::int as misses from data_cache_metadata',
      )
      const { hits = 0, misses = 1 } = kept[0] ?? {}
      expect(hits / (hits + misses)).toBeGreaterThan(0.8)
      expect(events).toBeGreaterThan(20)
    }),
  )
})
