import {
  admit,
  blockOf,
  type BudgetLimits,
  type BudgetState,
  emptyBudget,
  recordRejection,
  recordSent,
  shareOf,
  shiftBudget,
  utcDay,
} from '../../engine/budget.ts'
import { type Cadence, nextTurn } from '../../engine/cadence.ts'
import { type ClockOffset, observeDate, offsetMinMs, unknownOffset } from '../../engine/clock-offset.ts'
import { CursorExpiredError, VendorRefusedError, VendorUnavailableError } from '../../engine/errors.ts'
import type { Json, JsonObject } from '../../engine/observation.ts'
import { readFloor } from '../../engine/read-time.ts'
import { callRetry, nextDelayMs } from '../../engine/retry.ts'
import { CallNotes } from '../call-notes.ts'
import type { Clock, SourceStore } from '../contract.ts'

export interface ClientOptions {
  /** Origin of the instance, such as `https://send.agency.example`. */
  readonly url: string
  /** Calls a minute to the whole instance. Once it refuses one token it refuses them all. */
  readonly callsPerMinute: number
  readonly concurrency: number
  readonly timeoutMs: number
  readonly clock: Clock
}

export interface Credentials {
  readonly token: string
  /** Whose token it is: a workspace's scope, or the instance's name. */
  readonly account: string
}

export interface Call extends Credentials {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below `/api/`. */
  readonly path: string
  readonly query?: Readonly<Record<string, string | undefined>>
  readonly body?: JsonObject
  readonly signal: AbortSignal
}

export interface Answer {
  readonly body: JsonObject
  /** Lower bound of the vendor's time of the read, microseconds. */
  readonly floor: number
}

/** What is not there. */
export class NotFoundError extends VendorRefusedError {
  /** Lower bound of the vendor's time at which it was not there, microseconds. */
  readonly floor: number
  constructor(message: string, floor: number) {
    super(message)
    this.floor = floor
  }
}

/** After this many refusals in a row for asking too much, the caller gives its work back. */
const LIMIT_TRIES = 12
/** What has been seen to end a refusal, where the vendor names no time. */
const LIMIT_WAIT_MS = 45_000
const CLOCK_STEP_MS = 1_000
/** Calls that may go at once after a pause: a person who looks something up, a row that was told to have changed. */
const BURST = 10

/** One instance's API: paced for all its tokens together, since that is how it refuses. */
export class BisonClient {
  private readonly options: ClientOptions
  private readonly store: SourceStore
  private budget: BudgetState
  private readonly notes: CallNotes
  private offset: ClockOffset = unknownOffset
  private skewMs: number
  private readonly limits: BudgetLimits
  private readonly cadence: Cadence
  private lastTurnMs = -Infinity
  private inFlight = 0
  private readonly queue: (() => void)[] = []

  constructor(options: ClientOptions, store: SourceStore) {
    this.options = options
    this.store = store
    this.notes = new CallNotes(store)
    const { clock, callsPerMinute } = options
    this.limits = { callsPerMinute, callsPerDay: undefined, rejectedWeight: 0 }
    this.cadence = { intervalMs: 60_000 / shareOf(this.limits), burst: BURST }
    this.skewMs = clock.now() - clock.steady()
    this.budget = emptyBudget(clock.now())
  }

  /** Until when no call is made, and why; undefined where calls are made. */
  get blocked(): ReturnType<typeof blockOf> {
    return blockOf(this.budget, this.now())
  }

  /** Gives to the store what is known of how calls were answered. */
  keepNotes(): Promise<void> {
    return this.notes.flush()
  }

  /**
   * Makes a call when the budget allows it, again after passing failures. Throws NotFoundError, CursorExpiredError
   * (a page number that is too deep), VendorRefusedError or VendorUnavailableError.
   */
  async call(call: Call): Promise<Answer> {
    let refusals = 0
    for (let attempt = 1; ;) {
      await this.waitForBudget(call)
      const outcome = await this.withSlot(() => this.send(call))
      if ('body' in outcome) return outcome
      if (outcome.limitMs !== undefined) {
        if (++refusals >= LIMIT_TRIES)
          throw new VendorUnavailableError(outcome.message, { retryAfterMs: outcome.limitMs })
        continue
      }
      const delayMs = nextDelayMs(callRetry, attempt++, Math.random())
      if (delayMs === undefined || call.signal.aborted) throw new VendorUnavailableError(outcome.message)
      await this.options.clock.sleep(delayMs, call.signal)
    }
  }

  private now(): number {
    const { clock } = this.options
    const now = clock.now()
    const step = now - clock.steady() - this.skewMs
    if (Math.abs(step) > CLOCK_STEP_MS) {
      this.budget = shiftBudget(this.budget, step)
      this.skewMs += step
    }
    return now
  }

  private async waitForBudget({ path, signal }: Call): Promise<void> {
    for (;;) {
      // Anew after each wait: those who were told to wait all come back at one moment.
      await this.waitForTurn(signal)
      const admission = admit(this.budget, this.limits, path, this.now())
      if (admission.kind === 'go') break
      if (admission.kind === 'wait') await this.options.clock.sleep(admission.ms, signal)
    }
    // Booked before it is sent, so that those who wait beside us see it.
    this.budget = recordSent(this.budget, this.now())
  }

  /** Whoever asked first goes first: a pass of a hundred pages holds a single row for no longer than its turn. */
  private async waitForTurn(signal: AbortSignal): Promise<void> {
    const { clock } = this.options
    this.lastTurnMs = nextTurn(this.lastTurnMs, this.cadence, clock.steady())
    const waitMs = this.lastTurnMs - clock.steady()
    if (waitMs >= 1) await clock.sleep(waitMs, signal)
  }

  private async withSlot<T>(work: () => Promise<T>): Promise<T> {
    if (this.inFlight >= this.options.concurrency) await new Promise<void>((go) => this.queue.push(go))
    this.inFlight++
    try {
      return await work()
    } finally {
      this.inFlight--
      this.queue.shift()?.()
    }
  }

  private async send(call: Call): Promise<Answer | { message: string; limitMs: number | undefined }> {
    const { clock } = this.options
    const what = `Email Bison ${call.method ?? 'GET'} ${call.path}`
    const sentAtMs = clock.steady()
    const response = await this.transport(call)
    const date = Date.parse(response.date ?? '')
    const steadyMs = clock.steady()
    if (Number.isFinite(date)) this.offset = observeDate(this.offset, date, steadyMs)
    const nowMs = this.now()
    const { status, json } = response
    const ended = { account: call.account, endedAtMs: nowMs, tookMs: steadyMs - sentAtMs }
    if (status === 429) {
      await this.notes.add({ ...ended, failure: 'rejected' })
      const limitMs = Math.max(LIMIT_WAIT_MS, (response.retryAfterS ?? 0) * 1000)
      const message = `${what}: told to wait, HTTP 429`
      this.budget = recordRejection(this.budget, limitMs, message, nowMs)
      await this.store.countCalls(utcDay(nowMs), 0, 1, 0)
      return { message, limitMs }
    }
    await this.store.countCalls(utcDay(nowMs), 1, 0, 0)
    const message = `${what}: ${[status === 0 ? [] : `HTTP ${status}`, response.failure ?? []].flat().join(', ')}`
    const useless = status === 0 || status >= 500 || (json === undefined && status < 300)
    const failed = useless || isTokenRefused(status)
    await this.notes.add({ ...ended, failure: failed ? { error: message } : undefined })
    if (useless) return { message, limitMs: undefined }
    const body = unwrap(json)
    const floor = readFloor({ sentAtMs, offsetMinMs: offsetMinMs(this.offset, { nowMs, steadyMs }) })
    refuse(response.failure === undefined ? what : message, status, body, floor)
    return { body, floor }
  }

  private async transport({
    method = 'GET',
    path,
    query = {},
    body,
    token,
    signal,
  }: Call): Promise<Received> {
    const url = new URL(`/api/${path}`, this.options.url)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) url.searchParams.set(name, value)
    try {
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.any([signal, AbortSignal.timeout(this.options.timeoutMs)]),
      })
      const { headers, status } = response
      const text = await response.text()
      const seconds = Number(headers.get('retry-after') ?? NaN)
      return {
        status,
        date: headers.get('date') ?? undefined,
        retryAfterS: Number.isFinite(seconds) ? seconds : undefined,
        ...(status === 204 ? { json: {} } : parse(text)),
      }
    } catch (error) {
      signal.throwIfAborted()
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause.message : undefined
      return { status: 0, failure: `no usable response: ${cause ?? (error as Error).message}` }
    }
  }
}

interface Received {
  /** 0 where no response came. */
  readonly status: number
  readonly date?: string | undefined
  readonly retryAfterS?: number | undefined
  readonly json?: Json
  readonly failure?: string
}

/** A proxy in front of the vendor answers in HTML, with any status. */
function parse(text: string): Pick<Received, 'json' | 'failure'> {
  try {
    return { json: JSON.parse(text) as Json }
  } catch {
    return { failure: `an answer that is not JSON: ${text.slice(0, 80).replaceAll(/\s+/g, ' ')}` }
  }
}

/** Some endpoints were seen to wrap their answer in an array of one. */
function unwrap(json: Json | undefined): JsonObject {
  const inner = Array.isArray(json) && json.length === 1 ? (json[0] as Json) : json
  return typeof inner === 'object' && inner !== null && !Array.isArray(inner) ? (inner as JsonObject) : {}
}

const isTokenRefused = (status: number): boolean => status === 401 || status === 403

/** Whatever stands in between answers 404 too, and so does the vendor where it knows no such address. */
const saysNotThere = ({ message, record_not_found: told }: JsonObject): boolean =>
  told === true || (typeof message === 'string' && /record|query results|not found/i.test(message))

/** Throws for what the vendor will not do, however often it is asked. A 200 may say no as well. */
function refuse(what: string, status: number, body: JsonObject, floor: number): void {
  const data = (body['data'] ?? body) as JsonObject
  const said = typeof body['message'] === 'string' ? body['message'] : data['message']
  const why = typeof said === 'string' ? said : `HTTP ${status}`
  if (status === 404 && saysNotThere(data)) throw new NotFoundError(`${what}: ${why}`, floor)
  if (status === 422 && /page/i.test(JSON.stringify(body['errors'] ?? why)))
    throw new CursorExpiredError(`${what}: ${why}`)
  if (isTokenRefused(status)) throw new VendorRefusedError(`${what}: ${why}. Check the workspace's token`)
  if (status >= 300) {
    const fields = body['errors'] === undefined ? '' : ` ${JSON.stringify(body['errors'])}`
    throw new VendorRefusedError(`${what}: ${why}${fields}`)
  }
  if (data['success'] === false) throw new VendorRefusedError(`${what}: ${why}`)
}
