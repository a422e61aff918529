import type { Random } from '../monday/world/random.ts'

/** Stripe's own names, as its API shows them. */
export interface Customer {
  readonly id: string
  readonly object: 'customer'
  readonly created: number
  [attribute: string]: unknown
}

export interface StripeEvent {
  readonly id: string
  readonly object: 'event'
  readonly api_version: string
  readonly created: number
  readonly data: {
    readonly object: Record<string, unknown>
    readonly previous_attributes?: Record<string, unknown>
  }
  readonly livemode: false
  readonly pending_webhooks: number
  readonly request: { readonly id: string; readonly idempotency_key: string | null }
  readonly type: 'customer.created' | 'customer.updated' | 'customer.deleted'
}

export interface World {
  /** In order of creation; those that were deleted are not in it. */
  readonly customers: Map<string, Customer>
  readonly deleted: Set<string>
  /** Oldest first. */
  readonly events: StripeEvent[]
  create(attributes?: Readonly<Record<string, unknown>>): StripeEvent
  update(id: string, attributes: Readonly<Record<string, unknown>>): StripeEvent
  remove(id: string): StripeEvent
}

const API_VERSION = '2025-03-31.basil'

/** An account's customers, and an event for each change; times are whole seconds, as Stripe's are. */
export function createWorld(random: Random, nowMs: () => number): World {
  const customers = new Map<string, Customer>()
  const deleted = new Set<string>()
  const events: StripeEvent[] = []
  const seconds = (): number => Math.floor(nowMs() / 1000)

  const tell = (type: StripeEvent['type'], data: StripeEvent['data']): StripeEvent => {
    const event: StripeEvent = {
      id: `evt_${random.hex(24)}`,
      object: 'event',
      api_version: API_VERSION,
      created: seconds(),
      data: structuredClone(data),
      livemode: false,
      pending_webhooks: 1,
      request: { id: `req_${random.hex(14)}`, idempotency_key: null },
      type,
    }
    events.push(event)
    return event
  }
  const find = (id: string): Customer => {
    const customer = customers.get(id)
    if (customer === undefined) throw new Error(`no customer ${id}`)
    return customer
  }

  return {
    customers,
    deleted,
    events,
    create(attributes = {}) {
      const customer = newCustomer(`cus_${random.hex(14)}`, seconds(), attributes)
      customers.set(customer.id, customer)
      return tell('customer.created', { object: customer })
    },
    update(id, attributes) {
      const before = find(id)
      const after = { ...before, ...attributes } as Customer
      customers.set(id, after)
      const previous = Object.fromEntries(Object.keys(attributes).map((name) => [name, before[name] ?? null]))
      return tell('customer.updated', { object: after, previous_attributes: previous })
    },
    remove(id) {
      const customer = find(id)
      customers.delete(id)
      deleted.add(id)
      return tell('customer.deleted', { object: customer })
    },
  }
}

const newCustomer = (
  id: string,
  created: number,
  attributes: Readonly<Record<string, unknown>>,
): Customer => ({
  id,
  object: 'customer',
  address: null,
  balance: 0,
  created,
  currency: null,
  default_source: null,
  delinquent: false,
  description: null,
  discount: null,
  email: null,
  invoice_prefix: id.slice(-8).toUpperCase(),
  invoice_settings: {
    custom_fields: null,
    default_payment_method: null,
    footer: null,
    rendering_options: null,
  },
  livemode: false,
  metadata: {},
  name: null,
  next_invoice_sequence: 1,
  phone: null,
  preferred_locales: [],
  shipping: null,
  tax_exempt: 'none',
  test_clock: null,
  ...attributes,
})
