import { join } from 'node:path'
import type { App } from '../contract.ts'
import { checkPortal } from './checks.ts'
import { type ClientSlack, clientKeys, clientUrls, leadPurpose } from './client-hooks.ts'
import { derive } from './derive/derive.ts'
import { readThresholds, type ThresholdOptions } from './health/thresholds.ts'
import { portalJobs } from './jobs.ts'
import { tellNews } from './messages.ts'
import { record } from './record.ts'
import { applyMailboxRules, applyTimeZone, DEFAULT_TIME_ZONE } from './settings.ts'
import { portalTables } from './tables.ts'

export interface PortalOptions {
  /** IANA name of the zone whose days and months count; default America/Chicago. */
  readonly timeZone?: string
  readonly source: App['source']
  /** From when on what is worth a warning, where that differs from the defaults. */
  readonly thresholds?: ThresholdOptions
  /** Clients who are told of their new leads themselves. */
  readonly clientSlack?: ClientSlack
  /** Work beside the app's own. */
  readonly jobs?: App['jobs']
}

/** An agency's portal: its clients' mailboxes, campaigns, replies and leads, and every figure made of them. */
export function portal({
  timeZone = DEFAULT_TIME_ZONE,
  source,
  jobs = [],
  thresholds,
  clientSlack = {},
}: PortalOptions): App {
  const { mailboxes } = readThresholds(thresholds)
  const news = { leadPurpose: leadPurpose(clientSlack) }
  return {
    name: 'portal',
    tables: portalTables,
    migrations: [{ set: 'portal', folder: join(import.meta.dirname, 'migrations') }],
    source,
    derive,
    record: async (tx, facts) => {
      await record(tx, facts)
      await tellNews(tx, facts, news)
    },
    start: async (db) => {
      await applyTimeZone(db, timeZone)
      await applyMailboxRules(db, mailboxes)
    },
    jobs: [...portalJobs(timeZone), ...jobs],
    slack: () => clientUrls(clientSlack),
    checks: (db) => checkPortal(db, clientKeys(clientSlack)),
    // Loaded where it is served: every command reads the configuration.
    api: async (routes, context) => (await import('./api/portal-api.ts')).portalApi(routes, context),
  }
}
