import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { settleAlerts } from '../../src/alerts/settle.ts'
import type { Ailing } from '../../src/apps/portal/health/check.ts'
import { alertsOfWorkspaces } from '../../src/apps/portal/health/together.ts'
import { checkEventLog } from '../../src/inbox/event-log.ts'
import { withFolder } from '../cli/support/folder.ts'
import { withDatabase } from '../support/database.ts'
import { type InboxEvent, insertEvents } from '../support/inbox.ts'
import { until } from '../support/node.ts'
import { apiHealthOf } from '../../src/apps/portal/health/vendor-api.ts'
import { readThresholds } from '../../src/apps/portal/health/thresholds.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { type Estate, register, SECRET_KEY, withEstate, workspaceAt } from './support/estate.ts'

interface CheckRow extends Record<string, unknown> {
  check_name: string
  severity: string
  value: number | null
  detail: string
  workspaces: { name: string; severity: string; detail: string }[]
  figures: Record<string, unknown>
}

async function checks(estate: Estate, now = new Date()): Promise<Record<string, CheckRow>> {
  await estate.run('portal-health', now)
  const rows = await estate.rows<CheckRow>(
    `select check_name, severity, value::float8 as value, detail, workspaces, figures
     from system_health_checks where checked_at = $1 order by check_name`,
    [now.toISOString()],
  )
  return Object.fromEntries(rows.map((row) => [row.check_name, row]))
}

const later = (minutes: number): Date => new Date(Date.now() + minutes * 60_000)

/** What the command line says of the portal. */
const statusOf = (estate: Estate): Promise<string> =>
  withFolder({ DATABASE_URL: estate.db.url, LOCKSTEP_ENCRYPTION_KEY: SECRET_KEY }, async (folder) => {
    const instance = JSON.stringify({ name: 'send', url: estate.sim.url, token: estate.sim.token })
    await folder.write(
      'lockstep.config.ts',
      `import { defineConfig, portal } from 'lockstep'
       export default defineConfig({ apps: [portal({ instances: [${instance}], timeZone: 'UTC' })] })`,
    )
    const { stdout, stderr } = await folder.cli('status')
    return `${stdout}${stderr}`
  })

/** Every event of the vendor's that was delivered is in the inbox. */
const arrived = (estate: Estate, n: number): Promise<unknown> =>
  until(
    `${n} deliveries`,
    async () => (await estate.rows<{ n: number }>('select count(*)::int as n from lockstep.inbox'))[0]?.n,
    (seen) => (seen ?? 0) >= n,
  )

/** All that has happened up to now. The vendor's clock is known to a second, and what may be younger is left for later. */
async function readLog(estate: Estate, scope: string): Promise<void> {
  const now = Date.now()
  await until(
    'the log to be read up to now',
    async () => {
      const options = { signal: AbortSignal.timeout(20_000), nowMs: Date.now() + 1_000, graceMs: 0 }
      await checkEventLog(estate.db, estate.pipeline, scope, options)
      const [mark] = await estate.rows<{ ms: number }>(
        `select extract(epoch from read_until)::float8 * 1000 as ms from lockstep.event_log_marks where scope = $1`,
        [scope],
      )
      return mark?.ms ?? 0
    },
    (ms) => ms > now,
  )
}

describe('health checks', () => {
  it('of a portal that is well say so with its figures, and tell nobody', async () => {
    await withEstate({}, async (estate) => {
      await estate.sync()
      await register(estate)
      const { id } = workspaceAt(estate, 0)
      for (let i = 0; i < 25; i++) estate.sim.act.sendEmail(id)
      await arrived(estate, 25)
      await estate.settle()
      await estate.run('portal-statistics')
      const now = new Date()
      const found = await checks(estate, now)
      expect(Object.values(found).map(({ check_name, severity }) => [check_name, severity])).toEqual([
        ['api_health', 'ok'],
        ['cache_hit_rate', 'ok'],
        ['data_consistency', 'ok'],
        ['mailboxes', expect.any(String)],
        ['sync_lag', 'ok'],
        ['webhook_delivery_rate', 'ok'],
      ])
      expect(found['webhook_delivery_rate']).toMatchObject({ value: 100, figures: { missed: 0 } })
      expect(found['sync_lag']?.figures).toMatchObject({ pending: 0, retrying: 0, dead24h: 0 })
      expect(Number(found['sync_lag']?.figures['settled'])).toBeGreaterThanOrEqual(25)
      expect(found['api_health']?.figures['instances']).toEqual([
        expect.objectContaining({ instance: 'send', errors: 0, successPercent: 100 }),
      ])
      expect(found['cache_hit_rate']).toMatchObject({ value: null, detail: 'too few reads to judge by: 0' })
      const answer = (await (await fetch(`${estate.url}/api/v1/portal/health`)).json()) as Record<
        string,
        unknown
      >
      expect(answer['checks']).toHaveLength(6)
      expect(answer['checks']).toContainEqual(
        expect.objectContaining({
          check_name: 'webhook_delivery_rate',
          severity: 'ok',
          value: 100,
          unit: 'percent',
        }),
      )
      expect(answer['apis']).toEqual([
        expect.objectContaining({ scope: workspaceAt(estate, 0).scope, api_health_status: 'healthy' }),
        expect.objectContaining({ scope: workspaceAt(estate, 1).scope, api_health_status: 'healthy' }),
      ])
      // Again at the same moment is the same check.
      await checks(estate, now)
      const count = await estate.rows('select 1 from system_health_checks')
      expect(count).toHaveLength(6)
      expect((await estate.told('alerts')).filter((title) => !title.includes('mailboxes'))).toEqual([])
    })
  })
})

describe('webhook delivery rate', () => {
  it('counts what only the vendor’s record brought, names the workspace, and ends when webhooks come again', async () => {
    await withEstate({}, async (estate) => {
      await estate.sync()
      await register(estate)
      const [{ id, name, scope }, other] = [workspaceAt(estate, 0), workspaceAt(estate, 1)]
      for (let i = 0; i < 3; i++) estate.sim.act.sendEmail(id)
      await arrived(estate, 3)
      await readLog(estate, scope)
      await estate.settle()
      // It is no new installation.
      await estate.db.query(`update lockstep.inbox_events set received_at = received_at - interval '3 hours'`)
      estate.sim.faults.webhook.dropRate = 1
      for (let i = 0; i < 30; i++) estate.sim.act.sendEmail(id)
      await readLog(estate, scope)
      estate.sim.faults.webhook.dropRate = 0
      for (let i = 0; i < 30; i++) estate.sim.act.sendEmail(other.id)
      await arrived(estate, 63)
      await estate.settle()
      const found = (await checks(estate))['webhook_delivery_rate']
      expect(found).toMatchObject({ severity: 'critical', workspaces: [{ name, severity: 'critical' }] })
      const { delivered = 0, missed = 0 } = (found?.figures ?? {}) as Record<string, number>
      expect(missed).toBeGreaterThanOrEqual(30)
      expect(found?.value).toBe(Math.round((delivered * 1000) / (delivered + missed)) / 10)
      expect(await estate.told('alerts')).toContain(`🔴 Critical: webhook_delivery_rate, portal / ${scope}`)
      await checks(estate)
      const opened = (await estate.told('alerts')).filter((title) => title.includes('webhook_delivery_rate'))
      expect(opened).toHaveLength(1)
      // An hour in which nothing happens proves nothing.
      await checks(estate, later(70))
      const open = `select 1 from lockstep.alerts where condition = 'webhook_delivery_rate' and closed_at is null`
      expect(await estate.rows(open)).toHaveLength(1)
      for (let i = 0; i < 30; i++) estate.sim.act.sendEmail(id)
      await until(
        'deliveries',
        async () =>
          (await estate.rows(`select 1 from lockstep.inbox where stream = $1 and via = 'webhook'`, [scope]))
            .length,
        (n) => n >= 33,
      )
      await estate.settle()
      await estate.db.query(
        `update lockstep.inbox_events set received_at = received_at - interval '3 hours' where via = 'log'`,
      )
      expect((await checks(estate))['webhook_delivery_rate']).toMatchObject({ severity: 'ok', value: 100 })
      expect(await estate.rows(open)).toEqual([])
      expect(await estate.told('alerts', later(12))).toContain(
        `🟢 Over: webhook_delivery_rate, portal / ${scope}`,
      )
    })
  })

  it('holds no history against webhooks, and says nothing that the engine has told already', async () => {
    await withEstate({ sim: { historyDays: 12 } }, async (estate) => {
      await estate.sync()
      const { id, scope } = workspaceAt(estate, 0)
      await readLog(estate, scope)
      await estate.settle()
      expect((await estate.rows('select 1 from lockstep.inbox')).length).toBeGreaterThan(50)
      expect((await checks(estate))['webhook_delivery_rate']).toMatchObject({ severity: 'ok' })
      await estate.db.query(`update lockstep.inbox_events set received_at = received_at - interval '3 hours'`)
      for (let i = 0; i < 30; i++) estate.sim.act.sendEmail(id)
      await readLog(estate, scope)
      await estate.db.query(`insert into lockstep.alerts (app, stream, condition, level, detail)
        values ('portal', '${scope}', 'webhooks', 'critical', 'told')`)
      expect((await checks(estate))['webhook_delivery_rate']).toMatchObject({
        severity: 'critical',
        value: 0,
      })
      expect((await estate.told('alerts')).filter((title) => title.includes('delivery_rate'))).toEqual([])
    })
  })
})

describe('small workspaces', () => {
  it('are judged together where each has too few events', async () => {
    await withEstate({}, async (estate) => {
      await estate.sync()
      for (const place of [0, 1]) {
        const { id, scope } = workspaceAt(estate, place)
        await readLog(estate, scope)
        await insertEvents(estate.db, [
          { app: 'portal', key: `old ${id}`, stream: scope, hoursAgo: 3, status: 'processed' },
        ])
        for (let i = 0; i < 9; i++) estate.sim.act.sendEmail(id)
        await readLog(estate, scope)
      }
      const found = (await checks(estate))['webhook_delivery_rate']
      expect(found).toMatchObject({ severity: 'critical', value: 0, workspaces: [] })
      expect(await estate.told('alerts')).toContain('🔴 Critical: webhook_delivery_rate, portal')
    })
  })
})

describe('sync lag', () => {
  const events = async (estate: Estate, n: number, like: Partial<InboxEvent>, ms = 100): Promise<void> => {
    const ids = await insertEvents(
      estate.db,
      Array.from({ length: n }, () => ({
        app: 'portal',
        key: randomUUID(),
        type: 'email_sent',
        stream: 'send/1',
        status: 'processed' as const,
        ...like,
      })),
    )
    await estate.db.query(
      'update lockstep.inbox_outcomes set processing_ms = $2 where id = any ($1::bigint[])',
      [ids, ms],
    )
  }

  it('is judged by how long events took, by those that wait for us, and by those that fail', async () => {
    await withEstate({}, async (estate) => {
      const lag = async (): Promise<CheckRow | undefined> => (await checks(estate))['sync_lag']
      await events(estate, 99, { hoursAgo: 0.02 }, 200)
      await events(estate, 50, { hoursAgo: 0.4 }, 90_000)
      expect(await lag()).toMatchObject({ severity: 'ok', value: 200 })
      await events(estate, 20, { hoursAgo: 0.02 }, 7_000)
      expect(await lag()).toMatchObject({ severity: 'warning', value: 7000 })
      await events(estate, 1, { hoursAgo: 11.2 / 60, status: 'pending' })
      expect(await lag()).toMatchObject({
        severity: 'critical',
        detail: expect.stringContaining('1 wait, the oldest for 11 min'),
      })
      expect(await estate.told('alerts')).toContain('🔴 Now critical: sync_lag, portal')
      await estate.db.query(
        'delete from lockstep.inbox_queue; delete from lockstep.inbox_outcomes; delete from lockstep.inbox_events',
      )
      // What failed waits on purpose, and is no lag; many of them are another matter.
      await events(estate, 20, { hoursAgo: 2, status: 'pending', attempts: 3 })
      expect(await lag()).toMatchObject({ severity: 'ok', value: null })
      await events(estate, 1, { hoursAgo: 2, status: 'dead', attempts: 9 })
      expect(await lag()).toMatchObject({ severity: 'warning', figures: { retrying: 20, dead24h: 1 } })
    })
  })
})

describe('the vendor’s API', () => {
  const health = (estate: Estate): Promise<unknown[]> =>
    estate.rows(`select workspace_name as name, api_health_status as status, api_consecutive_failures as failures,
      api_calls_today > 0 as asked, api_errors_today as errors from workspace_api_health order by scope`)

  it('refusing a workspace makes its data partial: it is named, the others stay well, and it ends with a success', async () => {
    await withEstate({ portal: { thresholds: { api: { callsMin: 1_000 } } } }, async (estate) => {
      await estate.sync()
      const [one, two] = [workspaceAt(estate, 0), workspaceAt(estate, 1)]
      Object.assign(estate.sim.faults, { withheldWorkspaces: [two.id], withheldStatus: 403 })
      const read = async (): Promise<void> => {
        await syncTable(estate, 'campaigns')
      }
      await read()
      expect((await checks(estate))['api_health']).toMatchObject({
        severity: 'warning',
        workspaces: [
          {
            name: two.name,
            severity: 'warning',
            detail: expect.stringMatching(/^degraded: its last call failed/),
          },
        ],
      })
      expect(await health(estate)).toEqual([
        { name: one.name, status: 'healthy', failures: 0, asked: true, errors: 0 },
        { name: two.name, status: 'degraded', failures: 1, asked: true, errors: 1 },
      ])
      // One failure is none of anybody's business.
      expect((await estate.told('alerts')).filter((title) => title.includes('api_health'))).toEqual([])
      await read()
      await read()
      const found = (await checks(estate))['api_health']
      expect(found).toMatchObject({ severity: 'critical' })
      expect(found?.detail).toContain(
        `partial: 1 workspace cannot be read: ${two.name} (failing: its last 3 calls failed`,
      )
      expect(await estate.told('alerts')).toContain('🔴 Critical: api_health, portal / send')
      expect(JSON.stringify(estate.slack.messages('alerts'))).toContain(`${two.name} (failing`)
      const partial = (await estate.app.checks?.(estate.db))?.find(
        ({ name }) => name === 'workspaces_unreadable',
      )
      expect(partial).toMatchObject({ count: 1, level: 'warning', examples: [two.name] })
      expect(await statusOf(estate)).toContain(`! workspaces_unreadable: 1 (${two.name}). `)
      expect((await estate.rows('select 1 from campaigns')).length).toBe(4)
      estate.sim.faults.withheldWorkspaces = []
      await read()
      expect((await checks(estate))['api_health']).toMatchObject({ severity: 'ok', workspaces: [] })
      expect(await estate.told('alerts', later(12))).toContain('🟢 Over: api_health, portal / send')
    })
  })

  it('is judged by how fast it answers and how often it fails, per installation', async () => {
    const thresholds = { api: { callsMin: 5, warningAboveP95Ms: 100, criticalAboveP95Ms: 5_000 } }
    await withEstate({ portal: { thresholds } }, async (estate) => {
      await estate.sync()
      await estate.db.query('delete from lockstep.vendor_calls')
      estate.sim.faults.latencyMs = 250
      await syncTable(estate, 'campaigns')
      await syncTable(estate, 'sender_emails_cache')
      const slow = (await checks(estate))['api_health']
      expect(slow).toMatchObject({ severity: 'warning', value: expect.any(Number) })
      expect(slow?.value).toBeGreaterThan(100)
      expect(await estate.told('alerts')).toContain('🟡 Warning: api_health, portal / send')
      estate.sim.faults.latencyMs = 0
      await estate.db.query(`update lockstep.vendor_calls set errors = calls * 0.6`)
      expect((await checks(estate))['api_health']).toMatchObject({ severity: 'critical' })
      await estate.db.query(`update lockstep.vendor_calls set errors = calls * 0.2, latencies = '{9}'`)
      const failing = (await checks(estate))['api_health']
      expect(failing?.severity).toBe('warning')
      expect(failing?.detail).toMatch(/[78]\d(\.\d)? % with success/)
    })
  })

  it('of a workspace without a token is told as such', async () => {
    await withEstate(
      {
        tokensOf: (sim) => ({
          [String(sim.world.workspaces[0]?.id)]: sim.workspaceToken(sim.world.workspaces[0]?.id ?? 0),
        }),
      },
      async (estate) => {
        await estate.sync()
        // It had a token when it was found.
        await estate.db.query(
          `insert into lockstep.source_state (app, kind, key, value) values ('portal', 'workspace', 'send/999', '{"instance":"send","id":999,"name":"Lost"}')`,
        )
        const found = (await checks(estate))['api_health']
        expect(found).toMatchObject({
          severity: 'warning',
          workspaces: [
            { scope: 'send/999', name: 'Lost', detail: expect.stringMatching(/^no_key: there is no token/) },
          ],
        })
        expect(await health(estate)).toContainEqual({
          name: 'Lost',
          status: 'no_key',
          failures: 0,
          asked: false,
          errors: 0,
        })
      },
    )
  })

  it.each([
    [false, undefined, 'no_key'],
    [true, undefined, undefined],
    [true, { failures: 0, minutesAgo: 59 }, 'healthy'],
    [true, { failures: 0, minutesAgo: 61 }, 'degraded'],
    [true, { failures: 0, minutesAgo: null }, 'degraded'],
    [true, { failures: 1, minutesAgo: 1 }, 'degraded'],
    [true, { failures: 2, minutesAgo: 1 }, 'degraded'],
    [true, { failures: 3, minutesAgo: 1 }, 'failing'],
    [false, { failures: 9, minutesAgo: 1 }, 'no_key'],
  ] as const)('with a token %s and calls %j is %s', (hasToken, calls, expected) => {
    const nowMs = 1e12
    const own =
      calls === undefined
        ? undefined
        : {
            failures: calls.failures,
            succeededAtMs: calls.minutesAgo === null ? null : nowMs - calls.minutesAgo * 60_000,
          }
    expect(apiHealthOf(hasToken, own, { nowMs, limits: readThresholds().api })).toBe(expected)
  })
})

const syncTable = (estate: Estate, table: string): Promise<unknown> =>
  syncApp(estate.db, estate.pipeline, { signal: AbortSignal.timeout(30_000), full: true, tables: [table] })

describe('cache hit rate', () => {
  it('is judged where there were fifty reads, and a cache that cannot be filled is named', async () => {
    await withEstate({}, async (estate) => {
      const read = (calls: number, hit: boolean, minutes = 5, success = true): Promise<unknown> =>
        estate.db.query(
          `insert into function_call_logs (function_name, cache_hit, success, calls, called_at)
           values ('api.kpis', $1, $2, $3, now() - make_interval(mins => $4))`,
          [hit, success, calls, minutes],
        )
      const rate = async (): Promise<CheckRow | undefined> => (await checks(estate))['cache_hit_rate']
      await read(49, false)
      await read(500, true, 90)
      expect(await rate()).toMatchObject({ severity: 'ok', value: null, figures: { reads: 49, hits: 0 } })
      await read(1, false)
      expect(await rate()).toMatchObject({ severity: 'critical', value: 0 })
      await read(150, true)
      expect(await rate()).toMatchObject({ severity: 'warning', value: 75 })
      await read(100, true)
      expect(await rate()).toMatchObject({ severity: 'ok', value: 83.3 })
      await estate.db.query(
        `insert into data_cache_metadata (cache_key, error) values ('kpis send/1', 'boom')`,
      )
      expect(await rate()).toMatchObject({
        severity: 'warning',
        detail: expect.stringContaining('kpis send/1'),
      })
      await read(1, false, 5, false)
      expect(await rate()).toMatchObject({ detail: expect.stringContaining('1 read had no answer') })
    })
  })
})

describe('mailbox rules', () => {
  it('are one alert each, by workspace, without those who want no word of it, with figures of one’s own', async () => {
    await withEstate({ portal: { thresholds: { mailboxes: { burntSent: 1_000 } } } }, async (estate) => {
      await estate.sync()
      const [one, two] = [workspaceAt(estate, 0), workspaceAt(estate, 1)]
      await estate.db.query(
        `update sender_emails_cache set status = 'Connected', emails_sent_count = 500, total_replied_count = 30, bounced_count = 0`,
      )
      const box = (workspace: string, n: number, set: string): Promise<unknown> =>
        estate.db.query(
          `update sender_emails_cache set ${set} where bison_key in (select bison_key from sender_emails_cache
           where workspace_name = $1 order by bison_key limit $2)`,
          [workspace, n],
        )
      const conditions = async (): Promise<unknown[]> =>
        estate.rows(`select condition, level, detail from lockstep.alerts
          where condition like 'mailboxes%' and closed_at is null order by condition`)
      expect((await checks(estate))['mailboxes']).toMatchObject({
        severity: 'ok',
        value: 0,
        detail: 'no rule is broken',
      })
      await box(one.name, 3, 'bounced_count = 40')
      await box(two.name, 2, `status = 'Disconnected', total_replied_count = 1`)
      await estate.db.query(
        `update client_registry set disconnect_notifications_enabled = false where workspace_name = $1`,
        [two.name],
      )
      expect((await checks(estate))['mailboxes']).toMatchObject({
        severity: 'warning',
        value: 3,
        workspaces: [{ name: one.name, detail: 'high_bounce 3' }],
      })
      await estate.db.query('update client_registry set disconnect_notifications_enabled = true')
      await box(two.name, 1, 'emails_sent_count = 1000')
      await checks(estate)
      expect(await conditions()).toEqual([
        { condition: 'mailboxes_burnt', level: 'critical', detail: `1 mailbox burnt: hardly anybody answers (${two.name}: 1). Worth cancelling.` },
        { condition: 'mailboxes_disconnected', level: 'critical', detail: expect.stringContaining(`${two.name}: 2`) },
        { condition: 'mailboxes_high_bounce', level: 'warning', detail: expect.stringContaining(`${one.name}: 3`) },
      ]) // prettier-ignore
      await estate.db.query(
        `update lockstep.freshness set full_pass_at = now() - interval '13 hours' where stream like $1`,
        [`${one.scope}/sender%`],
      )
      await checks(estate)
      expect(await conditions()).toContainEqual({
        condition: 'mailboxes_stale',
        level: 'warning',
        detail: expect.stringContaining(one.name),
      })
    })
  })
})

describe('data consistency', () => {
  /** A portal that has read all but the last events, which only the vendor's record has. */
  async function behind(estate: Estate): Promise<{ name: string; scope: string; id: number }> {
    await estate.sync()
    for (const place of [0, 1]) await readLog(estate, workspaceAt(estate, place).scope)
    await estate.settle()
    const workspace = workspaceAt(estate, 0)
    for (let i = 0; i < 400; i++) estate.sim.act.sendEmail(workspace.id)
    // Events younger than that may still come by webhook.
    for (const event of estate.sim.world.events) Object.assign(event, { at: event.at - 120_000 })
    await estate.run('portal-statistics')
    return workspace
  }

  /** Somebody corrects a figure of today, and the vendor's are read again. */
  async function correct(estate: Estate, name: string, metric: string, n: number): Promise<void> {
    await estate.rows('select increment_metric($1, $2, $3)', [name, metric, n])
    await estate.run('portal-statistics')
  }

  const told = (estate: Estate): string =>
    estate.slack
      .messages('alerts')
      .map(({ payload }) => JSON.stringify(payload))
      .join('\n')

  it('past the tolerance reads the workspace again by itself, and tells what was found and what became of it', async () => {
    await withEstate({ sim: { historyDays: 12, settings: { weekends: true } } }, async (estate) => {
      const { name, scope } = await behind(estate)
      const found = (await checks(estate))['data_consistency']
      expect(found).toMatchObject({
        severity: 'ok',
        value: 100,
        workspaces: [],
        figures: { readAgain: 1, differing: 0 },
      })
      expect(found?.detail).toContain(`mended by reading again: ${name}`)
      const [run] = await estate.rows(
        `select scope, outcome, found, done, remains, finished_at is not null as over from portal.reconciliations`,
      )
      expect(run).toMatchObject({
        scope,
        outcome: 'mended',
        over: true,
        found: [expect.objectContaining({ metric: 'emails_sent', period: 'day' })],
        remains: [],
      })
      const { filled = 0 } = (run?.['done'] ?? {}) as Record<string, number>
      expect(filled).toBeGreaterThanOrEqual(400)
      expect(await estate.told('alerts')).toContain(`🔴 Critical: data_consistency, portal / ${scope}`)
      expect(told(estate)).toMatch(
        new RegExp(
          `${name}: mails sent of [\\d-]+: \\d+ here, \\d+ at Email Bison .*${filled} events that had been missing.*Now within tolerance`,
        ),
      )
      expect(await estate.told('alerts', later(12))).toContain(`🟢 Over: data_consistency, portal / ${scope}`)
      // And it stays mended.
      expect((await checks(estate, later(5)))['data_consistency']).toMatchObject({
        severity: 'ok',
        figures: { readAgain: 0 },
      })
      expect(await estate.rows('select 1 from portal.reconciliations')).toHaveLength(1)
    })
  })

  it('that reading again cannot mend lasts, is read again an hour later, and ends when it fits', async () => {
    await withEstate({ sim: { historyDays: 12, settings: { weekends: true } } }, async (estate) => {
      const { name, scope } = await behind(estate)
      await checks(estate)
      await correct(estate, name, 'emails_sent_mtd', 700)
      const lasting = (await checks(estate, later(61)))['data_consistency']
      expect(lasting).toMatchObject({ severity: 'critical', workspaces: [{ name, severity: 'critical' }] })
      expect(lasting?.workspaces[0]?.detail).toMatch(/nothing was missing\. It differs still: mails sent of/)
      expect((await checks(estate, later(66)))['data_consistency']?.workspaces[0]?.detail).toMatch(
        /was read again at \d\d:\d\d UTC, to no avail; the next time is at/,
      )
      expect(await estate.rows('select outcome from portal.reconciliations order by id')).toEqual([
        { outcome: 'mended' },
        { outcome: 'differs' },
      ])
      await checks(estate, later(122))
      expect(await estate.rows('select 1 from portal.reconciliations')).toHaveLength(3)
      expect(
        (await estate.told('alerts', later(200))).filter((title) => title.includes('data_consistency')),
      ).toEqual([
        `🔴 Critical: data_consistency, portal / ${scope}`,
        `🟢 Over: data_consistency, portal / ${scope}`,
        `🔴 Critical: data_consistency, portal / ${scope}`,
      ])
      await correct(estate, name, 'emails_sent_mtd', -700)
      expect((await checks(estate, later(190)))['data_consistency']).toMatchObject({ severity: 'ok' })
      expect(
        await estate.rows(
          `select 1 from lockstep.alerts where condition = 'data_consistency' and closed_at is null`,
        ),
      ).toEqual([])
    })
  })

  it('tells what could not be read, and tries again what had been given up here', async () => {
    await withEstate({ sim: { historyDays: 12, settings: { weekends: true } } }, async (estate) => {
      const { id, scope } = await behind(estate)
      Object.assign(estate.sim.faults, { withheldWorkspaces: [id], withheldStatus: 403 })
      const failing = (await checks(estate))['data_consistency']
      expect(failing).toMatchObject({ severity: 'critical' })
      expect(failing?.workspaces[0]?.detail).toContain("could not be read: the vendor's record of its events")
      expect(await estate.rows('select outcome from portal.reconciliations')).toEqual([{ outcome: 'failed' }])
      estate.sim.faults.withheldWorkspaces = []
      await readLog(estate, scope)
      await estate.db.query(`with gone as (delete from lockstep.inbox_queue returning app, id)
        insert into lockstep.inbox_outcomes (id, app, status, error, attempts) select id, app, 'dead', 'a bug', 9 from gone`)
      expect((await checks(estate, later(61)))['data_consistency']).toMatchObject({ severity: 'ok' })
      const { done } =
        (await estate.rows('select done from portal.reconciliations order by id desc limit 1'))[0] ?? {}
      expect(done).toMatchObject({ filled: 0, replayed: expect.any(Number), problems: [] })
      expect((done as { replayed: number }).replayed).toBeGreaterThanOrEqual(400)
      expect(await estate.rows(`select 1 from lockstep.inbox_outcomes where status = 'dead'`)).toEqual([])
    })
  })

  it('reads five workspaces again in one run, and the others in the next', async () => {
    const sim = { workspaces: 7, mailboxes: 70, historyDays: 12, settings: { weekends: true } }
    await withEstate({ sim }, async (estate) => {
      await estate.sync()
      const all = estate.sim.world.workspaces.map((_, place) => workspaceAt(estate, place))
      for (const { scope } of all) await readLog(estate, scope)
      await estate.settle()
      for (const { name } of all) await estate.rows(`select increment_metric($1, 'bounces_mtd', 50)`, [name])
      await estate.run('portal-statistics')
      const reread = async (minutes: number): Promise<unknown> =>
        (await checks(estate, later(minutes)))['data_consistency']?.figures['readAgain']
      expect(await reread(0)).toBe(5)
      expect(await reread(5)).toBe(2)
      expect(await reread(10)).toBe(0)
      expect(
        await estate.rows(
          'select count(*)::int as n, count(distinct scope)::int as scopes from portal.reconciliations',
        ),
      ).toEqual([{ n: 7, scopes: 7 }])
    })
  })

  it('tolerates a little, by count and by share', async () => {
    await withEstate({ sim: { historyDays: 12, settings: { weekends: true } } }, async (estate) => {
      const { name } = await behind(estate)
      await checks(estate)
      const within = async (n: number, minutes: number): Promise<unknown> => {
        await correct(estate, name, 'bounces_mtd', n)
        return (await checks(estate, later(minutes)))['data_consistency']?.severity
      }
      expect(await within(5, 61)).toBe('ok')
      expect(await within(1, 122)).toBe('critical')
    })
  })
})

describe('many workspaces', () => {
  it('that ail of one cause are one alert, beside those that were told of before, until the last is well', async () => {
    const ailing = (n: number): Ailing[] =>
      Array.from({ length: n }, (_, i) => ({
        scope: `send/${i}`,
        name: `Client ${i}`,
        severity: i === 0 ? 'critical' : 'warning',
        detail: `Client ${i} differs`,
      }))
    await withDatabase(async (db) => {
      const settle = (n: number): Promise<void> =>
        db.transaction(async (tx) => {
          const found = await alertsOfWorkspaces(tx, 'x', ailing(n))
          await settleAlerts(tx, { app: 'portal', condition: 'x' }, { found })
        })
      const open = async (): Promise<unknown[]> =>
        (
          await db.query<{ stream: string; level: string }>(
            `select stream, level, detail from lockstep.alerts where closed_at is null order by stream`,
          )
        ).rows
      await settle(2)
      expect(await open()).toMatchObject([
        { stream: 'send/0', level: 'critical' },
        { stream: 'send/1', level: 'warning' },
      ])
      await settle(49)
      expect(await open()).toMatchObject([
        {
          stream: '',
          level: 'critical',
          detail: expect.stringMatching(/^49 workspaces: Client 0, .* and 41 more\. Client 0 differs/),
        },
        { stream: 'send/0' },
        { stream: 'send/1' },
      ])
      await settle(1)
      expect(await open()).toMatchObject([
        { stream: '', detail: expect.stringMatching(/^1 workspace: Client 0/) },
        { stream: 'send/0' },
      ])
      await settle(0)
      expect(await open()).toEqual([])
      await settle(6)
      expect(await open()).toMatchObject([{ stream: '' }])
    })
  })
})

describe('checks as such', () => {
  it('one that cannot be made says so, leaves the others and its alert alone, and the job fails with its name', async () => {
    await withEstate({}, async (estate) => {
      await estate.sync()
      await estate.db.query(`insert into function_call_logs (function_name, cache_hit, calls, called_at)
        values ('api.kpis', false, 90, now() - interval '1 minute')`)
      await checks(estate)
      await estate.db.query('alter table function_call_logs rename to elsewhere')
      const now = later(5)
      await expect(estate.run('portal-health', now)).rejects.toThrow(
        /cache_hit_rate could not be checked.*does not exist/,
      )
      const rows = await estate.rows(
        `select check_name, severity, value, detail from system_health_checks where checked_at = $1 order by 1`,
        [now.toISOString()],
      )
      expect(rows).toHaveLength(6)
      expect(rows).toContainEqual({
        check_name: 'cache_hit_rate',
        severity: 'warning',
        value: null,
        detail: expect.stringMatching(/could not be checked/),
      })
      expect(
        await estate.rows(
          `select 1 from lockstep.alerts where condition = 'cache_hit_rate' and closed_at is null`,
        ),
      ).toHaveLength(1)
    })
  })

  it('are kept for seven days, and read by the agency’s people alone', async () => {
    await withEstate({}, async (estate) => {
      await checks(estate, new Date(Date.now() - 7 * 86_400_000 - 60_000))
      await checks(estate, new Date(Date.now() - 6 * 86_400_000))
      await checks(estate)
      expect(await estate.rows('select distinct checked_at from system_health_checks')).toHaveLength(2)
      const read = (role: string): Promise<number> =>
        estate.db.transaction(async (tx) => {
          await tx.query(`select set_config('request.jwt.claims', $1, true)`, [
            JSON.stringify({ sub: 'x', app_metadata: { role, workspaces: [workspaceAt(estate, 0).name] } }),
          ])
          await tx.query('set local role authenticated')
          return (
            await tx.query('select 1 from system_health_checks union all select 1 from workspace_api_health')
          ).rows.length
        })
      expect(await read('viewer')).toBeGreaterThan(6)
      expect(await read('client')).toBe(0)
    })
  })
})
