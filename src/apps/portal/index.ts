import { ConfigError } from '../../engine/errors.ts'
import { type EmailBisonOptions, emailBisonSource } from '../../sources/email-bison/source.ts'
import type { App } from '../contract.ts'
import { portal as compose, type PortalOptions } from './app.ts'

/** The portal's options: its own, and those of its Email Bison source. */
export type PortalAppOptions = Omit<PortalOptions, 'source'> & Partial<Omit<EmailBisonOptions, 'webhookUrl'>>

/**
 * The agency portal on Email Bison. What the options leave out comes from the environment: EMAIL_BISON_URL and
 * EMAIL_BISON_TOKEN make one instance named `bison`, EMAIL_BISON_WEBHOOK_SECRET its webhooks' paths.
 */
export function portal({ timeZone, jobs, ...bison }: PortalAppOptions = {}): App {
  const own = { ...(timeZone === undefined ? {} : { timeZone }), ...(jobs === undefined ? {} : { jobs }) }
  return compose({
    ...own,
    source: (store, { webhookUrl }) => {
      const instances = bison.instances ?? [instanceFromEnvironment()]
      const webhookSecret = bison.webhookSecret ?? env('EMAIL_BISON_WEBHOOK_SECRET')
      return emailBisonSource({ ...bison, instances, webhookSecret, webhookUrl }, store)
    },
  })
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
