import type { JsonObject } from '../../src/engine/observation.ts'

/** Customers and their events, in Stripe's shape, each a function of a number and a revision: any process can make them anew. */

/** Seconds since 1970 of the first revision: ahead of any run, so that no event counts as one that came late. */
const EPOCH_S = 2_000_000_000

export const customerId = (k: number): string => `cus_${String(k).padStart(14, '0')}`

/** Customer `k` as it was after so many updates. What an update changes is the name and the balance. */
export function customer(k: number, revision: number): JsonObject {
  return {
    id: customerId(k),
    object: 'customer',
    address: {
      city: 'Brothers',
      country: 'US',
      line1: `${k % 9_000} Sepulveda Boulevard`,
      line2: null,
      postal_code: String(10_000 + (k % 89_999)),
      state: 'OR',
    },
    balance: revision,
    created: EPOCH_S - 86_400 - (k % 86_400),
    currency: 'usd',
    default_source: null,
    delinquent: k % 17 === 0,
    description: `Account ${k} of the benchmark`,
    discount: null,
    email: `customer.${k}@example.com`,
    invoice_prefix: `C${k.toString(36).toUpperCase().padStart(7, '0')}`,
    invoice_settings: {
      custom_fields: null,
      default_payment_method: null,
      footer: null,
      rendering_options: null,
    },
    livemode: false,
    metadata: { account: String(k), plan: k % 3 === 0 ? 'team' : 'solo' },
    name: nameOf(k, revision),
    next_invoice_sequence: 1 + (k % 50),
    phone: `+1555${String(k % 10_000_000).padStart(7, '0')}`,
    preferred_locales: ['en-US'],
    shipping: null,
    tax_exempt: 'none',
    test_clock: null,
  }
}

export const nameOf = (k: number, revision: number): string => `Customer ${k}, revision ${revision}`

/** What happens to a customer, and how often it had changed by then. */
export interface Change {
  readonly kind: 'created' | 'updated' | 'deleted'
  readonly k: number
  readonly revision: number
}

/**
 * The event that tells of a change. Two changes of one customer never fall into one second: the peer loses the second
 * of two such updates, and its rows could then not be compared.
 *
 * @param n makes the event's id
 */
export function event(n: number, { kind, k, revision }: Change): JsonObject {
  const updated = kind === 'updated'
  return {
    id: `evt_${String(n).padStart(24, '0')}`,
    object: 'event',
    api_version: '2025-03-31.basil',
    created: EPOCH_S + revision,
    data: {
      object: customer(k, revision),
      ...(updated ? { previous_attributes: { balance: revision - 1, name: nameOf(k, revision - 1) } } : {}),
    },
    livemode: false,
    pending_webhooks: 1,
    request: { id: `req_${String(n).padStart(14, '0')}`, idempotency_key: null },
    type: `customer.${kind}`,
  }
}

/** The body as Stripe sends it: indented. */
export const body = (json: JsonObject): string => JSON.stringify(json, null, 2)
