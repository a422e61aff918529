import { assert, asyncProperty, date } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyTimeZone } from '../../src/apps/portal/settings.ts'
import { calendar } from './support/model.ts'
import { fact, withWorld } from './support/world.ts'

const ZONES = ['America/Chicago', 'Europe/Berlin', 'Pacific/Auckland', 'Asia/Kolkata', 'UTC'] as const

describe('the business calendar', () => {
  it('days are those of the wall clock of the agency’s zone', async () => {
    await withWorld(async (world) => {
      for (const zone of ZONES) {
        await applyTimeZone(world.db, zone)
        const moments = date({
          min: new Date('2025-01-01'),
          max: new Date('2027-12-31'),
          noInvalidDate: true,
        })
        await assert(
          asyncProperty(moments, async (moment) => {
            const day = await world.value<string>('business_date($1::timestamptz)', [moment.toISOString()])
            expect(day).toBe(calendar(zone)(moment.getTime()))
          }),
          { numRuns: 40 },
        )
      }
    })
  })

  it('days of 23 and of 25 hours, months with both, and half-open ends', async () => {
    await withWorld(async (world) => {
      const hours = (range: string): Promise<number> =>
        world.value<number>(
          `(select (extract(epoch from upper(r) - lower(r)) / 3600)::float8 from ${range} as r)`,
        )
      expect(await hours(`day_range('2026-03-08')`)).toBe(23)
      expect(await hours(`day_range('2026-11-01')`)).toBe(25)
      expect(await hours(`month_range('2026-03-15')`)).toBe(31 * 24 - 1)
      expect(await hours(`month_range('2026-11-30')`)).toBe(30 * 24 + 1)
      expect(
        await world.row(`select month_range('2026-03-01') @> '2026-04-01T04:59:59.999999Z'::timestamptz as last,
          month_range('2026-03-01') @> '2026-04-01T05:00:00Z'::timestamptz as next,
          month_range('2026-04-01') @> '2026-04-01T05:00:00Z'::timestamptz as first`),
      ).toEqual({ last: true, next: false, first: true })
    })
  })

  it('another zone moves every event to its day there, and every count with it', async () => {
    await withWorld(async (world) => {
      await world.record(fact('send/1', 'email_sent', 'mail:1', '2026-04-01T04:30:00Z'))
      const rows = (): Promise<unknown[]> =>
        world.rows('select metric_date as day, emails_sent_mtd as sent from client_metrics order by 1')
      expect(await rows()).toEqual([{ day: '2026-03-31', sent: 1 }])
      await applyTimeZone(world.db, 'Europe/Berlin')
      expect(await rows()).toEqual([{ day: '2026-04-01', sent: 1 }])
      await expect(applyTimeZone(world.db, 'Mars/Olympus')).rejects.toThrow(/no time zone/)
    })
  })
})
