import { describe, expect, it } from 'vitest'
import type { Fact } from '../../src/sources/contract.ts'
import { fact, mailbox, type World, withWorld, workspace } from './support/world.ts'

const A = 'send/1'
const AS_OF = '2026-03-16T04:59:59Z' // The last second of 15 March in Chicago.
let ids = 0

const some = (count: number, scope: string, type: string, at: string): Fact[] =>
  Array.from({ length: count }, () => {
    ids++
    return fact(scope, type, `reply:r${ids}`, at, { lead: { id: ids, email: `l${ids}@x.test` } })
  })

async function fill(world: World): Promise<void> {
  await world.apply(workspace(A, 'Acme'), workspace('send/2', 'Bolt'), workspace('send/3', 'Corp'))
  await world.db
    .query(`update client_registry set monthly_kpi_target = 10, monthly_sending_target = 310, price_per_lead = 20
    where workspace_name = 'Acme'`)
  await world.db
    .query(`update client_registry set billing_type = 'retainer', retainer_amount = 500, monthly_kpi_target = 4,
    monthly_sending_target = 200, daily_sending_target = 9 where workspace_name = 'Bolt'`)
  await world.record(
    ...some(1, A, 'email_sent', '2026-01-01T12:00:00Z'),
    ...some(100, A, 'email_sent', '2026-03-05T12:00:00Z'),
    ...some(60, 'send/2', 'email_sent', '2026-03-14T12:00:00Z'),
    ...some(4, A, 'lead_interested', '2026-02-10T12:00:00Z'),
    // The first and the last second of the month's first half here.
    ...some(1, A, 'lead_interested', '2026-03-01T06:00:00Z'),
    ...some(2, A, 'lead_interested', '2026-03-04T12:00:00Z'),
    ...some(3, A, 'lead_interested', AS_OF),
    ...some(5, A, 'lead_interested', '2026-03-16T05:00:00Z'),
    ...some(1, A, 'lead_replied', '2026-03-06T12:00:00Z'),
  )
}

describe('figures of a month', () => {
  it('count leads by the first interest, in the agency’s days, up to the moment asked', async () => {
    await withWorld(async (world) => {
      await fill(world)
      const [acme] = await world.rows(`select * from portal_kpis('2026-03-10', $1)`, [AS_OF])
      expect(acme).toMatchObject({
        workspace_name: 'Acme', days_elapsed: 15, days_in_month: 31, leads: 6, lead_target: 10, lead_progress: '60.00',
        projected_leads: 12, projected_progress: '120.00', leads_last_7_days: 3, leads_last_14_days: 5,
        leads_last_30_days: 6, week_over_week: '50.00', leads_last_month: 4, versus_last_month: '50.00',
        client_status: 'ontrack', color: 'red', emails_sent: 100, replies: 1, reply_rate: '1.00',
        reply_rate_status: 'good', emails_sent_source: 'ledger',
      }) // prettier-ignore
    })
  })

  it('leave out deleted leads, and keep a month that is over as it was', async () => {
    await withWorld(async (world) => {
      await fill(world)
      await world.db.query(
        `select delete_lead(id) from client_leads where interested_at = '2026-02-10T12:00:00Z' limit 1`,
      )
      const kpis = async (month: string, asOf: string): Promise<unknown> => {
        const [acme] = await world.rows(`select * from portal_kpis($1, $2)`, [month, asOf])
        return [acme?.['leads'], acme?.['days_elapsed'], acme?.['projected_leads']]
      }
      expect(await kpis('2026-02-01', AS_OF)).toEqual([3, 28, 3])
      expect(await kpis('2026-03-31', '2026-06-01T00:00:00Z')).toEqual([11, 31, 11])
      expect(await kpis('2026-04-01', AS_OF), 'not begun').toEqual([0, 0, null])
    })
  })

  it('show the vendor’s mails where the ledger began too late, and both with their difference', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Acme'))
      await world.record(...some(3, A, 'email_sent', '2026-03-10T12:00:00Z'))
      await world.db.query(
        `insert into vendor_metrics (scope, metric_date, period, emails_sent, polled_at)
        values ($1, '2026-03-14', 'mtd', 50, now())`,
        [A],
      )
      const read = (month: string): Promise<unknown> =>
        world.row(
          `select emails_sent as n, emails_sent_source as source, emails_sent_drift as drift
          from portal_kpis($1, '2026-04-20T00:00:00Z')`,
          [month],
        )
      await world.db.query(
        `insert into vendor_metrics (scope, metric_date, period, emails_sent, polled_at)
         select $1, d, 'day', 2, now() from generate_series('2026-02-01'::date, '2026-02-28', '1 day') as d`,
        [A],
      )
      expect(await read('2026-02-01'), 'all its days').toEqual({ n: 56, source: 'vendor', drift: -56 })
      await world.db.query(`delete from vendor_metrics where metric_date = '2026-02-03'`)
      expect(await read('2026-02-01'), 'not all').toEqual({ n: 0, source: 'ledger', drift: null })
      expect(await read('2026-03-01')).toEqual({ n: 50, source: 'vendor', drift: -47 })
      expect(await read('2026-04-01')).toEqual({ n: 0, source: 'ledger', drift: null })
    })
  })

  it('measure volume against quota, and order it as the page does', async () => {
    await withWorld(async (world) => {
      await fill(world)
      const rows = await world.rows(`select * from portal_volume('2026-03-01', $1)`, [AS_OF])
      expect(
        rows.map((r) => [
          r['workspace_name'],
          r['category'],
          r['is_on_track'],
          r['projected_emails'],
          r['daily_goal'],
        ]),
      ).toEqual([
        ['Bolt', 'Behind', false, 124, 9],
        ['Acme', 'Behind', false, 207, 10],
        ['Corp', null, true, 0, 0],
      ])
      expect(rows[1]).toMatchObject({
        daily_quota: '10.00',
        expected_by_now: '150.00',
        projected_progress: '66.77',
      })
      await world.db.query(
        `insert into vendor_metrics (scope, metric_date, period, emails_scheduled_today, emails_scheduled_tomorrow, polled_at)
        values ($1, '2026-03-15', 'mtd', 8, 9, now())`,
        [A],
      )
      expect(await world.row(`select * from portal_volume_banner($1)`, [AS_OF])).toMatchObject({
        scheduled_today: 8, daily_goal: 10, today_progress: '80.00', status: 'Below Target', tomorrow_change: '12.50',
        tomorrow_trend: 'up', clients: 3, clients_unread: 2,
      }) // prettier-ignore
    })
  })

  it('tell what a day brought: ours, the vendor’s, a difference with its anchor, or unknown', async () => {
    await withWorld(async (world) => {
      await world.apply(...[1, 2, 3, 4, 5].map((i) => workspace(`send/${i}`, `W${i}`)))
      await world.db.query(`update client_registry set price_per_lead = 20`)
      await world.record(
        ...some(1, A, 'email_sent', '2026-02-01T12:00:00Z'),
        ...some(2, A, 'lead_interested', '2026-03-05T12:00:00Z'),
      )
      await world.db
        .query(`insert into vendor_metrics (scope, metric_date, period, emails_sent, polled_at) values
        ('send/2', '2026-03-05', 'day', 7, now()), ('send/3', '2026-03-03', 'mtd', 10, now()),
        ('send/3', '2026-03-05', 'mtd', 25, now()), ('send/4', '2026-03-05', 'mtd', 25, now()),
        ('send/5', '2026-03-01', 'mtd', 4, now()), ('send/5', '2026-02-28', 'mtd', 900, now())`)
      const recap = async (day: string): Promise<unknown[]> =>
        (await world.rows('select * from portal_daily_recap($1)', [day])).map((r) => [
          r['emails_sent'], r['emails_sent_source'], r['since'], r['leads'], r['revenue'],
        ]) // prettier-ignore
      expect(await recap('2026-03-05')).toEqual([
        [0, 'ledger', null, 2, '40.00'],
        [7, 'vendor', null, 0, '0.00'],
        [15, 'difference', '2026-03-03', 0, '0.00'],
        [null, null, null, 0, '0.00'],
        [null, null, null, 0, '0.00'],
      ])
      expect((await recap('2026-03-01'))[4], 'a month begins at 0').toEqual([
        4,
        'difference',
        '2026-02-28',
        0,
        '0.00',
      ])
    })
  })

  it('add up to one revenue on every page, by lead or by retainer, with costs that nobody invented', async () => {
    await withWorld(async (world) => {
      await fill(world)
      await world.apply(
        mailbox(A, 1, { tags: ['Google'] }),
        mailbox(A, 2, { tags: ['Google'], status: 'Failed' }),
      )
      await world.db.query(`insert into client_costs values ('Bolt', '2026-03', 600)`)
      const rows = await world.rows(`select * from portal_revenue('2026-03-01', $1)`, [AS_OF])
      expect(
        rows.map((r) => [
          r['workspace_name'],
          r['revenue'],
          r['possible'],
          r['costs'],
          r['profit'],
          r['margin'],
        ]),
      ).toEqual([
        ['Bolt', '500.00', '500.00', '600.00', '-100.00', '-20.00'],
        ['Acme', '120.00', '200.00', '3.00', '117.00', '97.50'],
        ['Corp', '0.00', '0.00', '0.00', '0.00', null],
      ])
      expect(await world.row(`select * from portal_revenue_forecast('2026-03-01', $1)`, [AS_OF])).toMatchObject({
        revenue: '620.00', possible: '700.00', gap: '80.00', daily_average: '41.33', linear: '1281.33',
        conservative: '700.00', billable_revenue: '120.00', billable_conservative: '200.00', billable_optimistic: '223.23',
        average_progress: '30.00', confidence: 'low',
      }) // prettier-ignore
      expect(await world.row(`select * from portal_revenue_forecast('2026-02-01', $1)`, [AS_OF])).toMatchObject({
        linear: null, conservative: null, billable_conservative: null, confidence: null,
      }) // prettier-ignore
      expect(await world.rows(`select * from get_daily_billable_revenue('2026-03')`)).toEqual([
        { day: '2026-03-01', leads: 1, revenue: '20.00', running_revenue: '20.00' },
        { day: '2026-03-04', leads: 2, revenue: '40.00', running_revenue: '60.00' },
        { day: '2026-03-15', leads: 3, revenue: '60.00', running_revenue: '120.00' },
        { day: '2026-03-16', leads: 5, revenue: '100.00', running_revenue: '220.00' },
      ])
    })
  })

  it('warn of what cannot be right', async () => {
    await withWorld(async (world) => {
      await fill(world)
      await world.db.query(`update client_registry set monthly_kpi_target = 0 where workspace_name <> 'Bolt'`)
      await world.db.query(`select increment_metric('Bolt', 'opens_mtd', -1)`)
      expect(await world.rows('select workspace_name as w, warning from portal_warnings()')).toEqual([
        { w: 'Acme', warning: 'no target' },
        { w: 'Bolt', warning: 'a negative count' },
        { w: 'Corp', warning: 'no target' },
      ])
    })
  })
})
