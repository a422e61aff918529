import { createRequire } from 'node:module'
import type { StripeSync as Peer } from '@supabase/stripe-sync-engine'
import { Database } from '../../src/db/database.ts'
import { body, type Change, event } from './customers.ts'
import { POOL_SIZE, WEBHOOK_SECRET } from './ours.ts'

/**
 * The peer: @supabase/stripe-sync-engine. It has no inbox: what its webhook answers is written to the table, a row a
 * statement, each statement a transaction. It is loaded as CommonJS because its migrations are found by `__dirname`.
 *
 * What makes both do the same work: the same events byte for byte, proven by the same signature, of the same table but
 * for the columns that each keeps for itself; the same server, the same number of connections. The peer keeps a deleted
 * customer's row and marks it; ours moves it away. Related records are not looked up, and nothing is asked of Stripe.
 */

const { StripeSync, runMigrations } = createRequire(import.meta.url)(
  '@supabase/stripe-sync-engine',
) as typeof import('@supabase/stripe-sync-engine')

export type { Peer }

export async function migratePeer(url: string): Promise<void> {
  await runMigrations({ databaseUrl: url, schema: 'stripe' })
  // It logs its errors and goes on.
  const db = new Database({ url, poolSize: 1 })
  try {
    await db.query('select last_synced_at, deleted from stripe.customers limit 0')
  } finally {
    await db.close()
  }
}

export const openPeer = (url: string): Peer =>
  new StripeSync({
    poolConfig: { connectionString: url, max: POOL_SIZE },
    stripeSecretKey: 'sk_test_bench',
    stripeWebhookSecret: WEBHOOK_SECRET,
    backfillRelatedEntities: false,
    autoExpandLists: false,
  })

export interface Signed {
  readonly payload: string
  readonly signature: string
}

/**
 * Deliveries as Stripe would send them now.
 *
 * @param from the first one's number
 */
export function signed(sync: Peer, changes: readonly Change[], from = 0): Signed[] {
  const timestamp = Math.floor(Date.now() / 1000)
  return changes.map((change, i) => {
    const payload = body(event(from + i, change))
    const signature = sync.stripe.webhooks.generateTestHeaderString({
      payload,
      secret: WEBHOOK_SECRET,
      timestamp,
    })
    return { payload, signature }
  })
}

/** As many at a time as there are connections. */
export async function processWebhooks(sync: Peer, deliveries: readonly Signed[]): Promise<void> {
  let next = 0
  const work = async (): Promise<void> => {
    for (let delivery = deliveries[next++]; delivery !== undefined; delivery = deliveries[next++])
      await sync.processWebhook(delivery.payload, delivery.signature)
  }
  await Promise.all(Array.from({ length: POOL_SIZE }, work))
}
