import type { Job } from '../contract.ts'
import { forgetOldSchedules } from './schedules.ts'

/** What the app does by the clock, in the agency's zone. */
export const portalJobs = (timeZone: string): readonly Job[] => [
  {
    // A day without events has its figures too, and on the first of a month they begin at zero.
    name: 'portal-open-day',
    cron: '1 0 * * *',
    timeZone,
    run: async (db, now) => {
      await db.transaction(async (tx) => tx.query('select public.open_business_day($1)', [now.toISOString()]))
      await forgetOldSchedules(db, now)
    },
  },
  {
    name: 'portal-snapshot-providers',
    cron: '55 23 * * *',
    timeZone,
    run: async (db, now) => {
      await db.transaction(async (tx) =>
        tx.query('select public.snapshot_providers(public.business_date($1))', [now.toISOString()]),
      )
    },
  },
  {
    name: 'portal-prune-logs',
    cron: '20 4 * * *',
    timeZone,
    run: async (db, now) => {
      await db.query(
        `delete from public.function_call_logs where called_at < $1::timestamptz - interval '30 days'`,
        [now.toISOString()],
      )
      // Answers that nobody has asked for.
      await db.query(
        `delete from public.data_cache_metadata where last_updated_at < $1::timestamptz - interval '7 days'`,
        [now.toISOString()],
      )
    },
  },
  {
    // Far longer than any reader of the cache trusts what it saw last.
    name: 'portal-prune-marks',
    cron: '7 * * * *',
    run: async (db) => {
      await db.query(`delete from portal.cache_marks where marked_at < clock_timestamp() - interval '1 hour'`)
    },
  },
]
