import type { Job } from '../contract.ts'

/** What the app does by the clock, in the agency's zone. */
export const portalJobs = (timeZone: string): readonly Job[] => [
  {
    // A day without events has its figures too, and on the first of a month they begin at zero.
    name: 'portal-open-day',
    cron: '1 0 * * *',
    timeZone,
    run: async (db, now) => {
      await db.transaction(async (tx) => tx.query('select public.open_business_day($1)', [now.toISOString()]))
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
    },
  },
]
