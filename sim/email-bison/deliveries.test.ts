import { expect, test } from 'vitest'
import type { EmailBisonSim, EmailBisonSimOptions } from './index.ts'
import { ask, dataOf, type Receiver, SMALL, walk, withEmailBisonSim, withReceiver } from './with-sim.ts'

const NOW = Date.UTC(2026, 10, 18, 16)
const MINUTE = 60_000
const HOUR = 3_600_000

interface EventRow {
  id: number
  uuid: string
  payload: { event: { type: string } }
  webhook_deliveries: {
    id: number
    status: string
    attempt_count: number
    webhook_attempts: { id: number; status: string; response_code: number | null }[]
  }[]
}

interface Stage {
  readonly sim: EmailBisonSim
  readonly receiver: Receiver
  readonly id: number
  /** Moves the clock and delivers what has come due. */
  readonly after: (ms: number) => Promise<number>
  readonly events: (query?: string) => Promise<EventRow[]>
}

function onStage(options: EmailBisonSimOptions, run: (stage: Stage) => Promise<void>): Promise<void> {
  let now = NOW
  const clock = { now: () => now }
  return withReceiver((receiver) =>
    withEmailBisonSim({ ...SMALL, clock, ...options }, async (sim) => {
      const body = { name: 'lockstep', url: receiver.url, events: ['email_sent', 'lead_replied'] }
      await dataOf(sim, 'POST /api/webhook-url', { body })
      const after = (ms: number): Promise<number> => {
        now += ms
        return sim.deliverDue()
      }
      const events = (query = ''): Promise<EventRow[]> =>
        walk<EventRow>(sim, `/api/events?per_page=100&start_date=2026-11-01&end_date=2026-12-31${query}`)
      await run({ sim, receiver, id: sim.world.workspaces[0]?.id ?? 0, after, events })
    }),
  )
}

test('a refused delivery is tried five times within a day, then given up; its row tells so', async () => {
  await onStage({}, async ({ sim, receiver, id, after, events }) => {
    receiver.status = 500
    sim.act.sendEmail(id, { step: 2 })
    const tries = [await after(0), await after(MINUTE), await after(15 * MINUTE), await after(2 * HOUR)]
    expect(tries).toEqual([1, 1, 1, 1])
    expect(await after(7 * HOUR)).toBe(0)
    expect(await after(HOUR)).toBe(1)
    expect(await after(48 * HOUR)).toBe(0)
    expect(new Set(receiver.received.map(({ text }) => text)).size).toBe(1)
    const [row] = await events('&type=email_sent')
    expect(row?.webhook_deliveries).toMatchObject([{ status: 'failed', attempt_count: 5 }])
    expect(row?.webhook_deliveries[0]?.webhook_attempts[4]).toMatchObject({
      status: 'failed',
      response_code: 500,
    })
    expect(sim.deliveries.stats()).toMatchObject({ attempted: 5, lost: 1, pending: 0 })
  })
})

test('a retry that someone asks for is a delivery of its own', async () => {
  await onStage({}, async ({ sim, receiver, id, after, events }) => {
    receiver.status = 503
    sim.act.sendEmail(id)
    await after(0)
    receiver.status = 200
    const [row] = await events('&type=EMAIL_SENT')
    const attempt = row?.webhook_deliveries[0]?.webhook_attempts[0]?.id
    const told = await dataOf<{ webhook_delivery_id: number }>(
      sim,
      `POST /api/webhook-attempts/${attempt}/retry`,
    )
    await sim.deliverDue()
    const [again] = await events('&type=EMAIL_SENT')
    expect(again?.webhook_deliveries).toMatchObject([
      { status: 'failed', attempt_count: 1 },
      { id: told.webhook_delivery_id, status: 'success', attempt_count: 1 },
    ])
    const other = sim.workspaceToken(sim.world.workspaces[1]?.id ?? 0)
    expect((await ask(sim, `POST /api/webhook-attempts/${attempt}/retry`, { token: other })).status).toBe(404)
    // The first delivery goes on by itself.
    expect(await after(MINUTE)).toBe(1)
  })
})

test('events are read newest first, by cursor, with both dates, for ten days', async () => {
  await onStage({}, async ({ sim, id, after, events }) => {
    sim.act.sendEmail(id)
    await after(9 * 24 * HOUR)
    sim.act.reply(id)
    const rows = await events()
    expect(rows.map(({ payload }) => payload.event.type)).toEqual([
      'LEAD_REPLIED',
      'LEAD_FIRST_CONTACTED',
      'EMAIL_SENT',
    ])
    expect(rows.map((row) => row.id)).toEqual(rows.map((row) => row.id).sort((a, b) => b - a))
    // Nobody listens to it.
    expect(rows[1]?.webhook_deliveries).toEqual([])
    expect(rows[0]?.payload).toEqual([...sim.truth.events()].at(-1)?.payload)
    expect(rows[0]?.uuid).toMatch(/^[0-9a-f-]{36}$/)
    await after(2 * 24 * HOUR)
    expect((await events()).map(({ payload }) => payload.event.type)).toEqual(['LEAD_REPLIED'])
    expect([...sim.truth.events()]).toHaveLength(3)
    const alone = 'GET /api/events?pagination_type=cursor&start_date=2026-11-18'
    expect((await ask(sim, alone)).status).toBe(422)
    expect((await ask(sim, 'GET /api/events?start_date=2026-11-18&end_date=2026-11-19')).status).toBe(422)
  })
})

test('the payload of an event stays what was delivered, whatever becomes of its subjects', async () => {
  await onStage({}, async ({ sim, receiver, id, events }) => {
    const { id: email, campaign, sender } = sim.act.sendEmail(id)
    await sim.deliverDue()
    sim.act.open(id, { email })
    sim.act.reply(id, { email, interested: true })
    sim.act.renameCampaign(id, { campaign: campaign.id, name: 'Other' })
    await dataOf(sim, `PATCH /api/sender-emails/${sender.id}`, { body: { daily_limit: 1, name: 'Other' } })
    sim.act.renameWorkspace(id, { name: 'Other' })
    sim.act.bounce(id, { email })
    const [row] = await events('&type=EMAIL_SENT')
    expect(row?.payload).toEqual(JSON.parse(receiver.received[0]?.text ?? ''))
  })
})

test('faults drop, duplicate, repeat and shuffle deliveries', async () => {
  await onStage({}, async ({ sim, receiver, id, after, events }) => {
    const { webhook } = sim.faults
    webhook.dropRate = 1
    sim.act.sendEmail(id, { step: 2 })
    await sim.deliverDue()
    expect(receiver.received).toEqual([])
    const [dropped] = await events('&type=email_sent')
    expect(dropped?.webhook_deliveries).toMatchObject([{ status: 'pending', attempt_count: 0 }])
    Object.assign(webhook, { dropRate: 0, duplicateRate: 1 })
    sim.act.reply(id)
    await sim.deliverDue()
    expect(receiver.received).toHaveLength(2)
    Object.assign(webhook, { duplicateRate: 0, redeliverRate: 1, shuffleKeys: true })
    sim.act.sendEmail(id)
    await sim.deliverDue()
    await after(MINUTE)
    const [first, second] = receiver.received.slice(2)
    expect(second?.text).not.toBe(first?.text)
    expect(second?.body).toEqual(first?.body)
    webhook.redeliverRate = 0
    sim.faults.webhook.off = true
    sim.act.sendEmail(id)
    expect(await after(0)).toBe(0)
    expect(await dataOf<unknown[]>(sim, 'GET /api/webhook-url')).toHaveLength(1)
    sim.faults.webhook.disabled = true
    expect(await dataOf(sim, 'GET /api/webhook-url')).toEqual([])
  })
})

test('delayed deliveries overtake each other', async () => {
  await onStage({ seed: 3 }, async ({ sim, receiver, id, after }) => {
    sim.faults.webhook.reorderMs = MINUTE
    for (let i = 0; i < 12; i++) sim.act.sendEmail(id, { step: 2 })
    const before = await after(0)
    for (let second = 0; second < 61; second++) await after(1000)
    const ids = receiver.received.map(({ body }) => (body.data['scheduled_email'] as { id: number }).id)
    expect(before).toBeLessThan(12)
    expect(ids).toHaveLength(12)
    expect(ids).not.toEqual([...ids].sort((a, b) => a - b))
  })
})

test('a receiver that does not answer in time has failed', async () => {
  await onStage({ settings: { webhookTimeoutMs: 50 } }, async ({ sim, receiver, id, events }) => {
    receiver.silent = true
    sim.act.sendEmail(id)
    await sim.deliverDue()
    const [row] = await events('&type=email_sent')
    expect(row?.webhook_deliveries[0]?.webhook_attempts).toMatchObject([
      { status: 'failed', response_code: null },
    ])
  })
})

test('on the machine clock it delivers by itself', async () => {
  await withReceiver((receiver) =>
    withEmailBisonSim({ ...SMALL, settings: { retryDelaysMs: [0, 10, 10] } }, async (sim) => {
      const body = { name: 'a', url: receiver.url, events: ['email_sent'] }
      await dataOf(sim, 'POST /api/webhook-url', { body })
      receiver.status = 500
      sim.act.sendEmail(sim.world.workspaces[0]?.id ?? 0)
      await expect.poll(() => receiver.received.length).toBe(3)
      await expect.poll(() => sim.deliveries.lost).toBe(1)
    }),
  )
})
