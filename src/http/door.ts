import type { Json, JsonObject } from '../engine/observation.ts'
import type { Incoming } from '../inbox/deliveries.ts'
import { InboxFullError, type Receiver } from '../inbox/receive.ts'
import { isOutage } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Log } from '../jobs/log.ts'
import type { Source } from '../sources/contract.ts'
import { errorBody } from './fail.ts'

export const BODY_MAX = 1_000_000

export interface DoorOptions {
  /** The sources by app name. */
  readonly sources: ReadonlyMap<string, Source>
  readonly receiver: Receiver
  readonly trustProxy: boolean
  readonly log: Log
  readonly onDelivery: (app: string, result: 'accepted' | 'duplicate' | 'refused' | 'unavailable') => void
}

/** One request to `POST /webhooks/:app/:secret?`. */
export interface WebhookCall {
  readonly app: string
  readonly secret: string | undefined
  /** By lower-case name. */
  readonly headers: Readonly<Record<string, string>>
  readonly clientIp: string | undefined
  /** Reads the body; undefined where it is longer than BODY_MAX, told from its header if that says so. */
  readonly body: () => Promise<Uint8Array | undefined>
}

export interface Reply {
  readonly status: number
  readonly body: JsonObject
  readonly headers?: Readonly<Record<string, string>>
}

/** Answers webhooks, whoever speaks HTTP for it. Never rejects but with what reading the body rejects with. */
export type WebhookDoor = (call: WebhookCall) => Promise<Reply>

/** Headers that may carry a secret, and that nobody needs again. */
const SECRET_HEADER = /authorization|cookie|api-?key|secret|token|signature|password|credential|jwt|assertion/
const RETRY_AFTER_S = 5

/** Checks in the order app, size, proof, JSON; 200 only after the commit (I1). */
export function webhookDoor(options: DoorOptions): WebhookDoor {
  const { sources, trustProxy, onDelivery, log } = options
  return async ({ app, secret, headers, clientIp, body: read }) => {
    const source = sources.get(app)
    if (source === undefined) return refusal(404, 'unknown_app', `no app "${app}" is configured here`)
    const body = await read()
    if (body === undefined)
      return refusal(413, 'too_large', `a webhook body may have at most ${BODY_MAX} bytes`)
    const verdict = await source.door.verify({ headers, body, secret }, Date.now())
    if (!verdict.ok) {
      onDelivery(app, 'refused')
      log.warn({ app, reason: verdict.reason }, 'a webhook was refused')
      return refusal(401, 'not_authentic', 'the delivery could not be verified')
    }
    const payload = parseJson(body)
    if (payload === undefined) return refusal(400, 'not_json', 'the body is not JSON')
    const challenge = source.door.challenge(payload)
    if (challenge !== undefined) return { status: 200, body: challenge }
    const forwarded = trustProxy ? headers['x-forwarded-for']?.split(',')[0]?.trim() : undefined
    const { key, sameAs, type, stream, entity } = source.door.identify(payload)
    return accept(options, {
      app,
      identity: key,
      sameAs,
      horizonMs: source.webhooks.retryHorizonMs,
      type,
      stream,
      entity,
      clientIp: forwarded ?? clientIp,
      headers: withoutSecrets(headers, secret),
      body,
    })
  }
}

export const refusal = (status: number, code: string, message: string): Reply => ({
  status,
  body: errorBody(code, message),
})

async function accept(options: DoorOptions, incoming: Incoming): Promise<Reply> {
  const { app } = incoming
  try {
    const { id, duplicate } = await options.receiver.accept(incoming)
    const status = duplicate ? 'duplicate' : 'accepted'
    options.onDelivery(app, status)
    return { status: 200, body: { status, id } }
  } catch (error) {
    options.onDelivery(app, 'unavailable')
    if (!(error instanceof InboxFullError) && !isOutage(error)) {
      options.log.error({ app, error: describeError(error) }, 'a webhook could not be kept')
    }
    const reply = refusal(503, 'unavailable', 'the delivery cannot be kept now; send it again')
    return { ...reply, headers: { 'retry-after': String(RETRY_AFTER_S) } }
  }
}

/** A proxy may repeat the path, and so its secret, in a header of its own. */
function withoutSecrets(
  headers: Readonly<Record<string, string>>,
  pathSecret: string | undefined,
): Record<string, string> {
  const kept: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name] ?? ''
    if (SECRET_HEADER.test(name) || (pathSecret !== undefined && value.includes(pathSecret))) continue
    kept[name] = value
  }
  return kept
}

const utf8 = new TextDecoder()

/** Undefined where it is not JSON; JSON's own null is null. */
function parseJson(body: Uint8Array): Json | undefined {
  try {
    return JSON.parse(utf8.decode(body)) as Json
  } catch {
    return undefined
  }
}
