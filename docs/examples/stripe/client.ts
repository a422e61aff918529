import { randomUUID } from 'node:crypto'
import {
  admit,
  blockOf,
  callRetry,
  type Clock,
  CursorExpiredError,
  emptyBudget,
  type JsonObject,
  nextDelayMs,
  observeDate,
  offsetMinMs,
  readFloor,
  recordRejection,
  recordSent,
  type SourceStore,
  unknownOffset,
  utcDay,
  VendorRefusedError,
  VendorUnavailableError,
} from 'lockstep'

export interface ClientOptions {
  readonly url: string
  readonly secretKey: string
  readonly callsPerMinute: number
  readonly timeoutMs: number
  readonly clock: Clock
}

export interface Call {
  readonly method?: 'GET' | 'POST' | 'DELETE'
  /** Below `/v1/`. */
  readonly path: string
  /** The query of a GET, the form of a POST. */
  readonly params?: readonly (readonly [name: string, value: string])[]
  readonly signal: AbortSignal
}

export interface Answer {
  readonly body: JsonObject
  /** Lower bound of Stripe's time of the read, microseconds. */
  readonly floor: number
}

/** The key is wrong (401), or may not do this (403). */
export class RefusedKeyError extends VendorRefusedError {
  readonly status: 401 | 403
  constructor(message: string, status: 401 | 403) {
    super(message)
    this.status = status
  }
}

/** What is not there. */
export class NotFoundError extends VendorRefusedError {
  /** Lower bound of Stripe's time at which it was not there, microseconds. */
  readonly floor: number
  constructor(message: string, floor: number) {
    super(message)
    this.floor = floor
  }
}

/** Where a refusal for asking too much names no time. */
const LIMIT_WAIT_MS = 1_000
/** After so many of them in a row the caller gives its work back. */
const LIMIT_TRIES = 12

/** Stripe's API: paced ahead of its limit, tried again where that can help. */
export class StripeClient {
  private readonly options: ClientOptions
  private readonly store: SourceStore
  private readonly epochMs: number
  private budget: ReturnType<typeof emptyBudget>
  private offset = unknownOffset

  constructor(options: ClientOptions, store: SourceStore) {
    this.options = options
    this.store = store
    this.epochMs = options.clock.now() - options.clock.steady()
    this.budget = emptyBudget(this.now())
  }

  /** Of a clock that nobody sets while we run, milliseconds. */
  now(): number {
    return this.epochMs + this.options.clock.steady()
  }

  /** Until when no call is made, and why; undefined where calls are made. */
  get blocked(): ReturnType<typeof blockOf> {
    return blockOf(this.budget, this.now())
  }

  /** Throws NotFoundError, CursorExpiredError, VendorRefusedError or VendorUnavailableError. */
  async call(call: Call): Promise<Answer> {
    // One key for all tries: a POST whose answer was lost is not done twice.
    const idempotencyKey = randomUUID()
    let refusals = 0
    for (let attempt = 1; ;) {
      await this.waitForBudget(call)
      const outcome = await this.send(call, idempotencyKey)
      if ('body' in outcome) return outcome
      if (outcome.limitMs !== undefined) {
        if (++refusals >= LIMIT_TRIES)
          throw new VendorUnavailableError(outcome.message, { retryAfterMs: outcome.limitMs })
        continue
      }
      const delayMs = nextDelayMs(callRetry, attempt++, Math.random())
      if (delayMs === undefined) throw new VendorUnavailableError(outcome.message)
      await this.options.clock.sleep(delayMs, call.signal)
    }
  }

  private async waitForBudget({ path, signal }: Call): Promise<void> {
    const limits = { callsPerMinute: this.options.callsPerMinute, callsPerDay: undefined, rejectedWeight: 0 }
    for (;;) {
      const admission = admit(this.budget, limits, path, this.now())
      if (admission.kind === 'go') break
      if (admission.kind === 'wait') await this.options.clock.sleep(admission.ms, signal)
    }
    this.budget = recordSent(this.budget, this.now())
  }

  private async send(call: Call, idempotencyKey: string): Promise<Answer | Failure> {
    const { clock } = this.options
    const what = `Stripe ${call.method ?? 'GET'} /v1/${call.path}`
    const sentAtMs = clock.steady()
    const { status, headers, body, failure } = await this.transport(call, idempotencyKey)
    const steadyMs = clock.steady()
    const date = Date.parse(headers?.get('date') ?? '')
    if (Number.isFinite(date)) this.offset = observeDate(this.offset, date, steadyMs)
    const nowMs = this.now()
    const limited = status === 429
    await this.store.countCalls(utcDay(nowMs), limited ? 0 : 1, limited ? 1 : 0, 0)
    if (limited) {
      const limitMs = Math.max(LIMIT_WAIT_MS, Number(headers?.get('retry-after') ?? 0) * 1000 || 0)
      this.budget = recordRejection(this.budget, limitMs, `${what}: HTTP 429`, nowMs)
      return { message: `${what}: HTTP 429`, limitMs }
    }
    // 409: the same request is under way, or the record is locked for a moment.
    if (status === 0 || status === 409 || status >= 500 || body === undefined)
      return { message: `${what}: ${failure ?? `HTTP ${status}`}`, limitMs: undefined }
    const floor = readFloor({ sentAtMs, offsetMinMs: offsetMinMs(this.offset, { nowMs, steadyMs }) })
    if (status >= 400) throw refusal(what, status, body, floor)
    return { body, floor }
  }

  private async transport(
    { method = 'GET', path, params = [], signal }: Call,
    idempotencyKey: string,
  ): Promise<Received> {
    const url = new URL(`/v1/${path}`, this.options.url)
    const form = new URLSearchParams(params.map(([name, value]) => [name, value]))
    if (method === 'GET') url.search = form.toString()
    try {
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${this.options.secretKey}`,
          ...(method === 'POST' ? { 'idempotency-key': idempotencyKey } : {}),
        },
        ...(method === 'POST' ? { body: form } : {}),
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.options.timeoutMs)]),
      })
      const { status, headers } = response
      return { status, headers, ...parse(status, await response.text()) }
    } catch (error) {
      signal.throwIfAborted()
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined
      return { status: 0, failure: `no usable response: ${cause ?? (error as Error).message}` }
    }
  }
}

interface Failure {
  readonly message: string
  /** Where it was a refusal for asking too much: milliseconds to wait. */
  readonly limitMs: number | undefined
}

interface Received {
  /** 0 where no response came. */
  readonly status: number
  readonly headers?: Headers
  readonly body?: JsonObject
  readonly failure?: string
}

function parse(status: number, text: string): Pick<Received, 'body' | 'failure'> {
  try {
    const json = JSON.parse(text) as JsonObject | null
    if (typeof json === 'object' && json !== null) return { body: json }
  } catch {
    // Said below: a proxy in between answers in HTML.
  }
  return { failure: `HTTP ${status}, an answer that is no JSON object: ${text.slice(0, 80)}` }
}

/** The records of a list. An answer without one is no empty list: that would be the end of a pass. */
export function listOf({ object, data }: JsonObject): readonly JsonObject[] {
  if (object === 'list' && Array.isArray(data)) return data as JsonObject[]
  throw new TypeError('Stripe: an answer without a list')
}

function refusal(what: string, status: number, body: JsonObject, floor: number): Error {
  const { message, code, param } = (body['error'] ?? {}) as JsonObject
  const why = `${what}: ${typeof message === 'string' ? message : `HTTP ${status}`}`
  // The customer that the last page ended with was deleted meanwhile: the pass begins anew.
  if (code === 'resource_missing' && param === 'starting_after') return new CursorExpiredError(why)
  // Somebody in between may answer 404 as well.
  if (status === 404 && code === 'resource_missing') return new NotFoundError(why, floor)
  if (status === 401 || status === 403) return new RefusedKeyError(`${why}. Check the secret key`, status)
  return new VendorRefusedError(why)
}
