import { describe, expect, it } from 'vitest'
import { until } from '../support/node.ts'
import { type Estate, register, withEstate, workspaceAt } from './support/estate.ts'
import { fact, reply, row, type World, withWorld, workspace } from './support/world.ts'

const A = 'send/1'
const AT = '2026-03-05T15:00:00Z'

const campaign = (world: World, counts: boolean | null, id = 7): Promise<void> =>
  world.apply(row('campaigns', A, id, { bison_campaign_id: id, include_auto_replies_in_stats: counts }))

const absence = (id: number, email: string) =>
  reply(A, id, {
    bison_lead_id: id,
    lead_email: email,
    vendor_created_at: AT,
    bison_campaign_id: 7,
    is_automated: true,
  })

const replies = (world: World): Promise<number> =>
  world.value<number>(
    `coalesce((select all_replies_mtd from client_metrics where metric_date = '2026-03-05'), -1)`,
  )

const leads = (world: World): Promise<unknown[]> =>
  world.rows(
    'select lead_email, pipeline_stage, date_received is not null as received, notes from client_leads order by 1',
  )

describe('automated replies', () => {
  it('of a campaign that leaves them out count nowhere, whichever is known first, as long as it does', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Acme'))
      await world.apply(absence(1, 'away@x.test'))
      await world.record(
        fact(A, 'lead_replied', 'reply:r2', AT, {
          reply: { uuid: 'r2', automated_reply: true },
          campaign: { id: 7 },
          lead: { id: 2, email: 'out@x.test' },
        }),
        fact(A, 'lead_replied', 'reply:r3', AT, {
          reply: { uuid: 'r3', automated_reply: false },
          campaign: { id: 7 },
          lead: { id: 3, email: 'real@x.test' },
        }),
      )
      expect(await replies(world)).toBe(3)
      expect(await leads(world)).toHaveLength(3)
      await campaign(world, false)
      expect(await replies(world)).toBe(1)
      expect(await leads(world)).toMatchObject([{ lead_email: 'real@x.test' }])
      // Later ones too, by either way.
      await world.apply(absence(4, 'late@x.test'))
      await world.record(
        fact(A, 'lead_replied', 'reply:r5', AT, {
          reply: { uuid: 'r5', automated_reply: 1 },
          campaign: { id: 7 },
          lead: { id: 5, email: 'five@x.test' },
        }),
      )
      expect(await replies(world)).toBe(1)
      expect(await leads(world)).toHaveLength(1)
      await campaign(world, true)
      expect(await replies(world)).toBe(5)
      expect(await leads(world)).toHaveLength(5)
    })
  })

  it('of other campaigns count, as do those of a campaign of which nothing is known', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Acme'), absence(1, 'away@x.test'))
      await campaign(world, false, 8)
      await campaign(world, null)
      expect(await replies(world)).toBe(1)
    })
  })

  it('take no lead away that somebody has worked with, and none that has replied otherwise', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Acme'), absence(1, 'away@x.test'), absence(2, 'both@x.test'))
      await world.record(
        fact(A, 'lead_interested', 'reply:r9', AT, { lead: { id: 2, email: 'both@x.test' } }),
      )
      await world.db.query(`update client_leads set notes = 'call in May' where lead_email = 'away@x.test'`)
      await campaign(world, false)
      expect(await leads(world)).toEqual([
        { lead_email: 'away@x.test', pipeline_stage: 'new', received: false, notes: 'call in May' },
        { lead_email: 'both@x.test', pipeline_stage: 'interested', received: true, notes: null },
      ])
      await campaign(world, true)
      expect((await leads(world))[0]).toMatchObject({
        pipeline_stage: 'replied',
        received: true,
        notes: 'call in May',
      })
    })
  })
})

describe('against the vendor’s own statistics', () => {
  const ours = async (estate: Estate): Promise<number | undefined> =>
    (
      await estate.rows<{ n: number }>(
        `select coalesce(sum(count), 0)::int as n from email_daily_counts where event_type = 'lead_replied' and scope = $1`,
        [workspaceAt(estate, 0).scope],
      )
    )[0]?.n

  it('our replies are as many as the vendor counts, learnt by a poll, by webhooks, or by both', async () => {
    await withEstate({ sim: { campaigns: 3 } }, async (estate) => {
      const { act, truth, world } = estate.sim
      const { id, scope } = workspaceAt(estate, 0)
      const [counting, , leavingOut] = world.workspaces[0]?.campaigns ?? []
      expect(leavingOut?.includeAutoReplies).toBe(false)
      const answer = (campaign: number | undefined, automated: boolean): unknown =>
        act.reply(id, { email: act.sendEmail(id, { campaign: campaign ?? 0 }).id, automated })
      const some = (): void => {
        for (const automated of [true, false])
          for (const one of [counting, leavingOut]) answer(one?.id, automated)
      }
      const theirs = (): number => truth.counts(id, 0, Date.now() + 60_000).replied
      some()
      await estate.sync()
      expect(theirs()).toBe(3)
      expect(await ours(estate)).toBe(3)
      await register(estate)
      some()
      await until(
        'the deliveries',
        async () =>
          (await estate.rows(`select 1 from lockstep.inbox_events where event_type = 'lead_replied'`)).length,
        (n) => n === 3,
      )
      await estate.settle()
      expect(await ours(estate)).toBe(6)
      await estate.sync()
      expect(await ours(estate)).toBe(theirs())
      await estate.run('portal-statistics')
      const days = await estate.rows(
        `select replied from vendor_metrics where scope = $1 and period = 'day' and metric_date = business_date()`,
        [scope],
      )
      expect(days).toEqual([{ replied: 6 }])
    })
  })
})
