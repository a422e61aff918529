import { join } from 'node:path'
import type { App } from '../contract.ts'
import { checkPortal } from './checks.ts'
import { derive } from './derive/derive.ts'
import { portalJobs } from './jobs.ts'
import { tellNews } from './messages.ts'
import { record } from './record.ts'
import { DEFAULT_TIME_ZONE, applyTimeZone } from './settings.ts'
import { portalTables } from './tables.ts'

export interface PortalOptions {
  /** IANA name of the zone whose days and months count; default America/Chicago. */
  readonly timeZone?: string
  readonly source: App['source']
  /** Work beside the app's own. */
  readonly jobs?: App['jobs']
}

/** An agency's portal: its clients' mailboxes, campaigns, replies and leads, and every figure made of them. */
export function portal({ timeZone = DEFAULT_TIME_ZONE, source, jobs = [] }: PortalOptions): App {
  return {
    name: 'portal',
    tables: portalTables,
    migrations: [{ set: 'portal', folder: join(import.meta.dirname, 'migrations') }],
    source,
    derive,
    record: async (tx, facts) => {
      await record(tx, facts)
      await tellNews(tx, facts)
    },
    start: async (db) => applyTimeZone(db, timeZone),
    jobs: [...portalJobs(timeZone), ...jobs],
    checks: checkPortal,
  }
}
