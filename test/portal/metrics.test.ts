import { describe, expect, it } from 'vitest'
import { keepVendorMetrics } from '../../src/apps/portal/vendor-metrics.ts'
import { fact, type World, withWorld, workspace } from './support/world.ts'

const A = 'send/37'

const call = (world: World, metric: string, n = 1): Promise<unknown> =>
  world.db.query('select increment_metric($1, $2, $3)', ['Northwind', metric, n])

describe('increment_metric', () => {
  it('adds to the column that each name of a metric means, as a row of the ledger', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      const names = [
        'emails_sent_mtd',
        'opens_mtd',
        'replies_mtd',
        'interested_mtd',
        'bounces_mtd',
        'unsubscribes_mtd',
      ]
      for (const [i, name] of names.entries()) await call(world, name, i + 1)
      await call(world, 'bounced_mtd', -2)
      expect(
        await world.row(`select emails_sent_mtd, opens_mtd, all_replies_mtd, positive_replies_mtd, bounced_mtd,
          unsubscribed_mtd, update_source, metric_date = business_date() as today from client_metrics`),
      ).toEqual({
        emails_sent_mtd: 1,
        opens_mtd: 2,
        all_replies_mtd: 3,
        positive_replies_mtd: 4,
        bounced_mtd: 3,
        unsubscribed_mtd: 6,
        update_source: 'manual',
        today: true,
      })
      expect(await world.value(`(select count(*) from email_events where source = 'adjustment')`)).toBe(7)
    })
  })

  it('says which name it does not know', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      await expect(call(world, 'sent')).rejects.toThrow('increment_metric: there is no metric "sent"')
      await expect(world.db.query(`select increment_metric('Nobody', 'opens_mtd')`)).rejects.toThrow(
        /no workspace/,
      )
    })
  })

  it('and events that come at the same time lose nothing of each other', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      const now = new Date().toISOString()
      const ten = [...Array(10).keys()]
      await Promise.all([
        ...ten.map(() => call(world, 'emails_sent_mtd')),
        ...ten.map((i) =>
          world.record(fact(A, 'email_sent', `mail:${i}`, now), fact(A, 'email_sent', `mail:x${i % 3}`, now)),
        ),
      ])
      expect(await world.value('(select emails_sent_mtd from client_metrics)')).toBe(23)
    })
  })
})

describe('rows of metrics', () => {
  it('say by which way they last changed', async () => {
    await withWorld(async (world) => {
      await world.record(fact(A, 'email_sent', 'mail:1', '2026-03-05T15:00:00Z'))
      const row = (): Promise<Record<string, unknown>> =>
        world.row(`select update_source, last_webhook_update_at is not null as told,
          last_poll_update_at is not null as polled, emails_scheduled_today from client_metrics`)
      expect(await row()).toEqual({
        update_source: 'webhook',
        told: true,
        polled: false,
        emails_scheduled_today: null,
      })
      const soon = Date.now() + 60_000
      const read = { scope: A, date: '2026-03-05', period: 'mtd' } as const
      await world.db.transaction(async (tx) => {
        await keepVendorMetrics(tx, [
          { ...read, polledAtMs: soon, figures: { emails_scheduled_today: 40 } },
          { ...read, polledAtMs: soon - 1, figures: { emails_sent: 9, emails_scheduled_today: 1 } },
        ])
        await keepVendorMetrics(tx, [
          { ...read, polledAtMs: soon - 2, figures: { emails_scheduled_today: 2 } },
        ])
      })
      expect(await world.value('(select emails_sent from vendor_metrics)')).toBe(9)
      expect(await row()).toEqual({
        update_source: 'poll',
        told: true,
        polled: true,
        emails_scheduled_today: 40,
      })
    })
  })

  it('are opened for a day without events, and follow a new target', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      await world.record(fact(A, 'lead_interested', 'reply:1', new Date().toISOString()))
      await world.db.query('update client_registry set monthly_kpi_target = 4')
      expect(await world.value('(select mtd_leads_progress from client_metrics)')).toBe('25.00')
      await world.db.query(`select open_business_day(now() + interval '40 days')`)
      expect(
        await world.rows('select positive_replies_mtd as n from client_metrics order by metric_date'),
      ).toEqual([{ n: 1 }, { n: 0 }])
    })
  })

  it('hold progress beyond a thousand percent', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      await world.db.query('update client_registry set monthly_kpi_target = 1')
      await call(world, 'interested_mtd', 40_000)
      expect(await world.value('(select mtd_leads_progress from client_metrics)')).toBe('999999.99')
    })
  })
})

describe('drift', () => {
  it('compares what the vendor said with what the ledger held then, and only where it covers the time', async () => {
    await withWorld(async (world) => {
      const at = (day: number, hour = 15): string => `2026-03-0${day}T${hour}:00:00Z`
      await world.record(
        fact(A, 'email_sent', 'mail:0', '2026-02-27T15:00:00Z'),
        ...[1, 2, 3].map((day) => fact(A, 'email_sent', `mail:${day}`, at(day))),
        fact(A, 'email_sent', 'mail:late', at(3, 20)),
        fact('send/9', 'email_sent', 'mail:1', at(2)),
      )
      await world.db.query(
        `insert into vendor_metrics (scope, metric_date, period, emails_sent, polled_at) values
           ($1, '2026-03-03', 'mtd', 10, '2026-03-03T18:00:00Z'), ($1, '2026-03-02', 'day', 1, '2026-03-04T18:00:00Z'),
           ('send/9', '2026-03-03', 'mtd', 1, '2026-03-03T18:00:00Z')`,
        [A],
      )
      expect(
        await world.rows(
          `select scope, period, vendor, ours, drift, within_tolerance from vendor_drift order by period`,
        ),
      ).toEqual([
        { scope: A, period: 'day', vendor: 1, ours: 1, drift: 0, within_tolerance: true },
        { scope: A, period: 'mtd', vendor: 10, ours: 3, drift: -7, within_tolerance: false },
      ])
    })
  })
})
