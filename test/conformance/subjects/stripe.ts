import { stripe as stripeApp } from '../../../docs/examples/stripe/index.ts'
import { COLUMNS } from '../../../docs/examples/stripe/columns.ts'
import type { Json, JsonObject } from '../../../src/engine/observation.ts'
import { defineTable } from '../../../src/mirror/table-spec.ts'
import { startStripeSim, type StripeSim } from '../../../sim/stripe/index.ts'
import { absent, type Act, type Subject, WHOLE, type World } from '../subject.ts'

/** The tutorial's source, in a table of its own. */
const TABLE = 'stripe_customers'

interface Stripe extends World {
  readonly sim: StripeSim
}
const simOf = (world: World): StripeSim => (world as Stripe).sim

async function start(clock: Parameters<Subject['start']>[0]): Promise<Stripe> {
  const sim = await startStripeSim({ clock, customers: 1_050 })
  return {
    sim,
    url: sim.url,
    credentials: { secretKey: sim.secretKey },
    secrets: () => [sim.secretKey, ...[...sim.endpoints.values()].map(({ secret }) => secret)],
    truth: () =>
      [...sim.world.customers.values()].map((customer) => ({
        table: TABLE,
        key: customer.id,
        values: Object.fromEntries(Object.keys(COLUMNS).map((name) => [name, customer[name] as Json])),
      })),
    told: () => sim.told(),
    addForeignWebhook() {
      const own = { id: 'we_foreign', url: 'https://other.example/hook', secret: 'whsec_of_another' }
      sim.endpoints.set(own.id, {
        ...own,
        enabled_events: ['invoice.paid'],
        description: null,
        status: 'enabled',
      })
    },
    webhooks: () => sim.endpoints.size,
    dropWebhooks: () => sim.endpoints.clear(),
    sign: (body, url) => {
      const endpoint = [...sim.endpoints.values()].find((one) => one.url === url)
      return { 'stripe-signature': sim.sign(body, endpoint?.secret ?? '') }
    },
    close: () => sim.close(),
  }
}

/** A customer of the last page. */
const oldest = (world: World): string => [...simOf(world).world.customers.keys()][0] ?? ''
const at = (key: string) => ({ table: TABLE, key })
const BY_CREATION = absent('customers are listed by their creation: what changed is told by the event log')

let happened = 0

const change = (name: string, attributes: (n: number) => Record<string, unknown>): Act => ({
  name,
  run(world) {
    const id = oldest(world)
    simOf(world).update(id, attributes(++happened))
    return at(id)
  },
  webhook: WHOLE,
  delta: BY_CREATION,
})

const acts: Subject['acts'] = {
  create: [
    {
      name: 'a customer is created',
      run(world) {
        const email = `new.${++happened}@example.com`
        const { data } = simOf(world).create({ email, name: 'New', metadata: { plan: 'team' } })
        return at(String(data.object['id']))
      },
      webhook: WHOLE,
      delta: BY_CREATION,
    },
  ],
  change: [
    change('a customer is renamed', (n) => ({ name: `Renamed ${n}` })),
    change('a customer’s balance and metadata change', (n) => ({
      balance: -n,
      metadata: { invoice: `${n}`, plan: 'solo' },
    })),
    change('a customer’s address is taken away and put back', (n) => ({
      address: n % 2 === 0 ? null : { city: `City ${n}`, country: 'AT' },
      description: `Moved ${n} times`,
    })),
  ],
  delete: [
    {
      name: 'a customer is deleted',
      run(world) {
        const id = [...simOf(world).world.customers.keys()].at(-40) ?? ''
        simOf(world).remove(id)
        return at(id)
      },
      webhook: WHOLE,
      delta: BY_CREATION,
    },
  ],
  restore: absent('what is deleted at Stripe never comes back under its id'),
}

export const stripe: Subject = {
  vendor: 'stripe',
  app: ({ url, credentials, clock, timeoutMs }) => ({
    tables: [defineTable({ name: TABLE, key: 'id', columns: COLUMNS })],
    source: stripeApp({
      url,
      secretKey: credentials['secretKey'] ?? '',
      callsPerMinute: 1e6,
      timeoutMs,
      ...(clock === undefined ? {} : { clock }),
    }).source,
  }),
  start,
  acts,
  forgeries(letter) {
    const signature = letter.headers['stripe-signature'] ?? ''
    const withSignature = (other: string) => ({
      ...letter,
      headers: { ...letter.headers, 'stripe-signature': other },
    })
    const { 'stripe-signature': _signature, ...unsigned } = letter.headers
    return [
      { ...letter, headers: unsigned },
      { ...letter, body: letter.body.replace('"livemode": false', '"livemode": true ') },
      withSignature(signature.replace(/t=(\d)/, (_, digit: string) => `t=${(Number(digit) + 1) % 10}`)),
      withSignature(signature.replace(/.$/, (digit) => (digit === '0' ? '1' : '0'))),
      withSignature(signature.replace('v1=', 'v0=')),
    ]
  },
  unknownType: (payload) => ({ ...payload, id: 'evt_unknown', type: 'customer.nobody_knows' }),
  challenge: absent('Stripe posts to an address without asking for a handshake'),
  signsBody: true,
  withGap(answer) {
    const rows = listIn(answer) ?? []
    return { ...answer, data: rows.map((row, i) => (i === 0 ? { ...row, id: null } : row)) }
  },
  without(answer, key) {
    const rows = listIn(answer)
    if (rows?.some(({ id }) => id === key) !== true) return undefined
    return { ...(answer as JsonObject), data: rows.filter(({ id }) => id !== key) }
  },
  dailyCap: absent('Stripe has no daily cap'),
  eventLog: true,
  dependency: absent('no customer shows values of another'),
  // Stripe does not say when a customer was changed, so that each read stands for its own time.
  computed: [TABLE],
  unknownKey: () => 'cus_whomnobodyknew',
}

/** The customers of a list. */
function listIn(answer: Json): readonly JsonObject[] | undefined {
  const data = (answer as JsonObject | null)?.['data']
  if (!Array.isArray(data)) return undefined
  const rows = data as JsonObject[]
  return rows.every((row) => row['object'] === 'customer') ? rows : undefined
}
