import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRandom } from '../monday/world/random.ts'
import { listOf, missing, rateLimited, unauthorized } from './answers.ts'
import { deliver, type DeliveryAttempt, sign } from './deliver.ts'
import { type Endpoint, endpointRoutes } from './endpoints.ts'
import type { StripeFaults, StripeRequest, StripeSim, StripeSimOptions } from './sim.ts'
import { createWorld, type StripeEvent, type World } from './world.ts'

const NO_FAULTS: StripeFaults = { http429: 0, retryAfterS: undefined, http500: 0, dropWebhooks: 0 }
const CREATED_PER_SECOND = 4

/** Stripe over HTTP, as far as its customers go: lists, single ones, events, webhook endpoints, and deliveries. */
export async function startStripeSim(options: StripeSimOptions = {}): Promise<StripeSim> {
  const clock = options.clock ?? { now: () => Date.now() }
  const random = createRandom(options.seed ?? 1)
  const faults: StripeFaults = { ...NO_FAULTS, ...options.faults }
  const secretKey = options.secretKey ?? 'sk_test_sim'
  const endpoints = new Map<string, Endpoint>()
  const requests: StripeRequest[] = []
  const attempts: DeliveryAttempt[] = []
  const under = new Set<Promise<unknown>>()

  const world = populate(options.customers ?? 0, random, clock)
  const app = new Hono()
  app.use('*', async (c, next) => {
    const refused =
      c.req.header('authorization') !== `Bearer ${secretKey}`
        ? unauthorized(c)
        : random.chance(faults.http429)
          ? rateLimited(c, faults.retryAfterS)
          : random.chance(faults.http500)
            ? c.json({ error: { type: 'api_error', message: 'An unknown error occurred' } }, 500)
            : undefined
    if (refused === undefined) await next()
    else c.res = refused
    // Its own clock's, whatever Node's is.
    c.header('Date', new Date(clock.now()).toUTCString())
    requests.push({ method: c.req.method, path: c.req.path, query: c.req.query(), status: c.res.status })
  })
  readRoutes(app, world)
  app.route('/v1/webhook_endpoints', endpointRoutes(endpoints, random))

  const send = async (event: StripeEvent): Promise<DeliveryAttempt[]> => {
    const wanting = [...endpoints.values()].filter(
      (endpoint) => endpoint.status === 'enabled' && endpoint.enabled_events.includes(event.type),
    )
    const done = await Promise.all(wanting.map((endpoint) => deliver(event, endpoint, clock.now())))
    attempts.push(...done)
    return done
  }
  const tell = (event: StripeEvent): StripeEvent => {
    if (random.chance(faults.dropWebhooks)) return event
    const sending = send(event)
    under.add(sending)
    void sending.finally(() => under.delete(sending))
    return event
  }
  const server = await listen(app, options.port ?? 0)
  return {
    url: server.url,
    secretKey,
    faults,
    requests,
    attempts,
    endpoints,
    world,
    create: (attributes) => tell(world.create(attributes)),
    update: (id, attributes) => tell(world.update(id, attributes)),
    remove: (id) => tell(world.remove(id)),
    deliver: send,
    async told() {
      await Promise.all(under)
    },
    sign: (body, secret) => sign(body, secret, Math.floor(clock.now() / 1000)),
    async close() {
      await Promise.all(under)
      await server.close()
    },
  }
}

function populate(count: number, random: ReturnType<typeof createRandom>, clock: { now(): number }): World {
  let aheadMs = -Math.ceil(count / CREATED_PER_SECOND) * 1000
  const world = createWorld(random, () => clock.now() + aheadMs)
  for (let n = 0; n < count; n++) {
    if (n % CREATED_PER_SECOND === 0) aheadMs += 1000
    world.create(attributesOf(n))
  }
  aheadMs = 0
  // What happened before there was anybody to tell is no longer kept.
  world.events.length = 0
  return world
}

const attributesOf = (n: number): Record<string, unknown> => ({
  email: `customer.${n}@example.com`,
  name: `Customer ${n}`,
  balance: n,
  currency: n % 2 === 0 ? 'usd' : null,
  description: `The ${n}th`,
  phone: `+1555${String(n).padStart(7, '0')}`,
  delinquent: n % 7 === 0,
  metadata: { account: String(n), plan: n % 3 === 0 ? 'team' : 'solo' },
  address: {
    city: 'Brothers',
    country: 'US',
    line1: `${n} Main Street`,
    line2: null,
    postal_code: '97712',
    state: 'OR',
  },
  preferred_locales: n % 5 === 0 ? ['de', 'en'] : [],
})

function readRoutes(app: Hono, world: World): void {
  app.get('/v1/customers', (c) =>
    listOf(c, [...world.customers.values()].toReversed(), (customer) => customer),
  )
  app.get('/v1/customers/:id', (c) => {
    const id = c.req.param('id')
    const customer = world.customers.get(id)
    if (customer !== undefined) return c.json(customer)
    return world.deleted.has(id)
      ? c.json({ id, object: 'customer', deleted: true })
      : missing(c, 'customer', id)
  })
  app.get('/v1/events', (c) => listOf(c, eventsOf(c, world.events), (event) => ({ ...event })))
}

function eventsOf(c: Context, events: readonly StripeEvent[]): StripeEvent[] {
  const query = c.req.query()
  const types = Object.keys(query).flatMap((name) => (name.startsWith('types[') ? [query[name]] : []))
  const from = Number(query['created[gte]'] ?? 0)
  const to = Number(query['created[lte]'] ?? Infinity)
  return events
    .filter(
      ({ created, type }) => created >= from && created <= to && (types.length === 0 || types.includes(type)),
    )
    .toReversed()
}

async function listen(app: Hono, port: number): Promise<{ url: string; close(): Promise<void> }> {
  const server = await new Promise<Server>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, () =>
      resolve(starting as Server),
    )
    starting.once('error', reject)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
