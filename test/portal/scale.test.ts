import { expect, it } from 'vitest'
import { openAlerts } from '../../src/alerts/alerts.ts'
import { readStatus } from '../../src/http/status.ts'
import { readStandings } from '../../src/lanes/standing.ts'
import type { BisonInstance } from '../../sim/email-bison/index.ts'
import { type VirtualPortal, withVirtualPortal } from './support/virtual-portal.ts'

const MINUTE = 60_000
/** What is asked of one installation at most: nine tenths of the 340 calls that have run for days unrefused. */
const BUDGET = 306

type Entry = BisonInstance['requests']['last'][number]

const gapsOf = (times: readonly number[]): number[] => times.slice(1).map((at, i) => at - (times[i] ?? at))

/** When each workspace's list was begun, in order. */
function beginnings(instance: BisonInstance, path: string, since: number): Map<number, number[]> {
  const firsts = instance.requests.last.filter(
    (entry) => entry.at >= since && entry.path === path && !entry.query.includes('cursor='),
  )
  return new Map(
    [...Map.groupBy(firsts, ({ workspaceId }) => workspaceId ?? 0)].map(([id, entries]) => [
      id,
      entries.map(({ at }) => at),
    ]),
  )
}

/** The most calls in any stretch of so many milliseconds. */
function busiest(entries: readonly Entry[], ms: number): number {
  let [most, first] = [0, 0]
  for (const [i, { at }] of entries.entries()) {
    while ((entries[first]?.at ?? 0) <= at - ms) first++
    most = Math.max(most, i - first + 1)
  }
  return most
}

const addOne = (counts: number[], i: number): void => void (counts[i] = (counts[i] ?? 0) + 1)

async function rowsOf({ db }: VirtualPortal, scope: string): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from sender_emails_cache where starts_with(bison_key, $1)`,
    [`${scope}/`],
  )
  return rows[0]?.n ?? 0
}

const pick = ({ world }: BisonInstance) => {
  // Not the first: that is the one that the listing token stands for.
  const found = world.workspaces.slice(1).find(({ senders }) => senders.length > 30 && senders.length < 200)
  if (found === undefined) throw new Error('no workspace of a middling size')
  return found
}

const ESTATE = {
  instances: 2,
  workspaces: 49,
  mailboxes: 12_000,
  campaigns: 4,
  leads: 5,
  historyDays: 0,
  // The vendor refuses what is more than its limit.
  settings: { callsPerMinute: 340, rateScope: 'instance', perPageEverywhere: true },
} as const

it('12,000 mailboxes in 49 workspaces of two instances are kept five minutes old within budget, and two that cannot be read hold nobody', async () => {
  await withVirtualPortal({ sim: ESTATE, latencyMs: 500, staleMinMs: 4 * MINUTE }, async (portal) => {
    const { db, time, sim, slack, pipeline } = portal
    const { rows } = await db.query<{ n: number }>('select count(*)::int as n from sender_emails_cache')
    expect(rows[0]?.n).toBe(12_000)
    // Where a hundred a page are given, no more calls are made than that takes.
    for (const { requests, world } of sim.instances) {
      const pages = world.workspaces.map(({ senders }) => Math.max(1, Math.ceil(senders.length / 100)))
      expect(requests.count('GET /api/sender-emails')).toBe(pages.reduce((sum, n) => sum + n, 0))
    }
    const [one, two] = sim.instances
    if (one === undefined || two === undefined) throw new Error('no instances')
    const [ill, revoked] = [pick(one), pick(two)]
    const scopes = [`send/${ill.id}`, `dedi/${revoked.id}`]
    const before = await Promise.all(scopes.map((scope) => rowsOf(portal, scope)))
    for (const instance of sim.instances) {
      // From now on as the vendor is: 15 a page.
      instance.settings.perPageEverywhere = false
      instance.requests.reset()
      instance.requests.keptMax = 1e6
    }
    one.faults.withheldWorkspaces = [ill.id]
    Object.assign(two.faults, { withheldWorkspaces: [revoked.id], withheldStatus: 403 })
    const since = time.now
    portal.run()
    await time.pass(6 * MINUTE)

    const alerts = await openAlerts(db, 'portal')
    expect(alerts.map(({ stream, condition }) => `${stream} ${condition}`).sort()).toEqual(
      scopes.map((scope) => `${scope} stale`).sort(),
    )
    for (const [scope, workspace, why] of [
      [scopes[0], ill, 'HTTP 500'],
      [scopes[1], revoked, "Check the workspace's token"],
    ] as const) {
      const name = workspace.name.trim()
      const alert = alerts.find(({ stream }) => stream === scope)
      expect(alert?.detail).toContain(`${name}: campaigns`)
      expect(alert?.detail).toContain(why)
      expect(JSON.stringify(slack.messages('alerts'))).toContain(`${name}: campaigns`)
    }
    const status = await readStatus(db, pipeline)
    const mailboxes = status.tables.find(({ table }) => table === 'sender_emails_cache')
    expect(mailboxes).toMatchObject({ state: 'partial', streams: 49, rows: 12_000 })
    expect(mailboxes?.ailing.map(({ name }) => name).sort()).toEqual(
      [ill, revoked].map(({ name }) => `${name.trim()}: mailboxes`).sort(),
    )
    expect(await Promise.all(scopes.map((scope) => rowsOf(portal, scope)))).toEqual(before)

    for (const instance of sim.instances) {
      const { last, byStatus } = instance.requests
      expect(byStatus['429']).toBeUndefined()
      expect(busiest(last, MINUTE)).toBeLessThanOrEqual(BUDGET)
      // And not in the first seconds of each minute: a sixth of it in ten seconds, with the ten that may come at once.
      expect(busiest(last, 10_000)).toBeLessThanOrEqual(BUDGET / 6 + 10)
      const failing = instance === one ? ill.id : revoked.id
      const promises = { '/api/sender-emails': 5, '/api/campaigns': 1, '/api/replies': 2 }
      for (const [path, minutes] of Object.entries(promises)) {
        const lists = beginnings(instance, path, since)
        lists.delete(failing)
        expect(lists.size).toBe(instance.world.workspaces.length - 1)
        for (const times of lists.values())
          expect(Math.max(...gapsOf([...times, time.now]))).toBeLessThanOrEqual(minutes * MINUTE)
      }
      // Whole lists, not their first pages alone.
      const pages = instance.world.workspaces
        .filter(({ id }) => id !== failing)
        .reduce((sum, { senders }) => sum + Math.max(1, Math.ceil(senders.length / 15)), 0)
      expect(instance.requests.count('GET /api/sender-emails')).toBeGreaterThanOrEqual(pages)
    }

    Object.assign(one.faults, { withheldWorkspaces: [] })
    Object.assign(two.faults, { withheldWorkspaces: [] })
    await time.pass(3 * MINUTE)
    expect(await openAlerts(db, 'portal')).toEqual([])
    const recovered = await db.query<{ n: number }>(
      `select count(*)::int as n from lockstep.notifications where dedupe_key like 'alert closed%'`,
    )
    expect(recovered.rows[0]?.n).toBe(2)
    const after = await readStatus(db, pipeline)
    expect(after.tables.find(({ table }) => table === 'sender_emails_cache')?.state).toBe('whole')
    const standings = await readStandings(db, 'portal', pipeline.source.streams, {
      sinceMs: 0,
      staleMinMs: 0,
    })
    expect(standings.filter(({ stale, failing }) => stale || failing)).toEqual([])
  })
}, 300_000)

it('an installation that lets us wait, and workspaces that cannot be read, hold nobody else', async () => {
  const sim = { ...ESTATE, workspaces: 24, mailboxes: 600, campaigns: 1 }
  await withVirtualPortal({ sim, latencyMs: 500 }, async ({ time, sim, run }) => {
    const [waiting, failing] = sim.instances
    if (waiting === undefined || failing === undefined) throw new Error('no instances')
    waiting.faults.http429 = 1
    failing.faults.withheldWorkspaces = failing.world.workspaces.slice(3).map(({ id }) => id)
    failing.requests.keptMax = 1e6
    const since = time.now
    run()
    await time.pass(8 * MINUTE)
    expect(waiting.requests.byStatus['429']).toBeGreaterThan(5)
    const well = failing.world.workspaces.slice(0, 3).map(({ id }) => id)
    for (const [path, minutes] of Object.entries({
      '/api/sender-emails': 5,
      '/api/campaigns': 1,
      '/api/replies': 2,
    })) {
      const lists = beginnings(failing, path, since)
      for (const id of well)
        expect(Math.max(...gapsOf([...(lists.get(id) ?? []), time.now]))).toBeLessThanOrEqual(
          minutes * MINUTE,
        )
    }
  })
}, 300_000)

it('after a night without a node all is due at once; then the workspaces’ turns draw apart, and quiet ones are asked less often', async () => {
  const settings = { ...ESTATE.settings, perPageEverywhere: false }
  const sim = { ...ESTATE, instances: 1, mailboxes: 735, campaigns: 1, settings }
  await withVirtualPortal({ sim, latencyMs: 200 }, async (portal) => {
    const { time, sim } = portal
    const { world, requests, act } = sim
    // Only the first nine are at work.
    for (const { id, campaigns } of world.workspaces.slice(9))
      for (const { id: campaign } of campaigns) act.pauseCampaign(id, { campaign })
    await time.pass(8 * 60 * MINUTE)
    requests.keptMax = 1e6
    requests.reset()
    const since = time.now
    portal.run()
    await time.pass(23 * MINUTE)

    const settled = since + 14 * MINUTE
    const mailboxes = beginnings(sim, '/api/sender-emails', since)
    const perHalfMinute = Array.from({ length: 18 }, () => 0)
    for (const at of [...mailboxes.values()].flat())
      if (at >= settled) addOne(perHalfMinute, Math.floor((at - settled) / (MINUTE / 2)))
    // 49 in four and a half minutes are between five and six in half a minute.
    expect(Math.max(...perHalfMinute)).toBeLessThanOrEqual(14)
    expect(perHalfMinute.filter((n) => n > 0).length).toBeGreaterThanOrEqual(16)

    const campaigns = beginnings(sim, '/api/campaigns', settled)
    for (const [i, { id }] of world.workspaces.entries()) {
      const gaps = gapsOf(campaigns.get(id) ?? [])
      const [least, most] = i < 9 ? [0, MINUTE] : [3 * MINUTE, 5 * MINUTE]
      expect(Math.max(...gaps)).toBeLessThanOrEqual(most)
      expect(Math.min(...gaps)).toBeGreaterThan(least)
    }

    // The arithmetic of docs/email-bison.md: reads a period, a period being nine tenths of the age, times pages. Nine
    // minutes are whole periods of all.
    const minutes = (time.now - settled) / MINUTE
    const pages = world.workspaces.reduce(
      (n, { senders }) => n + Math.max(1, Math.ceil(senders.length / 15)),
      0,
    )
    const expected = {
      '/api/sender-emails': (pages * minutes) / 4.5,
      '/api/campaigns': (9 / 0.9 + 40 / 4.5) * minutes,
      '/api/replies': (9 / 1.8 + 40 / 4.5) * minutes,
    }
    for (const [path, calls] of Object.entries(expected)) {
      const made = requests.last.filter((entry) => entry.at >= settled && entry.path === path).length
      expect(made).toBeGreaterThan(calls * 0.9)
      expect(made).toBeLessThan(calls * 1.1)
    }

    // A mail that is sent puts its workspace to work, though no campaign was seen to begin.
    const quiet = world.workspaces.at(-1)
    if (quiet === undefined) throw new Error('no workspaces')
    await time.until(portal.source.webhooks.register(portal.hook, AbortSignal.timeout(60_000)))
    const [campaign] = quiet.campaigns
    const from = time.now
    act.resumeCampaign(quiet.id, { campaign: campaign?.id ?? 0 })
    act.sendEmail(quiet.id)
    await time.pass(3 * MINUTE)
    const read = beginnings(sim, '/api/campaigns', from).get(quiet.id) ?? []
    expect(Math.max(...gapsOf([from, ...read]))).toBeLessThanOrEqual(MINUTE)
    expect(read.length).toBeGreaterThanOrEqual(3)
  })
}, 300_000)
