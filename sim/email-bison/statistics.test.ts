import { expect, test } from 'vitest'
import type { EmailBisonSim } from './index.ts'
import { ask, dataOf, SMALL, withEmailBisonSim } from './with-sim.ts'

/** A Wednesday within sending hours. */
const NOW = Date.UTC(2026, 10, 18, 16)
const DAY_MS = 86_400_000

type Stats = Record<string, string>

async function stats(sim: EmailBisonSim, from: string, to: string): Promise<Stats> {
  return dataOf<Stats>(sim, `GET /api/workspaces/v1.1/stats?start_date=${from}&end_date=${to}`)
}

test('statistics are strings, count both days of their window, and agree with a recount', async () => {
  let now = NOW
  const clock = { now: () => now }
  await withEmailBisonSim({ workspaces: 3, mailboxes: 90, historyDays: 40, clock }, async (sim) => {
    const id = sim.world.workspaces[0]?.id ?? 0
    for (let i = 0; i < 30; i++) {
      const { id: email } = sim.act.sendEmail(id)
      if (i % 5 === 0) sim.act.open(id, { email })
      if (i % 7 === 0) sim.act.reply(id, { email, interested: i % 14 === 0 })
      if (i % 11 === 5) sim.act.bounce(id, { email })
      if (i % 13 === 6) sim.act.unsubscribe(id, { email })
      now += 60_000
    }
    for (const [from, days] of [
      ['2026-11-18', 1],
      ['2026-11-12', 7],
      ['2026-10-20', 30],
    ] as const) {
      const told = await stats(sim, from, '2026-11-18')
      const start = Date.parse(from)
      const counted = sim.truth.counts(id, start, start + days * DAY_MS)
      expect(told).toMatchObject({
        emails_sent: String(counted.sent),
        total_leads_contacted: String(counted.firstContacted),
        opened: String(counted.opened),
        unique_replies_per_contact: String(counted.replied),
        bounced: String(counted.bounced),
        unsubscribed: String(counted.unsubscribed),
        interested: String(counted.interested),
      })
      expect(counted.sent).toBeGreaterThan(30)
      expect(counted.interested).toBeGreaterThan(0)
    }
  })
})

test("a campaign's statistics are asked by POST; its days add up to the same", async () => {
  const clock = { now: () => NOW }
  await withEmailBisonSim({ workspaces: 1, mailboxes: 40, historyDays: 20, clock }, async (sim) => {
    const campaign = sim.world.workspaces[0]?.campaigns[3]
    const path = `/api/campaigns/${campaign?.id}`
    expect((await ask(sim, `GET ${path}/stats`)).status).toBe(405)
    const body = { start_date: '2026-11-09', end_date: '2026-11-18' }
    const told = await dataOf<Stats & { sequence_step_stats: { sent: number }[] }>(
      sim,
      `POST ${path}/stats`,
      { body },
    )
    const series = await dataOf<{ label: string; dates: [string, number][] }[]>(
      sim,
      `GET ${path}/line-area-chart-stats?start_date=2026-11-09&end_date=2026-11-18`,
    )
    const sum = (label: string): number =>
      series.find((each) => each.label === label)?.dates.reduce((all, [, n]) => all + n, 0) ?? 0
    expect(Number(told['emails_sent'])).toBeGreaterThan(0)
    expect(told['emails_sent']).toBe(String(sum('Sent')))
    expect(told['opened']).toBe(String(sum('Total Opens')))
    expect(told['bounced']).toBe(String(sum('Bounced')))
    expect(told.sequence_step_stats.reduce((all, step) => all + step.sent, 0)).toBe(sum('Sent'))
    const row = await dataOf<Record<string, unknown>>(sim, `GET ${path}`)
    expect(row['emails_sent']).toEqual(expect.any(Number))
    expect(row['open_tracking']).toBe(true)
  })
})

test('schedules say what is meant to be sent; an idle day is an empty list, or 400 for one campaign', async () => {
  const clock = { now: () => NOW }
  await withEmailBisonSim({ ...SMALL, mailboxes: 100, clock }, async (sim) => {
    const { id = 0, campaigns = [] } = sim.world.workspaces[0] ?? {}
    const [one, two] = campaigns.map((campaign) => campaign.id)
    sim.act.setSchedule(id, { campaign: one ?? 0, emails: 123 })
    sim.act.pauseCampaign(id, { campaign: two ?? 0 })
    const rows = await dataOf<Record<string, unknown>[]>(
      sim,
      'GET /api/campaigns/sending-schedules?day=today',
    )
    expect(rows).toMatchObject([{ campaign_id: one, emails_being_sent: 123, status: expect.any(Number) }])
    const tomorrow = await dataOf<unknown[]>(sim, 'GET /api/campaigns/sending-schedules?day=tomorrow')
    expect(tomorrow).toHaveLength(1)
    expect(await ask(sim, `GET /api/campaigns/${two}/sending-schedule?day=today`)).toMatchObject({
      status: 400,
      body: { data: { success: false } },
    })
    expect((await ask(sim, 'GET /api/campaigns/sending-schedules?day=friday')).status).toBe(422)
    sim.act.pauseCampaign(id, { campaign: one ?? 0 })
    expect(await dataOf(sim, 'GET /api/campaigns/sending-schedules?day=today')).toEqual([])
  })
})

test('automated replies count where the campaign wants them; interest that is taken back counts no more', async () => {
  const clock = { now: () => NOW }
  await withEmailBisonSim({ ...SMALL, campaigns: 3, clock }, async (sim) => {
    const { id = 0, campaigns = [] } = sim.world.workspaces[0] ?? {}
    const [counting, , leavingOut] = campaigns
    const away = (campaign = 0) =>
      sim.act.reply(id, { email: sim.act.sendEmail(id, { campaign }).id, automated: true })
    away(counting?.id)
    away(leavingOut?.id)
    expect(sim.world.events.filter(({ type }) => type === 'LEAD_REPLIED')).toHaveLength(1)
    const hot = sim.act.reply(id, { email: sim.act.sendEmail(id).id, interested: true })
    const today = (): Promise<Stats> => stats(sim, '2026-11-18', '2026-11-18')
    expect(await today()).toMatchObject({ unique_replies_per_contact: '2', interested: '1' })
    await dataOf(sim, `PATCH /api/replies/${hot.id}/mark-as-not-interested`)
    expect(await today()).toMatchObject({ interested: '0' })
    // The vendor announced it once; it does so no second time.
    await dataOf(sim, `PATCH /api/replies/${hot.id}/mark-as-interested`)
    expect(await today()).toMatchObject({ interested: '1' })
    expect(sim.world.events.filter(({ type }) => type === 'LEAD_INTERESTED')).toHaveLength(1)
  })
})

test("days are the vendor's calendar's", async () => {
  const clock = { now: () => Date.UTC(2026, 10, 19, 3) }
  await withEmailBisonSim({ ...SMALL, clock, settings: { timeZone: 'America/Chicago' } }, async (sim) => {
    sim.act.sendEmail(sim.world.workspaces[0]?.id ?? 0)
    expect(await stats(sim, '2026-11-18', '2026-11-18')).toMatchObject({ emails_sent: '1' })
    expect(await stats(sim, '2026-11-19', '2026-11-19')).toMatchObject({ emails_sent: '0' })
  })
})
