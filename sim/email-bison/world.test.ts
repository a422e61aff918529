import { expect, test } from 'vitest'
import { createRandom } from '../monday/world/random.ts'
import { actOnce } from './traffic.ts'
import { loadInstance, saveInstance } from './world/snapshot.ts'
import { dataOf, SMALL, walk, withEmailBisonSim } from './with-sim.ts'

const NOW = Date.UTC(2026, 10, 18, 16)
const clock = { now: () => NOW }

test('an estate has few large workspaces, labels on nearly all mailboxes, and names with spaces at their end', async () => {
  await withEmailBisonSim(
    { workspaces: 49, mailboxes: 12_000, historyDays: 0, leads: 0, clock },
    async (sim) => {
      const { workspaces } = sim.world
      const sizes = workspaces.map(({ senders }) => senders.length)
      expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(12_000)
      expect(Math.max(...sizes)).toBe(1_626)
      expect(workspaces.filter(({ name }) => name.endsWith(' ')).length).toBeGreaterThan(2)
      expect(new Set(workspaces.map(({ name }) => name)).size).toBe(49)
      const senders = workspaces.flatMap((workspace) => workspace.senders)
      const labelled = senders.filter(({ tagIds }) => tagIds.length === 2).length / senders.length
      expect(labelled).toBeGreaterThan(0.9)
      expect(labelled).toBeLessThan(0.98)
      expect(new Set(senders.map(({ status }) => status))).toEqual(
        new Set(['Connected', 'Disconnected', 'Failed', 'Not connected']),
      )
    },
  )
})

test('the same seed gives the same world and the same happenings', async () => {
  const told = async () =>
    withEmailBisonSim({ workspaces: 2, mailboxes: 60, historyDays: 15, clock }, (sim) => {
      const random = createRandom(5)
      for (let i = 0; i < 300; i++) actOnce([sim], random)
      return Promise.resolve(
        [...sim.truth.events()].map(({ payload, ...event }) => ({ ...event, data: payload.data })),
      )
    })
  const [one, two] = [await told(), await told()]
  expect(one.length).toBeGreaterThan(1_000)
  expect(two).toEqual(one)
  expect(new Set(one.map(({ id }) => id)).size).toBe(one.length)
})

test('history can be walked through the API, and is the truth', async () => {
  await withEmailBisonSim({ workspaces: 2, mailboxes: 24, historyDays: 20, clock }, async (sim) => {
    const id = sim.world.workspaces[0]?.id ?? 0
    const rows = await walk<{ id: number }>(sim, '/api/events?per_page=100')
    const since = NOW - 10 * 86_400_000
    const truth = [...sim.truth.events({ workspaceId: id, from: since })].map((event) => event.id)
    expect(rows.map((row) => row.id)).toEqual(truth.sort((a, b) => b - a))
    const replied = [...sim.truth.events({ workspaceId: id })].filter(({ type }) => type === 'LEAD_REPLIED')
    const email = replied[0]?.payload.data['scheduled_email'] as { id: number; lead_id: number }
    expect(await dataOf(sim, `GET /api/scheduled-emails/${email.id}`)).toMatchObject({
      lead_id: email.lead_id,
    })
    for (const { at, payload } of replied) {
      const { sent_at: sentAt } = payload.data['scheduled_email'] as { sent_at: string }
      expect(Date.parse(sentAt)).toBeLessThanOrEqual(at)
    }
  })
})

test('marking a reply of before does not rewrite what happened before', async () => {
  await withEmailBisonSim({ workspaces: 1, mailboxes: 100, historyDays: 15, clock }, async (sim) => {
    const [workspace] = sim.world.workspaces
    const before = [...sim.truth.events()].length
    const cold = workspace?.replies.findLast((reply) => reply.type === 'Tracked Reply' && !reply.interested)
    await dataOf(sim, `PATCH /api/replies/${cold?.id}/mark-as-interested`)
    const events = [...sim.truth.events()]
    expect(events).toHaveLength(before + 1)
    expect(events.at(-1)).toMatchObject({
      type: 'LEAD_INTERESTED',
      payload: { data: { reply: { id: cold?.id } } },
    })
  })
})

test('two instances share ids and nothing else', async () => {
  await withEmailBisonSim({ ...SMALL, instances: 2, clock }, async (sim) => {
    const [one, two] = sim.instances
    if (one === undefined || two === undefined) throw new Error('two instances')
    expect(one.url).not.toBe(two.url)
    const id = one.world.workspaces[0]?.id ?? 0
    expect(two.world.workspaces[0]?.id).toBe(id)
    expect(two.world.workspaces[0]?.name).not.toBe(one.world.workspaces[0]?.name)
    one.act.sendEmail(id)
    expect(two.world.events).toEqual([])
    await dataOf(one, 'GET /api/tags')
    expect([one.requests.calls, two.requests.calls]).toEqual([1, 0])
  })
})

test('a saved instance comes back whole', async () => {
  await withEmailBisonSim({ workspaces: 2, mailboxes: 60, historyDays: 15, clock }, (sim) => {
    const random = createRandom(9)
    for (let i = 0; i < 400; i++) actOnce([sim], random, { accountRemoved: 20, accountAdded: 20, reply: 50 })
    const text = saveInstance({ world: sim.world, deliveries: [] })
    const { world } = loadInstance(text, clock)
    expect(saveInstance({ world, deliveries: [] })).toBe(text)
    expect(world.events.at(-1)?.workspace).toBe(
      world.workspaces.find(({ id }) => id === sim.world.events.at(-1)?.workspace.id),
    )
    return Promise.resolve()
  })
})

test('traffic is mostly mails, with few replies', async () => {
  await withEmailBisonSim({ workspaces: 4, mailboxes: 100, historyDays: 0, clock }, (sim) => {
    const random = createRandom(2)
    for (let i = 0; i < 3_000; i++) actOnce([sim], random)
    const count = (type: string): number => sim.world.events.filter((event) => event.type === type).length
    expect(count('EMAIL_SENT')).toBeGreaterThan(2_500)
    expect(count('LEAD_REPLIED')).toBeGreaterThan(3)
    expect(count('LEAD_REPLIED')).toBeLessThan(50)
    expect(count('EMAIL_OPENED')).toBeGreaterThan(100)
    return Promise.resolve()
  })
})

test('traffic runs until it is stopped, in all instances', async () => {
  await withEmailBisonSim({ ...SMALL, instances: 2, workspaces: 4 }, async (sim) => {
    const traffic = sim.traffic(500)
    for (const { world } of sim.instances) await expect.poll(() => world.events.length).toBeGreaterThan(10)
    traffic.stop()
  })
})
