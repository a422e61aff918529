import { expect, it } from 'vitest'
import { openAlerts } from '../../src/alerts/alerts.ts'
import { Database } from '../../src/db/database.ts'
import { SMALL } from '../../sim/email-bison/with-sim.ts'
import { type VirtualPortal, withVirtualPortal } from './support/virtual-portal.ts'

const MINUTE = 60_000
const RETRY = 'POST /api/webhook-attempts/:id/retry'

const workspaceOf = ({ sim }: VirtualPortal, index: number) => {
  const workspace = sim.world.workspaces[index]
  if (workspace === undefined) throw new Error('no workspace')
  return workspace
}

const register = ({ time, source, hook }: VirtualPortal) =>
  time.until(source.webhooks.register(hook, AbortSignal.timeout(60_000)))

/** What is counted here today, by workspace and kind, beside what the vendor knows to have happened. */
async function counters(portal: VirtualPortal): Promise<{ ours: unknown[]; theirs: unknown[] }> {
  const { db, sim, time } = portal
  const { rows: ours } = await db.query(
    `select scope, emails_sent_mtd as sent, all_replies_mtd as replied, positive_replies_mtd as interested,
       opens_mtd as opened, bounced_mtd as bounced, unsubscribed_mtd as unsubscribed
     from client_metrics where metric_type = 'mtd' and metric_date = business_date(now()) order by scope`,
  )
  const theirs = sim.world.workspaces.map(({ id }) => {
    const { firstContacted: _, ...counts } = sim.truth.counts(id, 0, time.now + 1)
    return { scope: `send/${id}`, ...counts }
  })
  return { ours, theirs }
}

/** Every event of the vendor's by type and workspace, and the ledger's rows: the same, each once. */
async function expectNothingMissing(portal: VirtualPortal): Promise<void> {
  const { ours, theirs } = await counters(portal)
  expect(ours).toEqual(theirs)
  const { rows } = await portal.db.query<{ kind: string; n: number }>(
    `select scope || ' ' || event_type as kind, sum(amount)::int as n from email_events
     where amount <> 0 group by 1 order by 1`,
  )
  const events = [...portal.sim.truth.events()]
  const kinds = Map.groupBy(events, ({ workspaceId, type }) => `send/${workspaceId} ${type.toLowerCase()}`)
  expect(Object.fromEntries(rows.map(({ kind, n }) => [kind, n]))).toEqual(
    Object.fromEntries([...kinds].map(([kind, list]) => [kind, list.length])),
  )
}

it('webhooks switched off for thirty minutes: found, told, filled from the vendor’s record, and over by itself', async () => {
  await withVirtualPortal({ sim: SMALL, latencyMs: 200 }, async (portal) => {
    const { db, time, sim, slack } = portal
    const { act, faults } = sim
    await register(portal)
    portal.run()
    const [busy, quiet] = [workspaceOf(portal, 0), workspaceOf(portal, 1)]
    for (let i = 0; i < 4; i++) act.sendEmail(busy.id)
    act.sendEmail(quiet.id)
    await time.pass(8 * MINUTE)
    await expectNothingMissing(portal)
    expect(slack.messages('alerts')).toEqual([])

    faults.webhook.off = true
    const offAt = time.now
    let foundAfter = Infinity
    for (let minute = 1; minute <= 30; minute++) {
      act.sendEmail(busy.id)
      act.sendEmail(busy.id)
      act.reply(busy.id, { interested: minute % 5 === 0 })
      if (minute % 3 === 0) act.open(busy.id, {})
      if (minute % 10 === 0) {
        act.bounce(busy.id)
        act.unsubscribe(busy.id)
      }
      if (minute % 4 === 0) act.sendEmail(quiet.id)
      await time.pass(MINUTE)
      const open = await openAlerts(db, 'portal')
      if (open.some(({ stream }) => stream === `send/${busy.id}`))
        foundAfter = Math.min(foundAfter, time.now - offAt)
    }
    // Its record is read every five minutes, an event may take a minute and a half to arrive, and a doubt one more.
    expect(foundAfter).toBeLessThanOrEqual(8 * MINUTE)
    const [alert] = (await openAlerts(db, 'portal')).filter(({ stream }) => stream === `send/${busy.id}`)
    expect(alert).toMatchObject({ condition: 'webhooks', level: 'critical' })
    expect(JSON.stringify(slack.messages('alerts'))).toContain(`events of ${busy.name.trim()} did not arrive`)

    // On again, and nothing happens any more: only an old event that is delivered again can tell.
    faults.webhook.off = false
    const [asked, delivered] = [sim.requests.count(RETRY), sim.deliveries.delivered]
    await time.pass(9 * MINUTE)
    expect(sim.requests.count(RETRY)).toBeGreaterThan(asked)
    expect(sim.deliveries.delivered - delivered).toBe(sim.requests.count(RETRY) - asked)
    expect(await openAlerts(db, 'portal')).toEqual([])
    await expectNothingMissing(portal)
    await time.pass(11 * MINUTE)
    const messages = JSON.stringify(slack.messages('alerts'))
    expect(messages).toContain(`Over: webhooks, portal / send/${busy.id}`)
    await expectNothingMissing(portal)
    const { rows } = await db.query<{ via: string; n: number }>(
      `select via, count(*)::int as n from lockstep.inbox_events group by 1 order by 1`,
    )
    expect(rows).toEqual([
      { via: 'log', n: [...sim.truth.events({ from: offAt })].length },
      { via: 'webhook', n: [...sim.truth.events({ to: offAt })].length },
    ])
  })
}, 120_000)

/** While this is done the inbox can be written by nobody, so that deliveries are answered 503. */
async function withoutInbox({ db }: VirtualPortal, work: () => Promise<unknown>): Promise<void> {
  const other = new Database({ url: db.url, poolSize: 1 })
  try {
    await other.transaction(async (tx) => {
      await tx.query('lock table lockstep.inbox_events in access exclusive mode')
      await work()
    })
  } finally {
    await other.close()
  }
}

// The vendor tries again after a quarter of an hour.
const LATE = { ...SMALL, settings: { retryDelaysMs: [0, 15 * MINUTE, 120 * MINUTE] } }

it('deliveries that we answered 503 are taken from the record, and count once when the vendor tries again', async () => {
  await withVirtualPortal({ sim: LATE }, async (portal) => {
    const { db, time, sim } = portal
    const { id } = workspaceOf(portal, 0)
    await register(portal)
    portal.run()
    await time.pass(MINUTE)
    await withoutInbox(portal, () => {
      for (let i = 0; i < 3; i++) sim.act.reply(id, { interested: i === 0 })
      sim.act.sendEmail(id)
      return sim.deliverDue()
    })
    expect(sim.deliveries.attempts.map(({ status }) => status)).toEqual(
      Array.from({ length: sim.deliveries.attempted }, () => 503),
    )
    await time.pass(8 * MINUTE)
    await expectNothingMissing(portal)
    const kept = async () =>
      (
        await db.query<{ events: number; filled: number; undelivered: number }>(
          `select count(*)::int as events, (count(*) filter (where via = 'log'))::int as filled,
             (count(*) filter (where deliveries = 0))::int as undelivered
           from lockstep.inbox_events`,
        )
      ).rows[0]
    // A delivery that was answered 503 may have been kept all the same: the answer came first.
    const events = [...sim.truth.events()].length
    const before = await kept()
    expect(before).toMatchObject({ events, filled: before?.undelivered })
    expect(before?.filled).toBeGreaterThan(0)
    await time.pass(10 * MINUTE)
    expect(sim.deliveries.delivered).toBe(sim.deliveries.failed)
    expect(await kept()).toEqual({ ...before, undelivered: 0 })
    // The record's own body does: nobody need be asked for anything.
    expect(sim.requests.count(RETRY)).toBe(0)
    await expectNothingMissing(portal)
  })
}, 60_000)

it('deliveries that failed and whose bodies the record lacks are asked for again', async () => {
  await withVirtualPortal({ sim: LATE }, async (portal) => {
    const { db, time, sim } = portal
    const { id } = workspaceOf(portal, 0)
    await register(portal)
    portal.run()
    await time.pass(MINUTE)
    await withoutInbox(portal, () => {
      for (let i = 0; i < 3; i++) sim.act.sendEmail(id)
      return sim.deliverDue()
    })
    const failed = sim.deliveries.attempted
    sim.faults.eventsWithoutBody = true
    await time.pass(8 * MINUTE)
    await expectNothingMissing(portal)
    expect(sim.requests.count(RETRY)).toBe(failed)
    const { rows } = await db.query(`select distinct via from lockstep.inbox_events`)
    expect(rows).toEqual([{ via: 'webhook' }])
    expect(failed).toBeGreaterThan(0)
  })
}, 60_000)
