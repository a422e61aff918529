import { stripe } from '../../docs/examples/stripe/index.ts'
import type { App } from '../../src/apps/contract.ts'
import { type Ours, openOurs, WEBHOOK_SECRET } from './ours.ts'

/** The tutorial's app. Without an address of its vendor it must not be asked anything. */
export const stripeApp = (vendorUrl = 'http://127.0.0.1:9'): App =>
  stripe({
    secretKey: 'sk_test_bench',
    webhookSecret: WEBHOOK_SECRET,
    url: vendorUrl,
    callsPerMinute: 1e6,
  })

/** With that app. */
export const openStripe = (url: string): Promise<Ours> => openOurs(url, stripeApp())
