import { expect, it } from 'vitest'
import { openAlert, openAlerts, QUIET_MS } from '../../src/alerts/alerts.ts'
import { deliverDue } from '../../src/alerts/deliver.ts'
import { notify } from '../../src/alerts/outbox.ts'
import { alertPathHealth, PENDING_MAX_S, watchAlertPath } from '../../src/alerts/path-health.ts'
import type { Database, Queryable } from '../../src/db/database.ts'
import { createSlack } from '../../src/sinks/slack/slack.ts'
import { HASTY, withAnswers, withSlackWorld } from './slack-world.ts'

const forever = new AbortController().signal
const put = (db: Queryable, title: string, purpose = 'alerts'): Promise<boolean> =>
  notify(db, { app: 'portal', purpose, message: { title, tone: 'neutral' } })

it('tells of each purpose what waits, what was given up, and when one was last sent', async () => {
  await withSlackWorld(
    { purposes: ['alerts', 'leads'], limits: HASTY },
    async ({ db, sim, clock, deliver }) => {
      await put(db, 'an alert')
      await put(db, 'a lead', 'leads')
      await put(db, 'a summary', 'summary')
      sim.setHook('leads', 'channel_is_archived')
      await deliver()
      await put(db, 'waits')
      await notify(db, {
        app: 'portal',
        purpose: 'alerts',
        message: { title: 'for later', tone: 'neutral' },
        sendAfter: new Date(clock.ms + 3_600_000).toISOString(),
      })
      clock.ms += 60_000
      expect(await alertPathHealth(db, 'portal', { now: clock.ms })).toEqual([
        {
          purpose: 'alerts',
          pending: 1,
          oldestPendingS: expect.closeTo(120, -2),
          dead24h: 0,
          skipped24h: 0,
          lastSentAt: expect.any(String),
          lastError: null,
          healthy: true,
        },
        {
          purpose: 'leads',
          pending: 0,
          oldestPendingS: null,
          dead24h: 1,
          skipped24h: 0,
          lastSentAt: null,
          lastError: expect.stringContaining('410 channel_is_archived'),
          healthy: false,
        },
        {
          purpose: 'summary',
          pending: 0,
          oldestPendingS: null,
          dead24h: 0,
          skipped24h: 1,
          lastSentAt: null,
          lastError: null,
          healthy: true,
        },
      ])
      expect(await alertPathHealth(db, 'other', { now: clock.ms })).toEqual([])
    },
  )
})

it('one that waits too long is ill; one that was sent after another was given up is well', async () => {
  await withSlackWorld({ limits: HASTY }, async ({ db, sim, clock, deliver }) => {
    const health = async () => (await alertPathHealth(db, 'portal', { now: clock.ms }))[0]
    await put(db, 'waits')
    expect(await health()).toMatchObject({ healthy: true })
    clock.ms += PENDING_MAX_S * 1_000
    expect(await health()).toMatchObject({ healthy: false, pending: 1 })
    sim.setHook('alerts', 'no_active_hooks')
    await deliver()
    expect(await health()).toMatchObject({ healthy: false, dead24h: 1, pending: 0 })
    sim.setHook('alerts', 'active')
    await put(db, 'comes through')
    clock.ms += 1_000
    await deliver()
    expect(await health()).toMatchObject({ healthy: true, dead24h: 1 })
  })
})

it('a path that is ill is told of under another purpose, once, and so is that it works again', async () => {
  await withSlackWorld({ purposes: ['alerts', 'team', 'leads'], limits: HASTY }, async (world) => {
    const { db, sim, clock, notifiers, deliver, titles } = world
    const watch = () => watchAlertPath(db, 'portal', notifiers, { now: clock.ms })
    sim.setHook('alerts', 'channel_not_found')
    await openAlert(db, { app: 'portal', stream: '', condition: 'drift' }, { level: 'critical', detail: 'x' })
    await deliver()
    await watch()
    await watch()
    await deliver()
    expect(titles('team')).toEqual(['🔴 Critical: notifications, portal / alerts'])
    expect(JSON.stringify(sim.messages('team')[0]?.payload)).toContain('1 were given up')
    expect(titles('leads')).toEqual([])
    expect(await openAlerts(db, 'portal')).toContainEqual(
      expect.objectContaining({ condition: 'notifications', stream: 'alerts', purpose: 'team' }),
    )
    sim.setHook('alerts', 'active')
    clock.ms += 60_000
    await put(db, 'comes through')
    await deliver()
    await watch()
    clock.ms += QUIET_MS
    await deliver()
    expect(titles('team')[1]).toBe('🟢 Over: notifications, portal / alerts')
    expect(await openAlerts(db, 'portal')).toMatchObject([{ condition: 'drift' }])
  })
})

it('where there is no other way, or it leads to the same hook, the alert is kept and told to nobody', async () => {
  await withSlackWorld({ purposes: ['leads'], limits: HASTY }, async ({ db, sim, clock, deliver }) => {
    const url = sim.hook('one')
    const notifiers = createSlack({ clock }).notifiers({ alerts: url, team: url, leads: sim.hook('leads') })
    sim.setHook('one', 'team_disabled')
    await put(db, 'an alert')
    await deliverDue(db, notifiers, { signal: forever, now: clock.now })
    await watchAlertPath(db, 'portal', notifiers, { now: clock.ms })
    expect(await openAlerts(db, 'portal')).toMatchObject([{ condition: 'notifications', purpose: null }])
    expect((await deliver()).outcomes).toEqual([])
  })
})

it('the URL of a hook is nowhere in the database, whatever it answered', async () => {
  let url = ''
  await withAnswers(
    (request) => ({ status: 404, body: `no_service ${url} ${request.url}` }),
    async (base) => {
      url = `${base}/services/T0SECRET01/B0SECRET01/sUperSecretToken1234567890`
      await withSlackWorld({ purposes: ['team'], limits: HASTY, urls: { alerts: url } }, async (world) => {
        const { db, clock, notifiers, deliver } = world
        await put(db, 'an alert')
        await deliver()
        await watchAlertPath(db, 'portal', notifiers, { now: clock.ms })
        await deliver()
        expect(await rowsThatHold(db, 'no_service')).not.toEqual([])
        for (const secret of ['T0SECRET01', 'B0SECRET01', 'sUperSecretToken', url]) {
          expect(await rowsThatHold(db, secret)).toEqual([])
        }
      })
    },
  )
})

/** Every row of every table, as text. */
async function rowsThatHold(db: Database, text: string): Promise<string[]> {
  const tables = await db.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables
     where schemaname not in ('pg_catalog', 'information_schema')`,
  )
  const found: string[] = []
  for (const { name } of tables.rows) {
    const { rows } = await db.query<{ row: string }>(
      `select t::text as row from ${name} as t where position($1 in t::text) > 0`,
      [text],
    )
    found.push(...rows.map(({ row }) => `${name}: ${row}`))
  }
  return found
}
