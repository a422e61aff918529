import { expect, it } from 'vitest'
import { portal } from '../../src/apps/portal/index.ts'
import { refreshStatistics } from '../../src/apps/portal/statistics.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import { startServer } from '../../src/cli/server.ts'
import { defineConfig } from '../../src/config/config.ts'
import { readSettings } from '../../src/config/environment.ts'
import type { Database } from '../../src/db/database.ts'
import { silentLog } from '../../src/jobs/log.ts'
import type { EmailBison } from '../../src/sources/email-bison/source.ts'
import { type EmailBisonSim, type EmailBisonSimOptions } from '../../sim/email-bison/index.ts'
import { SMALL, withEmailBisonSim } from '../../sim/email-bison/with-sim.ts'
import { withSlackSim } from '../../sim/slack/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { until, untilWhole } from '../support/node.ts'

interface PortalRun {
  readonly db: Database
  readonly sim: EmailBisonSim
  readonly source: EmailBison
}

const QUICK = { graceMs: 400, lookMs: 100, logMs: 300, pollMs: 300, registerMs: 600_000 }

/** The whole portal against a simulated agency whose calendar is UTC, as the simulator's statistics are. */
async function withPortal(
  options: EmailBisonSimOptions,
  test: (run: PortalRun) => Promise<void>,
  slack: Readonly<Record<string, string>> = {},
): Promise<void> {
  await withEmailBisonSim({ ...SMALL, ...options }, (sim) =>
    withDatabase(async (db) => {
      const instances = [{ name: 'send', url: sim.url, token: sim.token }]
      const app = portal({
        instances,
        webhookSecret: 'of all webhook paths',
        callsPerMinute: 1e6,
        timeZone: 'UTC',
      })
      await migrateAll(db, [app])
      const [pipeline] = await openPipelines(db, [app], { secretKey: 'a key for the tests alone' })
      if (pipeline === undefined) throw new Error('no pipeline')
      const server = await startServer({
        db,
        config: defineConfig({ apps: [app], slack }),
        pipelines: [pipeline],
        settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'silent' }),
        role: 'all',
        log: silentLog,
        watchTimes: QUICK,
      })
      try {
        const hook = `${server.url}/webhooks/portal`
        await pipeline.source.webhooks.register(hook, AbortSignal.timeout(30_000))
        await untilWhole(db, pipeline)
        await test({ db, sim, source: pipeline.source as EmailBison })
      } finally {
        await server.stop()
      }
    }),
  )
}

interface Counted {
  emails_sent_mtd: number
  all_replies_mtd: number
  positive_replies_mtd: number
  bounced_mtd: number
  unsubscribed_mtd: number
  opens_mtd: number
}

async function figuresOf(db: Database, name: string): Promise<Counted | undefined> {
  const { rows } = await db.query<Counted>(
    `select emails_sent_mtd, all_replies_mtd, positive_replies_mtd, bounced_mtd, unsubscribed_mtd, opens_mtd
     from client_metrics where workspace_name = $1 and metric_type = 'mtd' and metric_date = business_date(now())`,
    [name],
  )
  return rows[0]
}

it('what happens at the vendor is counted once, by webhook or by its record, and a person’s stage stays', async () => {
  await withPortal({}, async ({ db, sim }) => {
    const [workspace] = sim.world.workspaces.values()
    if (workspace === undefined) throw new Error('no workspace')
    const { id } = workspace
    const name = workspace.name.trim()
    Object.assign(sim.faults.webhook, {
      duplicateRate: 0.5,
      reorderMs: 100,
      dropRate: 0.3,
      shuffleKeys: true,
    })
    for (let i = 0; i < 8; i++) sim.act.reply(id, { interested: i % 2 === 0 })
    for (let i = 0; i < 20; i++) sim.act.sendEmail(id)
    sim.act.bounce(id)
    sim.act.unsubscribe(id)
    const month = new Date().toISOString().slice(0, 7)
    const truth = sim.truth.counts(id, Date.parse(`${month}-01T00:00:00Z`), Date.now() + 60_000)
    await until(
      'the figures of the vendor',
      () => figuresOf(db, name),
      (seen) =>
        seen?.emails_sent_mtd === truth.sent &&
        seen.all_replies_mtd === truth.replied &&
        seen.positive_replies_mtd === truth.interested &&
        seen.bounced_mtd === truth.bounced &&
        seen.unsubscribed_mtd === truth.unsubscribed,
    )
    const { rows: leads } = await db.query<{ id: string; interested: boolean; pipeline_stage: string }>(
      'select id, interested, pipeline_stage from client_leads where workspace_name = $1 and interested order by lead_email',
      [name],
    )
    expect(leads.length).toBe(truth.interested)
    expect(leads[0]).toMatchObject({ interested: true, pipeline_stage: 'interested' })
    await db.query(`update client_leads set pipeline_stage = 'quoting' where id = $1`, [leads[0]?.id])
    // A sync of everything, and the same events once more.
    sim.faults.webhook.dropRate = 0
    sim.act.reply(id, { interested: true })
    await until(
      'one reply more',
      () => figuresOf(db, name),
      (seen) => seen?.all_replies_mtd === truth.replied + 1,
    )
    const { rows: after } = await db.query<{ pipeline_stage: string }>(
      'select pipeline_stage from client_leads where id = $1',
      [leads[0]?.id],
    )
    expect(after[0]?.pipeline_stage).toBe('quoting')
  })
})

it('the vendor’s own figures are kept beside ours, 90 days of them the first time, and told apart', async () => {
  await withPortal({ historyDays: 20, settings: { weekends: true } }, async ({ db, sim, source }) => {
    const signal = AbortSignal.timeout(30_000)
    const done = await refreshStatistics(db, source.statistics, { now: new Date(), daysBack: 0, signal })
    expect(done.failures).toEqual([])
    const [workspace] = sim.world.workspaces.values()
    const scope = `send/${workspace?.id}`
    const { rows } = await db.query<{ days: number; sent: number }>(
      `select count(*)::int as days, sum(emails_sent)::int as sent from vendor_metrics where scope = $1 and period = 'day'`,
      [scope],
    )
    expect(rows[0]?.days).toBe(91)
    const direct = await source.statistics.total(
      scope,
      new Date(Date.now() - 90 * 86_400_000).toISOString().slice(0, 10),
      new Date().toISOString().slice(0, 10),
      signal,
    )
    expect(rows[0]?.sent).toBe(direct.emails_sent)
    sim.faults.withheldStatus = 403
    sim.faults.withheldWorkspaces = [workspace?.id ?? 0]
    const again = await refreshStatistics(db, source.statistics, { now: new Date(), daysBack: 7, signal })
    expect(again.failures.map(({ name }) => name)).toEqual([workspace?.name.trim()])
    const kept = await db.query<{ n: number }>(
      'select count(*)::int as n from vendor_metrics where scope = $1',
      [scope],
    )
    expect(kept.rows[0]?.n).toBe(92)
  })
})

it('a new lead and a new reply are told once each, however often they are delivered; history is not', async () => {
  await withSlackSim({}, async (slack) => {
    const hooks = { leads: slack.hook('leads'), replies: slack.hook('replies') }
    await withPortal(
      { historyDays: 11 },
      async ({ db, sim }) => {
        Object.assign(sim.faults.webhook, { duplicateRate: 1, shuffleKeys: true })
        const [workspace] = sim.world.workspaces.values()
        const { id = 0, name = '' } = workspace ?? {}
        sim.act.reply(id, { interested: true })
        sim.act.reply(id, { interested: false })
        await until(
          'one lead and two replies',
          () => Promise.resolve([slack.messages('leads').length, slack.messages('replies').length]),
          ([leads, replies]) => leads === 1 && replies === 2,
        )
        expect(JSON.stringify(slack.messages('leads'))).toContain(`New lead for ${name.trim()}`)
        // The record of the last days is read by now, and nothing of it is news.
        await until(
          'the vendor’s record to be read',
          async () => {
            const { rows } = await db.query<{ n: number }>(
              `select count(*)::int as n from lockstep.event_log_marks where found > 0`,
            )
            return rows[0]?.n
          },
          (scopes) => scopes === 2,
        )
        const { rows } = await db.query<{ n: number }>(
          'select count(*)::int as n from lockstep.notifications',
        )
        expect(rows[0]?.n).toBe(3)
      },
      hooks,
    )
  })
})
