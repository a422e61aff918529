import { join } from 'node:path'
import { type App, ConfigError, defineTable } from 'lockstep'
import { COLUMNS } from './columns.ts'
import { TABLE } from './parse.ts'
import { type StripeOptions, stripeSource } from './source.ts'

/** Stripe's customers in `stripe_customers`. Throws a ConfigError where the key is missing. */
export function stripe(options: StripeOptions): App {
  return {
    name: 'stripe',
    tables: [defineTable({ name: TABLE, key: 'id', columns: COLUMNS })],
    migrations: [{ set: 'stripe', folder: join(import.meta.dirname, 'migrations') }],
    source(store) {
      if (!/^(sk|rk)_/.test(options.secretKey))
        throw new ConfigError('Stripe: "secretKey" is the secret or restricted API key, sk_… or rk_…')
      return stripeSource(options, store)
    },
  }
}
