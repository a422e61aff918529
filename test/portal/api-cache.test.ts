import { describe, expect, it } from 'vitest'
import { portalJobs } from '../../src/apps/portal/jobs.ts'
import { Database } from '../../src/db/database.ts'
import { NO_NODE, until } from '../support/node.ts'
import { type Api, withApiOn } from './support/api.ts'
import { A, B, fillAgency, some } from './support/agency.ts'
import { mailbox, type World, withWorld } from './support/world.ts'

interface Kpis {
  as_of: string
  age_ms: number
  stale: boolean
  totals: { leads: number; emails_sent: number }
}

/** Two nodes of one database; what is written through `world` neither of them has written. */
async function withNodes(test: (nodes: [Api, Api], world: World) => Promise<void>): Promise<void> {
  await withWorld(async (world) => {
    await fillAgency(world)
    const pools = [1, 2].map(() => new Database({ url: world.db.url, poolSize: 4 }))
    const [one, two] = pools
    if (one === undefined || two === undefined) throw new Error('no pools')
    try {
      await withApiOn(one, (first) => withApiOn(two, (second) => test([first, second], world)))
    } finally {
      await Promise.all(pools.map((pool) => pool.close()))
    }
  })
}

const kpis = (api: Api, workspace?: string): Promise<Kpis> =>
  api.get<Kpis>(`/kpis${workspace === undefined ? '' : `?workspace=${encodeURIComponent(workspace)}`}`)
const BOLT = 'Bolt & Söhne/2'
/** Much sooner than an answer's age alone would have it read again. */
const SOON_MS = 30_000

describe('a cached answer', () => {
  it('shows on every node what any writer committed, and only what concerns it is read again', async () => {
    await withNodes(async (nodes, world) => {
      for (const api of nodes) expect((await kpis(api)).totals).toMatchObject({ leads: 4, emails_sent: 8 })
      const [one, two] = nodes
      await kpis(one, 'Acme')
      const bolt = await kpis(two, BOLT)
      await world.record(
        ...some(2, A, 'lead_interested', new Date().toISOString()),
        ...some(7, A, 'email_sent', new Date().toISOString()),
      )
      const shows = (api: Api, workspace?: string): Promise<Kpis> =>
        until(
          'the new leads',
          () => kpis(api, workspace),
          ({ totals }) => totals.leads >= 5,
          SOON_MS,
        )
      expect((await shows(one, 'Acme')).totals).toMatchObject({ leads: 5, emails_sent: 12 })
      for (const api of nodes) expect((await shows(api)).totals).toMatchObject({ leads: 6, emails_sent: 15 })
      expect((await kpis(two, BOLT)).as_of, 'another workspace’s').toBe(bolt.as_of)
    })
  })

  it('shows what a person moves on another node, and what a poll reads', async () => {
    await withNodes(async ([one, two], world) => {
      const won = async (): Promise<number> =>
        (await one.get<{ workspace: { counts: { won: number } } }>('/workspaces/Acme')).workspace.counts.won
      const connected = async (): Promise<number> =>
        (await one.get<{ connected: number }>('/mailboxes/status')).connected
      expect([await won(), await connected()]).toEqual([0, 2])
      const { leads } = await two.get<{ leads: { id: string }[] }>('/leads?search=pat')
      await two.send('POST', `/leads/${leads[0]?.id}/win`, { premium_amount: 1, policy_type: 'Auto' })
      await world.apply(mailbox(A, 2, { status: 'Connected' }))
      await until('the lead', won, (n) => n === 1, SOON_MS)
      await until('the mailbox', connected, (n) => n === 3, SOON_MS)
    })
  })

  it('follows a workspace that is renamed', async () => {
    await withNodes(async ([one], world) => {
      await kpis(one, 'Acme')
      await world.db.transaction(async (tx) =>
        tx.query(`select portal.name_scopes(array['${A}'], array['Apex'], true)`),
      )
      await until(
        'the old name to go',
        async () => (await one.raw('GET', '/kpis?workspace=Acme')).status,
        (status) => status === 404,
        SOON_MS,
      )
      expect((await kpis(one, 'Apex')).totals.leads).toBe(3)
    })
  })
})

describe('the figures of the cache', () => {
  it('are kept as sums when the reads end, of all nodes together', async () => {
    await withWorld(async (world) => {
      await fillAgency(world)
      for (let node = 0; node < 2; node++)
        await withApiOn(world.db, async (api) => {
          for (let i = 0; i < 10; i++) await kpis(api, 'Acme')
          await api.fail('GET', '/kpis?workspace=Nobody')
          expect(
            await world.rows('select 1 from function_call_logs where called_at > now()'),
            'nothing a read',
          ).toEqual([])
        })
      expect(
        await world.row(
          `select cache_key, workspace_name, hit_count, miss_count, size_bytes > 500 as sized, load_ms is not null as timed,
             expires_at - last_updated_at = interval '60 seconds' as lives, error from data_cache_metadata`,
        ),
      ).toEqual({
        cache_key: 'kpis?workspace=Acme', workspace_name: 'Acme', hit_count: 18, miss_count: 2, sized: true, timed: true,
        lives: true, error: null,
      }) // prettier-ignore
      expect(
        await world.rows(
          `select function_name as name, workspace_name as of, cache_hit as hit, success, sum(calls)::int as calls, count(*)::int as rows
           from function_call_logs where response_time_ms >= 0 group by 1, 2, 3, 4 order by 2, 3 desc`,
        ),
      ).toEqual([
        { name: 'api.kpis', of: 'Acme', hit: true, success: true, calls: 18, rows: 2 },
        { name: 'api.kpis', of: 'Acme', hit: false, success: true, calls: 2, rows: 2 },
        { name: 'api.kpis', of: 'Nobody', hit: false, success: false, calls: 2, rows: 2 },
      ])
      await withApiOn(world.db, async (api) => {
        expect(await api.get('/health')).toMatchObject({
          cache: {
            calls_last_hour: 22,
            hit_rate_last_hour: 81.82,
            entries: [{ cache_key: 'kpis?workspace=Acme' }],
          },
        })
      })
    })
  })

  it('keep why an answer could not be read', async () => {
    await withWorld(async (world) => {
      await fillAgency(world)
      await withApiOn(world.db, async (api) => {
        await kpis(api)
        await world.db.query('alter function portal_kpis rename to away')
        await world.record(...some(1, B, 'email_sent', new Date().toISOString()))
        await until(
          'a stale answer',
          () => kpis(api),
          ({ stale }) => stale,
          SOON_MS,
        )
      })
      expect(await world.row('select error from data_cache_metadata')).toEqual({
        error: expect.stringMatching(/portal_kpis/),
      })
    })
  })

  it('and the marks are let go of by jobs', async () => {
    await withWorld(async (world) => {
      await fillAgency(world)
      await world.db
        .query(`update portal.cache_marks set marked_at = now() - interval '61 minutes' where topic <> 'leads';
        insert into data_cache_metadata (cache_key, last_updated_at) values ('old', now() - interval '8 days'), ('new', now())`)
      for (const job of portalJobs('UTC'))
        if (job.name.startsWith('portal-prune')) await job.run(world.db, new Date(), NO_NODE)
      expect(await world.rows('select distinct topic from portal.cache_marks')).toEqual([{ topic: 'leads' }])
      expect(await world.rows('select cache_key from data_cache_metadata')).toEqual([{ cache_key: 'new' }])
    })
  })
})
