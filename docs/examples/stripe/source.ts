import {
  type Clock,
  type EventLog,
  type FetchedRow,
  type Json,
  type JsonObject,
  jsonText,
  type KeysRequest,
  machineClock,
  type Page,
  type PageRequest,
  type Preparation,
  ROW,
  type Source,
  type SourceStore,
  type Stream,
  utcDay,
} from 'lockstep'
import { type Answer, listOf, NotFoundError, RefusedKeyError, StripeClient } from './client.ts'
import { COLUMNS, valuesOf } from './columns.ts'
import { stripeDoor } from './door.ts'
import { EVENT_TYPES, parse, SCOPE, STREAM, TABLE } from './parse.ts'
import { StripeWebhooks } from './webhooks.ts'

export interface StripeOptions {
  /** `sk_live_…`, `sk_test_…`, or a restricted key that may read customers and events and write webhook endpoints. */
  readonly secretKey: string
  /** `whsec_…` of an endpoint that was made by hand. Those that "webhooks register" makes need none. */
  readonly webhookSecret?: string | undefined
  /** Default 1,200. Stripe allows 25 reads a second in a sandbox, 100 live, to all who call. */
  readonly callsPerMinute?: number
  /** Default https://api.stripe.com */
  readonly url?: string
  /** Milliseconds that one call may take; default 30,000. */
  readonly timeoutMs?: number
  readonly clock?: Clock
}

/** Stripe does not say when a customer was changed last: a row stands for the time of its read. */
const GRANULE_US = 1_000_000
/** Stripe keeps its events for 30 days; what is older than two of them, the daily pass has read. */
const EVENTS_KEPT_MS = 2 * 24 * 3_600_000

/** Stripe's customers. */
export function stripeSource(options: StripeOptions, store: SourceStore): Source {
  const client = new StripeClient(
    {
      secretKey: options.secretKey,
      url: options.url ?? 'https://api.stripe.com',
      callsPerMinute: options.callsPerMinute ?? 1_200,
      timeoutMs: options.timeoutMs ?? 30_000,
      clock: options.clock ?? machineClock,
    },
    store,
  )
  const webhooks = new StripeWebhooks(client, store, options.webhookSecret)
  return {
    vendor: 'stripe',
    streams: [customers],
    door: stripeDoor(webhooks.secrets),
    webhooks,
    parse,
    readPage: (request) => readPage(client, request),
    readKeys: (request) => readKeys(client, request),
    eventLog: eventLog(client),
    prepare: ({ fresh, signal }) => (fresh ? checkKey(client, signal) : Promise.resolve({ problems: [] })),
    dependencies: () => [],
    keysMax: 20,
    coalesceMs: 1_000,
    async usage() {
      const day = utcDay(client.now())
      const { calls, rejected } = await store.countCalls(day, 0, 0, 0)
      const { untilMs, by } = client.blocked ?? {}
      return { day, calls, rejected, dailyCap: undefined, blockedUntilMs: untilMs, blockedBy: by }
    },
  }
}

/** A key that is wrong is told at once, one that may not read events as a problem: all else works without them. */
async function checkKey(client: StripeClient, signal: AbortSignal): Promise<Preparation> {
  try {
    const { body } = await client.call({ path: 'events', params: [['limit', '1']], signal })
    listOf(body)
    return { problems: [] }
  } catch (error) {
    if (!(error instanceof RefusedKeyError && error.status === 403)) throw error
    return { problems: [`what webhooks lose is not found: ${error.message}`] }
  }
}

const customers: Stream = {
  id: STREAM,
  name: 'Customers',
  table: TABLE,
  columns: Object.keys(COLUMNS),
  parts: [ROW],
  // The list is ordered by creation: what was changed can't be asked for. The event log tells it.
  deltas: false,
}

async function readPage(client: StripeClient, { cursor, signal }: PageRequest): Promise<Page> {
  const answer = await client.call({
    path: 'customers',
    params: [['limit', '100'], ...after(cursor)],
    signal,
  })
  const found = listOf(answer.body)
  const rows = found.flatMap((customer) => asRow(customer) ?? [])
  const gaps = rows.length < found.length ? [`${found.length - rows.length} customers without an id`] : []
  return { rows, floor: answer.floor, granule: GRANULE_US, next: nextOf(answer), gaps }
}

/** One call a customer: Stripe has no way to ask for several. A deleted one is answered as such. */
async function readKeys(client: StripeClient, { keys, signal }: KeysRequest): Promise<Page> {
  const rows: FetchedRow[] = []
  let floor = Infinity
  for (const key of keys) {
    try {
      const answer = await client.call({ path: `customers/${encodeURIComponent(key)}`, signal })
      const row = asRow(answer.body)
      if (row?.key !== key) throw new TypeError(`Stripe: an answer without the customer ${key}`)
      rows.push(row)
      floor = Math.min(floor, answer.floor)
    } catch (error) {
      if (!(error instanceof NotFoundError)) throw error
      floor = Math.min(floor, error.floor)
    }
  }
  return { rows, floor, granule: GRANULE_US, next: undefined, gaps: [] }
}

/** Undefined where it has no id. */
function asRow(customer: JsonObject): FetchedRow | undefined {
  const { id, deleted } = customer
  return typeof id === 'string'
    ? { key: id, values: valuesOf(customer), deleted: deleted === true }
    : undefined
}

/** What webhooks should have brought; the engine looks here for what they did not. */
const eventLog = (client: StripeClient): EventLog => ({
  keptMs: EVENTS_KEPT_MS,
  scopes: () => [{ id: SCOPE, name: 'the Stripe account' }],
  async read({ sinceMs, untilMs, cursor, signal }) {
    const answer = await client.call({
      path: 'events',
      params: [
        ['limit', '100'],
        ['created[gte]', String(Math.floor(sinceMs / 1000))],
        ['created[lte]', String(Math.ceil(untilMs / 1000))],
        ...EVENT_TYPES.map((type, i) => [`types[${i}]`, type] as const),
        ...after(cursor),
      ],
      signal,
    })
    const events = listOf(answer.body).map((payload) => ({
      payload,
      atMs: Number(payload['created']) * 1000,
    }))
    return { events, next: nextOf(answer), floor: answer.floor }
  },
})

const after = (cursor: Json | undefined): (readonly [string, string])[] =>
  cursor === undefined ? [] : [['starting_after', jsonText(cursor)]]

/** The cursor of the next page: the last id of this one. */
const nextOf = (answer: Answer): Json | undefined =>
  answer.body['has_more'] === true ? listOf(answer.body).at(-1)?.['id'] : undefined
