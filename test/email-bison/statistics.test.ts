import { expect, it } from 'vitest'
import { emailBisonSource } from '../../src/sources/email-bison/source.ts'
import { memoryStore } from '../../src/cli/memory-store.ts'
import { SMALL, withEmailBisonSim } from '../../sim/email-bison/with-sim.ts'

const DAY_MS = 86_400_000
const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

it('the vendor’s own figures by day and together, as numbers, and what is scheduled', async () => {
  await withEmailBisonSim({ ...SMALL, historyDays: 20, settings: { weekends: true } }, async (sim) => {
    const tokens = Object.fromEntries(
      [...sim.world.workspaces.values()].map(({ id }) => [id, sim.workspaceToken(id)]),
    )
    const { statistics, prepare } = bound(
      emailBisonSource(
        {
          instances: [{ name: 'send', url: sim.url, token: sim.token, tokens }],
          webhookUrl: () => undefined,
        },
        memoryStore(),
      ),
    )
    await prepare()
    const [workspace] = sim.world.workspaces.values()
    const id = workspace?.id ?? 0
    sim.act.scheduleEmail(id)
    const signal = AbortSignal.timeout(20_000)
    const [from, to] = [day(Date.now() - 9 * DAY_MS), day(Date.now())]
    const days = await statistics.daily(`send/${id}`, from, to, signal)
    expect(days.map((one) => one.day)).toEqual(
      Array.from({ length: 10 }, (_, i) => day(Date.now() - (9 - i) * DAY_MS)),
    )
    const whole = await statistics.total(`send/${id}`, from, to, signal)
    const sum = days.reduce((all, { emails_sent }) => all + (emails_sent ?? Number.NaN), 0)
    expect(sum).toBeGreaterThan(0)
    expect(whole.emails_sent).toBe(sum)
    // A day that the vendor's truth tells too.
    const yesterday = Date.parse(day(Date.now() - DAY_MS))
    const counts = sim.truth.counts(id, yesterday, yesterday + DAY_MS)
    expect(days.at(-2)).toMatchObject({ bounced: counts.bounced, unsubscribed: counts.unsubscribed })
    const [first] = workspace?.campaigns ?? []
    sim.act.setSchedule(id, { campaign: first?.id ?? 0, emails: 123 })
    const scheduled = await statistics.scheduled(`send/${id}`, 'today', signal)
    expect(scheduled).toContainEqual({ campaignId: first?.id, emails: 123 })
    // Nothing is scheduled, in either way that the vendor says so, which is not the same as a refusal.
    for (const campaign of workspace?.campaigns ?? []) sim.act.pauseCampaign(id, { campaign: campaign.id })
    expect(await statistics.scheduled(`send/${id}`, 'tomorrow', signal)).toEqual([])
    sim.settings.emptySchedules = '400'
    expect(await statistics.scheduled(`send/${id}`, 'tomorrow', signal)).toEqual([])
    Object.assign(sim.faults, { withheldWorkspaces: [id], withheldStatus: 403 })
    await expect(statistics.scheduled(`send/${id}`, 'tomorrow', signal)).rejects.toThrow(/HTTP 403|token/)
    sim.faults.withheldWorkspaces = []
    await expect(statistics.total('send/999', from, to, signal)).rejects.toThrow(/no workspace send\/999/)
  })
})

/** With the workspaces known without a database: their tokens are given. */
function bound(source: ReturnType<typeof emailBisonSource>) {
  return {
    statistics: source.statistics,
    prepare: () => source.prepare({ fresh: true, signal: AbortSignal.timeout(20_000) }),
  }
}
