import { mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { App, Backfilled } from '../../src/apps/contract.ts'
import { portal } from '../../src/apps/portal/index.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import type { Database } from '../../src/db/database.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import type { EmailBison } from '../../src/sources/email-bison/source.ts'
import { type EmailBisonSim, type EmailBisonSimOptions } from '../../sim/email-bison/index.ts'
import { SMALL, withEmailBisonSim } from '../../sim/email-bison/with-sim.ts'
import { Folder } from '../cli/support/folder.ts'
import { withDatabase } from '../support/database.ts'
import { until } from '../support/node.ts'

const DAY_MS = 86_400_000
const day = (daysAgo: number): string => new Date(Date.now() - daysAgo * DAY_MS).toISOString().slice(0, 10)
const STATS = 'GET /api/workspaces/v1.1/stats'

/** Sends on every day, and has done so for long. */
const ESTATE: EmailBisonSimOptions = {
  ...SMALL,
  workspaces: 3,
  mailboxes: 60,
  historyDays: 75,
  settings: { weekends: true },
}

interface Run {
  readonly db: Database
  readonly sim: EmailBisonSim
  readonly pipeline: Pipeline
  readonly source: EmailBison
  readonly backfill: (
    days: { from: string; to: string } | undefined,
    options?: { now?: Date; fresh?: boolean },
  ) => Promise<Backfilled>
}

async function withPortal(test: (run: Run) => Promise<void>, options: EmailBisonSimOptions = ESTATE) {
  await withEmailBisonSim(options, (sim) =>
    withDatabase(async (db) => {
      const app: App = portal({
        instances: [{ name: 'send', url: sim.url, token: sim.token }],
        webhookSecret: 'of all webhook paths',
        callsPerMinute: 1e6,
        timeZone: 'UTC',
      })
      await migrateAll(db, [app])
      const [pipeline] = await openPipelines(db, [app], { secretKey: 'a key for the tests alone' })
      if (pipeline === undefined || app.backfill === undefined) throw new Error('no portal')
      const { backfill } = app
      const signal = AbortSignal.timeout(60_000)
      await pipeline.source.prepare({ fresh: true, signal })
      await test({
        db,
        sim,
        pipeline,
        source: pipeline.source as EmailBison,
        backfill: (days, { now = new Date(), fresh = false } = {}) =>
          backfill(db, { pipeline, days, now, fresh, signal }),
      })
    }),
  )
}

interface Figures {
  scope: string
  day: string
  sent: number
  bounced: number
  unsubscribed: number
  interested: number
}

async function figures(db: Database): Promise<Figures[]> {
  const { rows } = await db.query<Figures>(
    `select scope, metric_date::text as day, emails_sent as sent, bounced, unsubscribed, interested
     from vendor_metrics where period = 'day' order by scope, metric_date`,
  )
  return rows
}

/** The same, from what the vendor knows to have happened. */
const truth = (sim: EmailBisonSim, daysAgo: readonly number[], instance = 'send'): Figures[] =>
  sim.world.workspaces.flatMap(({ id }) =>
    daysAgo.map((ago) => {
      const start = Date.parse(day(ago))
      const { sent, bounced, unsubscribed, interested } = sim.truth.counts(id, start, start + DAY_MS)
      return { scope: `${instance}/${id}`, day: day(ago), sent, bounced, unsubscribed, interested }
    }),
  )

const range = (from: number, to: number): number[] =>
  Array.from({ length: from - to + 1 }, (_, i) => from - i)

describe('past days read again', () => {
  it('every workspace’s figures of these days, the month as of each, and the events that were missing', async () => {
    await withPortal(async ({ db, sim, source, backfill }) => {
      const askedAt = Date.now()
      const done = await backfill({ from: day(5), to: day(3) }, { now: new Date(askedAt) })
      expect(done).toMatchObject({ accounts: 3, days: 9, resumed: 0, failures: [], notes: [] })
      expect(await figures(db)).toEqual(truth(sim, range(5, 3)))
      const { rows: months } = await db.query<{ scope: string; day: string; sent: number; replies: number }>(
        `select scope, metric_date::text as day, emails_sent as sent, unique_replies as replies
         from vendor_metrics where period = 'mtd' order by scope, metric_date`,
      )
      expect(months).toHaveLength(9)
      const signal = AbortSignal.timeout(20_000)
      for (const { scope, day: as, sent, replies } of months) {
        const whole = await source.statistics.total(scope, `${as.slice(0, 7)}-01`, as, signal)
        expect({ sent, replies }).toEqual({ sent: whole.emails_sent, replies: whole.unique_replies })
      }
      // The ledger, from those days on.
      const { rows: counts } = await db.query<{ scope: string; n: number }>(
        `select scope, sum(count)::int as n from email_daily_counts
         where event_type = 'email_sent' and business_date between $1 and $2 group by 1 order by 1`,
        [day(5), day(3)],
      )
      const sums = Map.groupBy(truth(sim, range(5, 3)), ({ scope }) => scope)
      expect(counts).toEqual(
        [...sums].map(([scope, all]) => ({ scope, n: all.reduce((n, f) => n + f.sent, 0) })),
      )
      // The record was never read before, so all that it holds comes with it: nine whole days.
      const { keptMs = 0 } = source.eventLog ?? {}
      const kept = { from: askedAt - keptMs, to: askedAt - 90_000 }
      expect(done.events).toBe([...sim.truth.events(kept)].length)
      // Once more: nothing is new, and nothing is counted twice.
      expect(await backfill({ from: day(5), to: day(3) })).toMatchObject({ days: 9, events: 0 })
      expect(await figures(db)).toEqual(truth(sim, range(5, 3)))
    })
  })

  it('days of the future and of more than ninety days ago are refused, by the agency’s own calendar', async () => {
    await withPortal(async ({ sim, backfill }) => {
      const calls = sim.requests.count(STATS)
      await expect(backfill({ from: day(0), to: day(-1) })).rejects.toThrow(
        `${day(-1)} lies in the future; in UTC today is ${day(0)}`,
      )
      await expect(backfill({ from: day(91), to: day(0) })).rejects.toThrow(
        `more than 90 days ago; the first day that can be given is ${day(90)}`,
      )
      expect(sim.requests.count(STATS)).toBe(calls)
    })
  })

  it('a workspace that cannot be read is named, and the same request reads it alone', async () => {
    await withPortal(async ({ db, sim, backfill }) => {
      const [, ill] = sim.world.workspaces
      if (ill === undefined) throw new Error('no workspace')
      Object.assign(sim.faults, { withheldWorkspaces: [ill.id], withheldStatus: 403 })
      const days = { from: day(40), to: day(38) }
      const first = await backfill(days)
      expect(first.failures.map(({ name }) => name)).toEqual([ill.name.trim()])
      expect(first.failures[0]?.error).toMatch(/Check the workspace's token/)
      expect(first.notes).toEqual([expect.stringMatching(/^Events are kept by the vendor for 9 days/)])
      sim.faults.withheldWorkspaces = []
      const calls = sim.requests.count(STATS)
      expect(await backfill(days)).toMatchObject({ days: 3, resumed: 6, failures: [] })
      expect(sim.requests.count(STATS)).toBe(calls + 3)
      expect(await figures(db)).toEqual(truth(sim, range(40, 38)))
      // That was the end of it: the next begins anew; and so does one that is to, or that is a day old.
      expect(await backfill(days)).toMatchObject({ days: 9, resumed: 0 })
      sim.faults.withheldWorkspaces = [ill.id]
      await backfill(days)
      expect(await backfill(days, { fresh: true })).toMatchObject({ days: 6, resumed: 0 })
      await db.query(`update lockstep.checkpoints set updated_at = updated_at - interval '25 hours'`)
      expect(await backfill(days)).toMatchObject({ days: 6, resumed: 0 })
    })
  })

  it('all that there ever was, month by month, from the oldest thing that the vendor has', async () => {
    await withPortal(async ({ db, sim, pipeline, backfill }) => {
      const signal = AbortSignal.timeout(60_000)
      await syncApp(db, pipeline, { signal, full: true, drain: true })
      const done = await backfill(undefined)
      expect(done.failures).toEqual([])
      // The mailboxes were made thirty days before the first mail.
      expect(done).toMatchObject({ to: day(0), from: day(105) })
      const days = (await figures(db)).filter((row) => row.day <= day(1))
      expect(days).toEqual(truth(sim, range(105, 1)))
      const months = new Set(range(105, 0).map((ago) => day(ago).slice(0, 7))).size
      expect(sim.requests.count(STATS)).toBe(3 * months)
      const { rows } = await db.query<{ n: number }>(
        `select count(distinct metric_date)::int as n from vendor_metrics where period = 'mtd'`,
      )
      expect(rows[0]?.n).toBe(months)
    })
  })
})

const ROOT = join(import.meta.dirname, '../..')
const CONFIG = `import { datacube, defineConfig, portal } from 'lockstep'
export default defineConfig({
  apps: [portal({ timeZone: 'UTC', callsPerMinute: 1e6 }), datacube({ token: 'none' })],
})
`

async function withFolder(db: Database, sim: EmailBisonSim, test: (folder: Folder) => Promise<void>) {
  const path = await mkdtemp(join(tmpdir(), 'lockstep-backfill-'))
  await mkdir(join(path, 'node_modules'))
  await symlink(ROOT, join(path, 'node_modules/lockstep'))
  await writeFile(join(path, 'package.json'), '{"type":"module"}')
  await writeFile(join(path, 'lockstep.config.ts'), CONFIG)
  const folder = new Folder(path, {
    DATABASE_URL: db.url,
    EMAIL_BISON_URL: sim.url,
    EMAIL_BISON_TOKEN: sim.token,
    LOCKSTEP_ENCRYPTION_KEY: 'a key for the tests alone',
    LOCKSTEP_HOME: join(path, '.lockstep'),
  })
  try {
    await test(folder)
  } finally {
    await folder.close()
  }
}

async function daysHere(db: Database): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from vendor_metrics where period = 'mtd'`,
  )
  return rows[0]?.n ?? 0
}

describe('lockstep sync --date', () => {
  it('killed again and again, it goes on after the last day that it kept, and ends equal to the vendor', async () => {
    await withEmailBisonSim(ESTATE, (sim) =>
      withDatabase((db) =>
        withFolder(db, sim, async (folder) => {
          const command = `sync portal --date ${day(59)}..${day(0)}`
          sim.faults.latencyMs = 20
          const kills = 3
          for (let kill = 0; kill < kills; kill++) {
            const before = await daysHere(db)
            const running = folder.start(command)
            await until(
              `days of run ${kill}`,
              () => daysHere(db),
              (n) => n >= before + 20 || running.child.exitCode !== null,
            )
            expect({ exit: running.child.exitCode, output: running.stderr() }).toMatchObject({ exit: null })
            const ended = new Promise((done) => running.child.once('exit', done))
            running.child.kill('SIGKILL')
            await ended
          }
          const kept = await daysHere(db)
          const done = await folder.json<Backfilled>(command)
          expect(done).toMatchObject({ accounts: 3, resumed: kept, days: 180 - kept, failures: [] })
          expect(await figures(db)).toEqual(truth(sim, range(59, 0), 'bison'))
          expect(await daysHere(db)).toBe(180)
          // A kill costs what each of the three had in hand.
          expect(sim.requests.count(STATS)).toBeLessThanOrEqual(180 + 3 * kills)
          const { rowCount } = await db.query(`select from lockstep.checkpoints where lane = 'statistics'`)
          expect(rowCount).toBe(0)
        }),
      ),
    )
  }, 90_000)

  it('refuses what is no day, what has no such figures, and what does not go with it', async () => {
    await withEmailBisonSim(SMALL, (sim) =>
      withDatabase((db) =>
        withFolder(db, sim, async (folder) => {
          await folder.expectUsageErrors([
            'sync portal --date 2026-02-30',
            `sync portal --date ${day(-2)}`,
            `sync portal --date ${day(1)} --full`,
            `sync datacube --date ${day(1)}`,
          ])
          const { stderr } = await folder.cli(`sync datacube --date ${day(1)}`)
          expect(stderr).toContain('app datacube keeps no figures by day')
          const good = await folder.cli(`sync portal --date ${day(1)}`)
          expect(good).toMatchObject({ code: 0, stdout: '' })
          expect(good.stderr).toContain(`${day(1)} to ${day(1)}: 2 days of 2 workspaces read`)
        }),
      ),
    )
  }, 60_000)
})
