import type { Context } from 'hono'
import type { Json } from '../engine/observation.ts'
import type { Incoming } from '../inbox/deliveries.ts'
import { InboxFullError, type Receiver } from '../inbox/receive.ts'
import { isOutage } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Log } from '../jobs/log.ts'
import type { Source } from '../sources/contract.ts'
import { fail } from './fail.ts'

export const BODY_MAX = 1_000_000

export interface DoorOptions {
  /** The sources by app name. */
  readonly sources: ReadonlyMap<string, Source>
  readonly receiver: Receiver
  readonly trustProxy: boolean
  readonly log: Log
  readonly onDelivery: (app: string, result: 'accepted' | 'duplicate' | 'refused' | 'unavailable') => void
}

/** Headers that may carry a secret, and that nobody needs again. */
const SECRET_HEADER = /authorization|cookie|api-?key|secret|token|signature|password|credential|jwt|assertion/
const RETRY_AFTER_S = 5

/** `POST /webhooks/:app/:secret?`: checks in the order app, size, proof, JSON; 200 only after the commit (I1). */
export function webhookDoor(options: DoorOptions): (c: Context) => Promise<Response> {
  return async (c) => {
    const app = c.req.param('app') ?? ''
    const source = options.sources.get(app)
    if (source === undefined) return fail(c, 404, 'unknown_app', `no app "${app}" is configured here`)
    const body = await readBody(c.req.raw)
    if (body === undefined) {
      return fail(c, 413, 'too_large', `a webhook body may have at most ${BODY_MAX} bytes`)
    }
    const headers = Object.fromEntries(c.req.raw.headers)
    const verdict = await source.door.verify({ headers, body, secret: c.req.param('secret') }, Date.now())
    if (!verdict.ok) {
      options.onDelivery(app, 'refused')
      options.log.warn({ app, reason: verdict.reason }, 'a webhook was refused')
      return fail(c, 401, 'not_authentic', 'the delivery could not be verified')
    }
    const payload = parseJson(body)
    if (payload === undefined) return fail(c, 400, 'not_json', 'the body is not JSON')
    const answer = source.door.challenge(payload)
    if (answer !== undefined) return c.json(answer)
    return accept(c, options, toIncoming(c, options, { app, source, body, payload, headers }))
  }
}

async function accept(c: Context, options: DoorOptions, incoming: Incoming): Promise<Response> {
  const { app } = incoming
  try {
    const { id, duplicate } = await options.receiver.accept(incoming)
    options.onDelivery(app, duplicate ? 'duplicate' : 'accepted')
    return c.json({ status: duplicate ? 'duplicate' : 'accepted', id })
  } catch (error) {
    options.onDelivery(app, 'unavailable')
    if (!(error instanceof InboxFullError) && !isOutage(error)) {
      options.log.error({ app, error: describeError(error) }, 'a webhook could not be kept')
    }
    c.header('Retry-After', String(RETRY_AFTER_S))
    return fail(c, 503, 'unavailable', 'the delivery cannot be kept now; send it again')
  }
}

interface Received {
  readonly app: string
  readonly source: Source
  readonly body: Uint8Array
  readonly payload: Json
  readonly headers: Readonly<Record<string, string>>
}

function toIncoming(c: Context, options: DoorOptions, received: Received): Incoming {
  const { app, source, body, payload, headers } = received
  const { key, sameAs, type, stream, entity } = source.door.identify(payload)
  const forwarded = options.trustProxy ? headers['x-forwarded-for']?.split(',')[0]?.trim() : undefined
  const env = c.env as { incoming?: { socket?: { remoteAddress?: string } } } | undefined
  return {
    app,
    identity: key,
    sameAs,
    horizonMs: source.webhooks.retryHorizonMs,
    type,
    stream,
    entity,
    clientIp: forwarded ?? env?.incoming?.socket?.remoteAddress,
    headers: withoutSecrets(headers, c.req.param('secret')),
    body,
    payload,
  }
}

/** A proxy may repeat the path, and so its secret, in a header of its own. */
function withoutSecrets(
  headers: Readonly<Record<string, string>>,
  pathSecret: string | undefined,
): Record<string, string> {
  const tells = (value: string): boolean => pathSecret !== undefined && value.includes(pathSecret)
  return Object.fromEntries(
    Object.entries(headers).filter(([name, value]) => !SECRET_HEADER.test(name) && !tells(value)),
  )
}

/** The body, or undefined where it is too long: told from its header before any of it is read. */
async function readBody(request: Request): Promise<Uint8Array | undefined> {
  if (Number(request.headers.get('content-length') ?? 0) > BODY_MAX) return undefined
  if (request.headers.has('content-length')) return new Uint8Array(await request.arrayBuffer())
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of request.body ?? []) {
    size += chunk.length
    if (size > BODY_MAX) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Undefined where it is not JSON; JSON's own null is null. */
function parseJson(body: Uint8Array): Json | undefined {
  try {
    return JSON.parse(new TextDecoder().decode(body)) as Json
  } catch {
    return undefined
  }
}
