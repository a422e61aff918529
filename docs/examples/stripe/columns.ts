import type { ColumnType, JsonObject, Value } from 'lockstep'

/** What is kept of a customer beside its id: each column is named as Stripe names the attribute. */
export const COLUMNS = {
  object: 'text',
  address: 'jsonb',
  description: 'text',
  email: 'text',
  metadata: 'jsonb',
  name: 'text',
  phone: 'text',
  shipping: 'jsonb',
  balance: 'integer',
  created: 'integer',
  currency: 'text',
  default_source: 'text',
  delinquent: 'boolean',
  discount: 'jsonb',
  invoice_prefix: 'text',
  invoice_settings: 'jsonb',
  livemode: 'boolean',
  next_invoice_sequence: 'integer',
  preferred_locales: 'jsonb',
  tax_exempt: 'text',
} as const satisfies Record<string, ColumnType>

const NAMES = Object.keys(COLUMNS)

/** The kept attributes of a customer. One that it lacks is left out: then the column keeps what it has. */
export function valuesOf(customer: JsonObject): Record<string, Value> {
  const values: Record<string, Value> = {}
  for (const name of NAMES) {
    const value = customer[name]
    if (value !== undefined) values[name] = value
  }
  return values
}
