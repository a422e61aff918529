import { ConfigError } from '../../engine/errors.ts'
import {
  type EmailBison,
  type EmailBisonOptions,
  emailBisonSource,
} from '../../sources/email-bison/source.ts'
import type { App } from '../contract.ts'
import { portal as compose, type PortalOptions } from './app.ts'
import { backfillPortal } from './backfill/backfill.ts'
import { discoveryJobs } from './discovery.ts'
import { healthJobs } from './health/jobs.ts'
import { readThresholds } from './health/thresholds.ts'
import { DEFAULT_TIME_ZONE } from './settings.ts'
import { summaryJobs } from './summary/job.ts'
import { statisticsJobs } from './statistics.ts'

/** The portal's options: its own, and those of its Email Bison source. */
export type PortalAppOptions = Omit<PortalOptions, 'source'> & Partial<Omit<EmailBisonOptions, 'webhookUrl'>>

/**
 * The agency portal on Email Bison. What the options leave out comes from the environment: EMAIL_BISON_URL and
 * EMAIL_BISON_TOKEN make one instance named `bison`, EMAIL_BISON_WEBHOOK_SECRET its webhooks' paths.
 */
export function portal(options: PortalAppOptions = {}): App {
  const { timeZone = DEFAULT_TIME_ZONE, jobs = [], thresholds, clientSlack = {}, ...bison } = options
  // Made once a process, by whoever runs the app; its jobs ask it too.
  let source: EmailBison | undefined
  const app = compose({
    timeZone,
    clientSlack,
    ...(thresholds === undefined ? {} : { thresholds }),
    jobs: [
      ...statisticsJobs(() => source?.statistics, timeZone),
      ...summaryJobs,
      ...discoveryJobs(() => source, timeZone),
      ...healthJobs(() => source, readThresholds(thresholds)),
      ...jobs,
    ],
    source: (store, { webhookUrl }) => {
      const instances = bison.instances ?? [instanceFromEnvironment()]
      const webhookSecret = bison.webhookSecret ?? env('EMAIL_BISON_WEBHOOK_SECRET')
      source = emailBisonSource({ ...bison, instances, webhookSecret, webhookUrl }, store)
      return source
    },
  })
  return {
    ...app,
    backfill: async (db, request) => {
      if (source === undefined) throw new Error('the source is not made yet')
      return backfillPortal(db, source.statistics, request)
    },
  }
}

const env = (name: string): string | undefined => process.env[name] || undefined

function instanceFromEnvironment(): EmailBisonOptions['instances'][number] {
  const [url, token] = [env('EMAIL_BISON_URL'), env('EMAIL_BISON_TOKEN')]
  if (url === undefined || token === undefined)
    throw new ConfigError(
      'no Email Bison instance. Set EMAIL_BISON_URL and EMAIL_BISON_TOKEN in .env, or give "instances" to portal()',
    )
  return { name: 'bison', url, token }
}
