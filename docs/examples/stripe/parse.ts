import { type Delivery, type JsonObject, type Observation, type Parsed, ROW, stamp } from 'lockstep'
import { COLUMNS, valuesOf } from './columns.ts'

export const TABLE = 'stripe_customers'
export const STREAM = 'customers'
/** Whose events they are: the account of the API key. */
export const SCOPE = 'account'

const CHANGES: ReadonlyMap<string, 'created' | 'updated' | 'deleted'> = new Map([
  ['customer.created', 'created'],
  ['customer.updated', 'updated'],
  ['customer.deleted', 'deleted'],
])

/** The events that are asked for. */
export const EVENT_TYPES: readonly string[] = [...CHANGES.keys()]

const SECOND_US = 1_000_000
/** Stripe delivers within seconds, or it is trying again. */
const LATE_US = 60 * SECOND_US

/** Reads one event. Makes no call; throws on what it cannot read, and the inbox says so and tries again. */
export function parse({ n, receivedAt, payload }: Delivery): Parsed {
  const event = readEvent(payload)
  const change = CHANGES.get(event.type)
  if (change === undefined) {
    return { outcome: 'unknown', observations: [], refetches: [], note: `${event.type} is not known here` }
  }
  // Stripe stamps events in whole seconds and customers not at all. So all that an event proves is that its change
  // happened somewhere within that second, and each value gets the end of the second that is safe for it:
  //
  // - What the event changed counts from the last moment of its second. A row that was read in the same second may
  //   have been read before the change, and must not hide it.
  // - What the event only repeats counts from the first moment. Of two updates in one second, each names what it
  //   changed, and each repeats what the other may not have known yet: the change wins, in whichever order they come.
  //
  // If both changed the same attribute, nothing tells which was later. Then the one that came later counts; and as it
  // is a retry that comes out of order, a late event has the customer read again, which settles it.
  const at = event.created * SECOND_US
  const repeated = stamp({ at, seen: receivedAt, n })
  const changed = stamp({ at: at + SECOND_US - 1, seen: receivedAt, n })
  const { key } = event
  if (change === 'deleted') {
    return applied([{ table: TABLE, key, kind: 'delete', stamp: changed, values: {} }])
  }
  const observation: Observation = {
    table: TABLE,
    key,
    kind: 'row',
    stamp: repeated,
    values: valuesOf(event.customer),
    stamps: change === 'updated' ? ownStamps(event, changed) : {},
    deleted: false,
  }
  const late = change === 'updated' && receivedAt - at > LATE_US
  const reason = 'an update that came late'
  return {
    ...applied([observation]),
    refetches: late ? [{ stream: STREAM, part: ROW, keys: [key], reason }] : [],
  }
}

const applied = (observations: readonly Observation[]): Parsed => ({
  outcome: 'applied',
  observations,
  refetches: [],
})

/** The columns that an update changed; where it does not name them, it may have been any. */
function ownStamps({ previous }: Event, changed: Observation['stamp']): NonNullable<Observation['stamps']> {
  const names = Object.keys(previous ?? COLUMNS).filter((name) => Object.hasOwn(COLUMNS, name))
  return Object.fromEntries(names.map((name) => [name, changed]))
}

interface Event {
  readonly type: string
  /** Seconds since 1970. */
  readonly created: number
  readonly key: string
  readonly customer: JsonObject
  readonly previous: JsonObject | undefined
}

/** What identifies the event, for the door; undefined where the body is no event of Stripe's. */
export function identify(payload: Delivery['payload']) {
  const { id, type, data } = object(payload) ?? {}
  const key = object(object(data)?.['object'])?.['id']
  return {
    key: typeof id === 'string' ? id : undefined,
    type: typeof type === 'string' ? type : undefined,
    stream: SCOPE,
    entity: typeof key === 'string' ? key : undefined,
  }
}

function readEvent(payload: Delivery['payload']): Event {
  const { type, created, data } = object(payload) ?? {}
  if (typeof type !== 'string' || !Number.isSafeInteger(created)) {
    throw new Error('not an event of Stripe: a "type" and a "created" are expected')
  }
  const customer = object(object(data)?.['object']) ?? {}
  const key = typeof customer['id'] === 'string' ? customer['id'] : ''
  if (key === '' && CHANGES.has(type)) throw new Error(`${type}: "data.object" has no id`)
  const previous = object(object(data)?.['previous_attributes'])
  return { type, created: created as number, key, customer, previous }
}

const object = (value: unknown): JsonObject | undefined =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : undefined
