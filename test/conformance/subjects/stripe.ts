import { stripe as stripeApp } from '../../../docs/examples/stripe/index.ts'
import type { Json, JsonObject } from '../../../src/engine/observation.ts'
import { startStripeSim, type StripeSim } from '../../../sim/stripe/index.ts'
import { absent, type Act, type Subject, type Target, WHOLE, type World } from '../subject.ts'

const SECRET_KEY = 'sk_test_of_the_conformance_suite'
/** Three pages. */
const CUSTOMERS = 230

interface Stripe extends World {
  readonly sim: StripeSim
}
const simOf = (world: World): StripeSim => (world as Stripe).sim
const customer = (id: unknown): Target => ({ table: 'stripe_customers', key: String(id) })
/** Another one each time. */
const anyCustomer = ({ world }: StripeSim): string =>
  [...world.customers.keys()][world.events.length % world.customers.size] ?? ''

async function start(clock: Parameters<Subject['start']>[0]): Promise<Stripe> {
  const sim = await startStripeSim({ clock, secretKey: SECRET_KEY, customers: CUSTOMERS })
  const secrets = (): string[] => [...sim.endpoints.values()].map(({ secret }) => secret)
  return {
    sim,
    url: sim.url,
    credentials: { secretKey: SECRET_KEY },
    secrets: () => [SECRET_KEY, ...secrets()],
    truth: () =>
      [...sim.world.customers.values()].map(({ id, test_clock: _clock, ...values }) => ({
        ...customer(id),
        values: values as Readonly<Record<string, Json>>,
      })),
    told: () => sim.told(),
    addForeignWebhook: () =>
      void sim.endpoints.set('we_of_somebody_else', {
        id: 'we_of_somebody_else',
        object: 'webhook_endpoint',
        url: 'https://other.example/hook',
        secret: 'whsec_of_somebody_else',
        enabled_events: ['customer.created'],
        status: 'enabled',
        description: null,
      }),
    webhooks: () => sim.endpoints.size,
    dropWebhooks: () => sim.endpoints.clear(),
    sign: (body) => ({ 'stripe-signature': sim.sign(body, secrets()[0] ?? '') }),
    close: () => sim.close(),
  }
}

const LISTED_BY_CREATION = absent('customers are listed by creation; what changed, the log of events tells')

const act = (name: string, run: (sim: StripeSim) => unknown): Act => ({
  name,
  run: (world) => customer(run(simOf(world))),
  webhook: WHOLE,
  delta: LISTED_BY_CREATION,
})

const listIn = (answer: Json): Json[] | undefined => {
  const { object, data } = (answer ?? {}) as JsonObject
  return object === 'list' && Array.isArray(data) ? (data as Json[]) : undefined
}

export const stripe: Subject = {
  vendor: 'stripe',
  app: ({ url, credentials, clock, timeoutMs }) =>
    stripeApp({
      url,
      secretKey: credentials['secretKey'] ?? '',
      timeoutMs,
      ...(clock === undefined ? {} : { clock }),
    }),
  start,
  acts: {
    create: [act('a customer is created', (sim) => sim.create({ name: 'New' }).data.object['id'])],
    change: [
      act('a customer is renamed', (sim) => {
        const id = anyCustomer(sim)
        sim.update(id, { name: `Renamed ${sim.world.events.length}`, metadata: { plan: 'none' } })
        return id
      }),
    ],
    delete: [
      act('a customer is deleted', (sim) => {
        const id = anyCustomer(sim)
        sim.remove(id)
        return id
      }),
    ],
    restore: absent('a deleted customer never comes back'),
  },
  forgeries: ({ headers, ...letter }) => {
    const { 'stripe-signature': signature = '', ...unsigned } = headers
    return [
      { ...letter, headers: unsigned },
      { ...letter, headers: { ...headers, 'stripe-signature': signature.replace(/v1=.{8}/, 'v1=00000000') } },
      { ...letter, headers, body: letter.body.replace('customer', 'customers') },
    ]
  },
  unknownType: (payload) => ({ ...payload, id: 'evt_unknown', type: 'customer.was_never_heard_of' }),
  challenge: absent('Stripe posts to an address without asking for a handshake'),
  signsBody: true,
  withGap(answer) {
    const rows = listIn(answer) ?? []
    return { ...answer, data: rows.map((row, i) => (i === 0 ? { ...(row as JsonObject), id: null } : row)) }
  },
  without(answer, key) {
    const rows = listIn(answer)
    if (rows?.some((row) => (row as JsonObject)['id'] === key) !== true) return undefined
    return { ...(answer as JsonObject), data: rows.filter((row) => (row as JsonObject)['id'] !== key) }
  },
  dailyCap: absent('Stripe has no daily cap'),
  eventLog: true,
  dependency: absent('no customer shows values of another'),
  computed: ['stripe_customers'],
  unknownKey: () => 'cus_NeverThere',
}
