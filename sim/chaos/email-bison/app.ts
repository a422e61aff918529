import { portal } from '../../../src/apps/portal/app.ts'
import type { App } from '../../../src/apps/contract.ts'
import { emailBisonSource } from '../../../src/sources/email-bison/source.ts'
import type { Clock } from '../../../src/sources/contract.ts'

export const APP = 'portal'
export const INSTANCE = 'send'
export const WEBHOOK_SECRET = 'the secret of the webhooks of the simulation'
export const HOOKS = `http://captured/webhooks/${APP}`
/** The agency's zone: its days and months are what is counted by. */
export const ZONE = 'America/Chicago'

export interface ChaosAppOptions {
  readonly url: string
  readonly token: string
  readonly clock: Clock
}

/** The portal itself, with its ledger, on a source whose clock is the run's. */
export const chaosApp = ({ url, token, clock }: ChaosAppOptions): App =>
  portal({
    timeZone: ZONE,
    source: (store) =>
      emailBisonSource(
        {
          instances: [{ name: INSTANCE, url, token }],
          webhookSecret: WEBHOOK_SECRET,
          webhookUrl: () => HOOKS,
          callsPerMinute: 10_000,
          timeoutMs: 300,
          clock,
        },
        store,
      ),
  })
