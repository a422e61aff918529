import { expect, test } from 'vitest'
import { ask, dataOf, SMALL, withEmailBisonSim } from './with-sim.ts'

test('a storm gives 429 to a token that asks too often, until its minute is over', async () => {
  let now = Date.UTC(2026, 10, 18, 16)
  await withEmailBisonSim({ ...SMALL, clock: { now: () => now } }, async (sim) => {
    sim.faults.rateLimitAfter = 2
    const calm = await ask(sim, 'GET /api/tags')
    expect(calm.headers.get('x-ratelimit-remaining')).toBe('1')
    await ask(sim, 'GET /api/tags')
    const refused = await ask(sim, 'GET /api/tags')
    expect(refused).toMatchObject({ status: 429, body: { message: 'Too Many Attempts.' } })
    expect(refused.headers.get('retry-after')).toBe('60')
    const other = sim.workspaceToken(sim.world.workspaces[1]?.id ?? 0)
    expect((await ask(sim, 'GET /api/tags', { token: other })).status).toBe(200)
    sim.settings.rateHeaders = false
    const bare = await ask(sim, 'GET /api/tags')
    expect([bare.status, bare.headers.get('retry-after')]).toEqual([429, null])
    now += 60_000
    expect((await ask(sim, 'GET /api/tags')).status).toBe(200)
    sim.settings.rateScope = 'instance'
    await ask(sim, 'GET /api/tags')
    await ask(sim, 'GET /api/tags', { token: other })
    expect((await ask(sim, 'GET /api/tags', { token: other })).status).toBe(429)
  })
})

test('answers fail in every way that they fail in life', async () => {
  await withEmailBisonSim(SMALL, async (sim) => {
    sim.faults.http500 = 1
    expect(await ask(sim, 'GET /api/tags')).toMatchObject({ status: 500, body: { message: 'Server Error' } })
    Object.assign(sim.faults, { http500: 0, html502: 1 })
    expect(await ask(sim, 'GET /api/tags')).toMatchObject({
      status: 502,
      text: expect.stringContaining('<html>'),
    })
    Object.assign(sim.faults, { html502: 0, falseSuccess: 1 })
    expect(await ask(sim, 'GET /api/tags')).toMatchObject({ status: 200, body: { success: false } })
    Object.assign(sim.faults, { falseSuccess: 0, arrayWrap: 1 })
    expect(await ask(sim, 'GET /api/tags')).toMatchObject({
      status: 200,
      body: [{ data: expect.any(Array) }],
    })
    Object.assign(sim.faults, { arrayWrap: 0, halfBody: 1 })
    await expect(ask(sim, 'GET /api/tags')).rejects.toThrow()
    Object.assign(sim.faults, { halfBody: 0, timeout: 1 })
    const hanging = fetch(`${sim.url}/api/tags`, {
      headers: { Authorization: `Bearer ${sim.token}` },
      signal: AbortSignal.timeout(100),
    })
    await expect(hanging).rejects.toThrow(/timeout/)
    expect(sim.requests.byStatus).toMatchObject({ 0: 2, 200: 2, 500: 1, 502: 1 })
  })
})

test('one workspace fails while the others answer', async () => {
  await withEmailBisonSim(SMALL, async (sim) => {
    const [one, two] = sim.world.workspaces.map(({ id }) => id)
    sim.faults.withheldWorkspaces = [two ?? 0]
    const status = async (id = 0) =>
      (await ask(sim, 'GET /api/leads', { token: sim.workspaceToken(id) })).status
    expect([await status(one), await status(two)]).toEqual([200, 500])
  })
})

test('a mail that the API took may be sent without a word', async () => {
  await withEmailBisonSim(
    { ...SMALL, clock: { now: () => 1e12 }, faults: { manualSendUnannounced: 1 } },
    async (sim) => {
      const id = sim.world.workspaces[0]?.id ?? 0
      const reply = sim.act.reply(id)
      const body = { message: 'x', sender_email_id: reply.sender.id }
      await dataOf(sim, `POST /api/replies/${reply.id}/reply`, { body })
      await sim.deliverDue()
      const thread = await dataOf<{ newer_messages: unknown[] }>(
        sim,
        `GET /api/replies/${reply.id}/conversation-thread`,
      )
      expect(thread.newer_messages).toHaveLength(1)
      expect(sim.world.events.some(({ type }) => type === 'MANUAL_EMAIL_SENT')).toBe(false)
    },
  )
})

test('a lagging replica answers what was, in rows, lists and the record of events', async () => {
  let now = Date.UTC(2026, 10, 18, 16)
  const faults = { replicaLagMs: 10_000 }
  await withEmailBisonSim({ ...SMALL, clock: { now: () => now }, faults }, async (sim) => {
    const [workspace] = sim.world.workspaces
    const sender = workspace?.senders.find(({ status }) => status === 'Connected')?.id ?? 0
    const read = async () => ({
      row: (await dataOf<{ status: string }>(sim, `GET /api/sender-emails/${sender}`)).status,
      replies: (await dataOf<unknown[]>(sim, 'GET /api/replies?pagination_type=cursor')).length,
      events: (await dataOf<unknown[]>(sim, 'GET /api/events?pagination_type=cursor')).length,
    })
    now += 60_000
    sim.act.accountDisconnected(workspace?.id ?? 0, { sender })
    now += 4_000
    sim.act.reply(workspace?.id ?? 0, { untracked: true })
    const before = { row: 'Connected', replies: 0, events: 0 }
    expect(await read()).toEqual(before)
    now += 6_000
    expect(await read()).toEqual({ ...before, row: 'Disconnected', events: 1 })
    now += 4_000
    expect(await read()).toEqual({ row: 'Disconnected', replies: 1, events: 2 })
  })
})

test('per_page may be ignored', async () => {
  await withEmailBisonSim(SMALL, async (sim) => {
    const [workspace] = sim.world.workspaces
    for (let i = 0; i < 20; i++) sim.act.reply(workspace?.id ?? 0, { untracked: true })
    const path = 'GET /api/replies?pagination_type=cursor&per_page=100'
    expect(await dataOf<unknown[]>(sim, path)).toHaveLength(20)
    sim.faults.perPageIgnored = true
    expect(await dataOf<unknown[]>(sim, path)).toHaveLength(15)
  })
})
