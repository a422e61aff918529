import { describe, expect, it } from 'vitest'
import { type Api, withApi } from './support/api.ts'
import { A, B, fillAgency, some } from './support/agency.ts'
import { insertEvents } from '../support/inbox.ts'
import { mailbox, type World, workspace } from './support/world.ts'

interface Kpis {
  as_of: string
  age_ms: number
  stale: boolean
  month: string
  totals: Record<string, number | null>
  workspaces: Record<string, unknown>[]
}

const BOLT = encodeURIComponent('Bolt & Söhne/2')
const MARCH = '2026-03-05T12:00:00Z'

/** Two clients with a March behind them. */
async function fillMarch(world: World): Promise<void> {
  await world.apply(workspace(A, 'Acme'), workspace(B, 'Bolt & Söhne/2'))
  await world.db
    .query(`update client_registry set monthly_kpi_target = 10, monthly_sending_target = 310, price_per_lead = 20;
    update client_registry set billing_type = 'retainer', retainer_amount = 500, monthly_kpi_target = 2 where scope = '${B}'`)
  await world.record(
    ...some(1, A, 'email_sent', '2026-01-01T12:00:00Z'),
    ...some(1, B, 'email_sent', '2026-01-01T12:00:00Z'),
    ...some(400, A, 'email_sent', MARCH),
    ...some(100, B, 'email_sent', MARCH),
    ...some(6, A, 'lead_interested', MARCH),
    ...some(3, B, 'lead_interested', '2026-03-31T23:00:00Z'),
    ...some(5, A, 'lead_replied', MARCH),
  )
}

describe('figures', () => {
  it('of a month are those of the functions, with totals that are counted in the database', async () => {
    await withApi(async (api, world) => {
      await fillMarch(world)
      const kpis = await api.get<Kpis>('/kpis?month=2026-03')
      const direct =
        await world.rows(`select workspace_name, leads, lead_progress::float8, emails_sent, reply_rate::float8,
        client_status from portal_kpis('2026-03-01') order by 1`)
      expect(
        kpis.workspaces.map((row) =>
          Object.fromEntries(Object.keys(direct[0] ?? {}).map((k) => [k, row[k]])),
        ),
      ).toEqual(direct)
      expect(kpis).toMatchObject({ month: '2026-03', stale: false })
      expect(kpis.totals).toEqual({
        clients: 2, leads: 9, lead_target: 12, lead_progress: 75, projected_leads: 9, projected_progress: 75,
        emails_sent: 500, replies: 5, reply_rate: 1, above: 1, ontrack: 0, below: 1,
      }) // prettier-ignore
      const ahead = await api.get<Kpis>('/kpis?month=2099-01')
      expect(ahead.totals, 'a month that has not begun').toMatchObject({
        leads: 0,
        projected_leads: null,
        projected_progress: null,
        reply_rate: null,
      })
      const volume = await api.get<Kpis>('/volume?month=2026-03')
      expect(volume.totals).toMatchObject({
        clients: 2,
        emails_sent: 500,
        sending_target: 620,
        progress: 80.65,
        on_pace: 1,
        behind: 1,
      })
      expect(volume.workspaces.map((row) => row['workspace_name'])).toEqual(['Acme', 'Bolt & Söhne/2'])
      const revenue = await api.get<Kpis>('/revenue?month=2026-03')
      expect(revenue.totals).toEqual({
        clients: 2, leads: 9, revenue: 620, possible: 700, gap: 80, costs: 0, profit: 620, margin: 100,
      }) // prettier-ignore
      const daily = await api.get<{ totals: object; days: object[] }>('/revenue/daily?month=2026-03')
      expect(daily.totals).toEqual({ leads: 6, revenue: 120 })
      expect(daily.days).toEqual([{ day: '2026-03-05', leads: 6, revenue: 120, running_revenue: 120 }])
      const recap = await api.get<Kpis & { day: string }>('/volume/recap?day=2026-03-05')
      expect(recap).toMatchObject({
        day: '2026-03-05',
        totals: { emails_sent: 500, leads: 6, revenue: 120, clients_unknown: 0 },
      })
    })
  })

  it('of one workspace are its own, under its name', async () => {
    await withApi(async (api, world) => {
      await fillMarch(world)
      for (const path of ['/kpis', '/volume', '/revenue', '/volume/recap', '/mailboxes/capacity']) {
        const { workspaces } = await api.get<Kpis>(`${path}?workspace=${BOLT}`)
        expect(
          workspaces.map((row) => row['workspace_name']),
          path,
        ).toEqual(['Bolt & Söhne/2'])
      }
      const { totals } = await api.get<Kpis>(`/kpis?month=2026-03&workspace=${BOLT}`)
      expect(totals).toMatchObject({ clients: 1, leads: 3, emails_sent: 100 })
      for (const path of [
        '/kpis',
        '/volume',
        '/revenue',
        '/metrics',
        '/drift',
        '/mailboxes',
        '/leads',
        '/leads/board',
        '/replies',
        '/campaigns',
        '/alerts',
      ])
        expect(await api.fail('GET', `${path}?workspace=Nobody`), path).toMatchObject({
          status: 404,
          code: 'not_found',
          message: 'there is no workspace "Nobody"',
        })
      expect(await api.fail('GET', '/workspaces/Nobody')).toMatchObject({ status: 404, code: 'not_found' })
    })
  })

  it('without a month are of the present one, and count a lead that the vendor’s clock puts a moment ahead', async () => {
    await withApi(async (api, world) => {
      await fillMarch(world)
      const today = await world.value<string>('business_date()::text')
      const end = Date.parse(await world.value<string>('business_day_start(business_date() + 1)::text'))
      const ahead = new Date(Math.min(Date.now() + 20_000, end - 1)).toISOString()
      await world.record(
        ...some(1, A, 'lead_interested', ahead),
        ...some(1, A, 'lead_interested', new Date(Date.now() + 7_200_000).toISOString()),
      )
      const kpis = await api.get<Kpis>('/kpis')
      expect(kpis.month).toBe(today.slice(0, 7))
      expect(kpis.totals['leads']).toBe(1 + (kpis.month === '2026-03' ? 9 : 0))
      expect(Date.parse(kpis.as_of)).toBeLessThanOrEqual(Date.now())
      expect(kpis.age_ms).toBeGreaterThanOrEqual(0)
    })
  })

  it('of a workspace by day are the rows of client_metrics', async () => {
    await withApi(async (api, world) => {
      await fillMarch(world)
      const { days } = await api.get<{ days: Record<string, unknown>[] }>(
        `/metrics?workspace=${BOLT}&from=2026-03-01&to=2026-03-31`,
      )
      expect(
        days.map((row) => [row['metric_date'], row['emails_sent_mtd'], row['positive_replies_mtd']]),
      ).toEqual([
        ['2026-03-31', 100, 3],
        ['2026-03-05', 100, 0],
      ])
    })
  })

  it('of workspaces have their settings, counts and freshness', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const { workspaces, total } = await api.get<{ total: number; workspaces: Record<string, unknown>[] }>(
        '/workspaces',
      )
      expect(total).toBe(2)
      expect(workspaces[0]).toMatchObject({
        workspace_name: 'Acme',
        scope: A,
        monthly_kpi_target: 10,
        price_per_lead: 20,
        counts: {
          mailboxes: 2, connected_mailboxes: 1, campaigns: 1, active_campaigns: 1, leads: 3, interested: 3, won: 0,
          replies_to_handle: 1,
        },
        freshness: { mailboxes_read_at: expect.any(String), campaigns_read_at: null, statistics_read_at: expect.any(String) },
      }) // prettier-ignore
      await world.db.query(`update client_registry set is_active = false where scope = '${A}'`)
      const active = await api.get<typeof workspaces & { workspaces: unknown[] }>('/workspaces?active=true')
      expect(active.workspaces).toHaveLength(1)
      const { workspace } = await api.get<{ workspace: object }>(`/workspaces/${BOLT}`)
      expect(workspace).toMatchObject({ scope: B, billing_type: 'retainer' })
    })
  })

  it('of mailboxes, providers and drift are those of their functions', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const capacity = await api.get<Kpis>('/mailboxes/capacity')
      expect(capacity.totals).toMatchObject({ mailboxes: 3, connected: 2, available: 20 })
      expect(await api.get('/mailboxes/status')).toMatchObject({
        total: 3,
        connected: 2,
        failed: 1,
        disconnect_rate: 33.33,
      })
      const { alerts } = await api.get<{ alerts: Record<string, unknown>[] }>(
        '/mailboxes/alerts?workspace=Acme',
      )
      expect(alerts.map((row) => row['rule'])).toEqual(expect.arrayContaining(['burnt', 'disconnected']))
      const { providers } = await api.get<{ providers: Record<string, unknown>[] }>('/providers')
      expect(
        providers.map((row) => [row['email_provider'], row['total_sent'], row['avg_reply_rate']]),
      ).toEqual([
        ['Google', 360, 0.56],
        ['Outlook', 100, null],
      ])
      const { rates } = await api.get<{ rates: Record<string, unknown>[] }>('/providers/rates?min_sent=70')
      expect(
        rates.filter((row) => row['dimension'] === 'provider').map((row) => [row['name'], row['mailboxes']]),
      ).toEqual([
        ['Outlook', 1],
        ['Google', 1],
      ])
      const { snapshots } = await api.get<{ snapshots: Record<string, unknown>[] }>(
        '/providers/history?provider=google',
      )
      expect(snapshots.map((row) => [row['email_provider'], row['sent_delta']])).toEqual([
        ['Google', 20],
        ['Google', null],
      ])
      const drift = await api.get<{ totals: object; drift: unknown[] }>(
        '/drift?workspace=Acme&metric=emails_sent',
      )
      expect(drift).toMatchObject({
        totals: { compared: 2, within_tolerance: 2, beyond_tolerance: 0, largest: 0 },
      })
      expect(drift.drift).toHaveLength(2)
      expect((await api.get<{ drift: unknown[] }>('/drift?beyond=true')).drift).toEqual([])
    })
  })

  it('of health name what is not well', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const told = { app: 'portal', type: 'email_sent', body: '{}', status: 'processed' } as const
      await insertEvents(world.db, [
        { ...told, key: 'a', stream: A, hoursAgo: 1 },
        { ...told, key: 'b', stream: B, hoursAgo: 30 },
        { ...told, key: 'c', stream: B, hoursAgo: 40 },
      ])
      const health = await api.get<Record<string, unknown>>('/health')
      expect(health).toMatchObject({
        status: 'warning',
        alerts: { open: 1, critical: 0 },
        streams: [{ stream: `${A}/sender-emails`, workspace_name: 'Acme', status: 'partial', error: '2 rows without an id' }],
        webhooks: [
          { workspace_name: 'Acme', webhook_count_24h: 1 },
          { workspace_name: 'Bolt & Söhne/2', webhook_count_24h: 0, last_webhook_at: expect.any(String) },
        ],
        summary: [
          { workspace_name: 'Bolt & Söhne/2', minutes_since_webhook: expect.closeTo(1_800, 0) },
          { workspace_name: 'Acme', minutes_since_webhook: expect.closeTo(60, 0) },
        ],
      }) // prettier-ignore
      const open = await api.get<{ total: number; alerts: object[] }>('/alerts')
      expect(open).toMatchObject({
        total: 1,
        alerts: [{ workspace_name: 'Acme', detail: 'few', closed_at: null }],
      })
      const past = await api.get<{ alerts: object[] }>('/alerts?state=past')
      expect(past).toMatchObject({
        total: 1,
        alerts: [{ workspace_name: 'Bolt & Söhne/2', level: 'critical' }],
      })
    })
  })
})

describe('lists', () => {
  const keysOf = async (api: Api, path: string): Promise<unknown[]> =>
    (await api.get<{ mailboxes: { bison_key: string }[] }>(path)).mailboxes.map(({ bison_key }) => bison_key)

  it('of mailboxes filter, sort, and count all that they leave to the next page', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      expect(await keysOf(api, '/mailboxes')).toEqual([`${A}/1`, `${A}/2`, `${B}/3`])
      expect(await keysOf(api, '/mailboxes?workspace=Acme&status=FAILED')).toEqual([`${A}/2`])
      expect(await keysOf(api, '/mailboxes?provider=google&reseller=zapmail')).toEqual([`${A}/1`])
      expect(await keysOf(api, '/mailboxes?rule=burnt')).toEqual([`${A}/1`])
      expect(await keysOf(api, '/mailboxes?search=BOX3@')).toEqual([`${B}/3`])
      expect(await keysOf(api, '/mailboxes?search=%25'), 'no wildcards').toEqual([])
      expect(await keysOf(api, '/mailboxes?needs_review=true')).toEqual([`${A}/2`])
      expect(await keysOf(api, '/mailboxes?sort=emails_sent&order=desc')).toEqual([
        `${A}/1`,
        `${A}/2`,
        `${B}/3`,
      ])
      const first = await api.get<{ total: number; next_cursor: string; sums: object }>('/mailboxes?limit=2')
      expect(first).toMatchObject({ total: 3, sums: { emails_sent: 460, total_replies: 9 } })
      const rest = `/mailboxes?limit=2&cursor=${first.next_cursor}`
      expect(await keysOf(api, rest)).toEqual([`${B}/3`])
      expect(await api.get(rest)).toMatchObject({ total: 3, next_cursor: null })
    })
  })

  it('go on behind the last row also where rows are equal, unknown, or added meanwhile', async () => {
    await withApi(async (api, world) => {
      await world.apply(workspace(A, 'Acme'))
      await world.apply(
        ...Array.from({ length: 40 }, (_, i) =>
          mailbox(A, 100 + i, i % 3 === 0 ? {} : { emails_sent_count: i % 2 }),
        ),
      )
      for (const order of ['asc', 'desc'])
        for (const sort of ['email', 'emails_sent', 'reply_rate', 'daily_limit', 'price']) {
          const seen: unknown[] = []
          let cursor: string | null = null
          do {
            const path: string = `/mailboxes?sort=${sort}&order=${order}&limit=7${cursor === null ? '' : `&cursor=${cursor}`}`
            const page = await api.get<{ mailboxes: { bison_key: string }[]; next_cursor: string | null }>(
              path,
            )
            seen.push(...page.mailboxes.map(({ bison_key }) => bison_key))
            cursor = page.next_cursor
          } while (cursor !== null)
          expect(new Set(seen).size, `${sort} ${order}`).toBe(40)
          expect(seen).toHaveLength(40)
        }
    })
  })

  it('of campaigns and replies filter, and show the newest replies first', async () => {
    await withApi(async (api, world) => {
      await fillAgency(world)
      const names = async (query: string): Promise<unknown[]> =>
        (await api.get<{ campaigns: { campaign_name: string }[] }>(`/campaigns${query}`)).campaigns.map(
          (row) => row.campaign_name,
        )
      expect(await names('')).toEqual(['Autumn', 'Spring'])
      expect(await names('?active=true')).toEqual(['Spring'])
      expect(await names(`?workspace=${BOLT}&search=AUT&status=paused`)).toEqual(['Autumn'])
      const replies = async (query: string): Promise<unknown[]> =>
        (await api.get<{ replies: { lead_email: string }[] }>(`/replies${query}`)).replies.map(
          (row) => row.lead_email,
        )
      await world.db.query(
        `update lead_replies set reply_date = '2026-03-05T12:00:00Z' where bison_key = '${A}/7001'`,
      )
      expect(await replies('')).toEqual(['kim@x.test', 'pat@x.test'])
      expect(await replies('?interested=true')).toEqual(['pat@x.test'])
      expect(await replies('?search=TELL')).toEqual(['pat@x.test'])
      expect(await replies('?from=2026-03-05&to=2026-03-05')).toEqual(['pat@x.test'])
      await world.db.query(
        `update lead_replies set reply_type = 'Outgoing Email' where bison_key = '${A}/7001'`,
      )
      expect(await replies('')).toEqual(['kim@x.test'])
      expect(await replies('?direction=out')).toEqual(['pat@x.test'])
    })
  })
})
