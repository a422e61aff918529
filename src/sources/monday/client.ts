import { ApiClient } from '@mondaydotcomorg/api'
import {
  admit,
  blockOf,
  type BudgetLimits,
  type BudgetState,
  emptyBudget,
  recordDayEnd,
  recordPoints,
  recordRejection,
  recordSent,
  shiftBudget,
  utcDay,
} from '../../engine/budget.ts'
import { type ClockOffset, observeDate, offsetMinMs, unknownOffset } from '../../engine/clock-offset.ts'
import { DailyCapError, VendorUnavailableError } from '../../engine/errors.ts'
import { readFloor } from '../../engine/read-time.ts'
import { callRetry, nextDelayMs } from '../../engine/retry.ts'
import type { Clock, SourceStore, Usage } from '../contract.ts'
import { type Answer, type Problem, reactionTo, readAnswer, toError, waitMs } from './errors.ts'

export interface ClientOptions {
  readonly token: string
  readonly apiVersion: string
  readonly endpoint: string | undefined
  readonly limits: BudgetLimits
  readonly concurrency: number
  readonly timeoutMs: number
  readonly clock: Clock
}

/** What a call brought: data, what is missing from it, and when it was read at the earliest. */
export interface Result {
  readonly data: Readonly<Record<string, unknown>>
  /** Errors beside the data: it may be incomplete. */
  readonly gaps: readonly string[]
  /** Lower bound of monday's time of the read, microseconds. */
  readonly floor: number
}

export interface Call {
  /** Name of the operation in the document. */
  readonly operation: string
  readonly document: string
  readonly variables?: Record<string, unknown>
  readonly signal?: AbortSignal | undefined
  /** Tries after passing failures; default as the table of retries. */
  readonly triesMax?: number
}

/** A wait longer than this is the caller's: it gives its work back instead of holding it. */
const WAIT_MAX_MS = 90_000

/** Clocks that are merely adjusted drift apart by less between two looks. */
const CLOCK_STEP_MS = 1_000

/** monday's API through its SDK as transport, with what that lacks: budget, retries, reading of all error shapes. */
export class MondayClient {
  private readonly sdk: ApiClient
  private readonly options: ClientOptions
  private readonly store: SourceStore
  private readonly clock: Clock
  private budget: BudgetState
  private offset: ClockOffset = unknownOffset
  /** Our clock less the steady one. */
  private skewMs: number
  private inFlight = 0
  private readonly queue: (() => void)[] = []
  private loaded: Promise<void> | undefined

  constructor(options: ClientOptions, store: SourceStore) {
    this.options = options
    this.store = store
    this.clock = options.clock
    this.skewMs = this.clock.now() - this.clock.steady()
    this.budget = emptyBudget(this.clock.now())
    this.sdk = new ApiClient({
      token: options.token,
      apiVersion: options.apiVersion,
      requestConfig: { errorPolicy: 'all' },
      ...(options.endpoint === undefined ? {} : { endpoint: options.endpoint }),
    })
  }

  /**
   * Makes a call when the budget allows it, again after passing failures. Data beside errors is returned with its
   * gaps. Throws VendorUnavailableError, DailyCapError, CursorExpiredError or VendorRefusedError.
   */
  async call(call: Call): Promise<Result> {
    this.loaded ??= this.loadUsage().catch((error: unknown) => {
      this.loaded = undefined
      throw error
    })
    await this.loaded
    for (let attempt = 1; ; attempt++) {
      await this.waitForBudget(call)
      const result = await this.withSlot(() => this.send(call))
      if (!('problem' in result)) return result
      const { answer, problem } = result
      const reaction = reactionTo(problem)
      const delayMs =
        attempt >= (call.triesMax ?? Infinity) && reaction === 'unavailable'
          ? undefined
          : this.delayBefore(answer, problem, attempt)
      if (delayMs === undefined || call.signal?.aborted === true) {
        throw toError(answer, problem, call.operation, this.now())
      }
      if (reaction === 'unavailable') await this.clock.sleep(delayMs, call.signal)
    }
  }

  /** Our time, milliseconds. Where our clock was set since, waits keep their length. */
  private now(): number {
    const now = this.clock.now()
    const step = now - this.clock.steady() - this.skewMs
    if (Math.abs(step) > CLOCK_STEP_MS) {
      this.budget = shiftBudget(this.budget, step)
      this.skewMs += step
    }
    return now
  }

  /** Milliseconds to wait before another try, 0 where the budget sees to it; undefined where none makes sense. */
  private delayBefore(answer: Answer, problem: Problem, attempt: number): number | undefined {
    const reaction = reactionTo(problem)
    const tries = nextDelayMs(callRetry, attempt, Math.random())
    if (reaction === 'unavailable') return tries
    if (reaction === 'limit' && tries !== undefined && waitMs(answer, problem) <= WAIT_MAX_MS) return 0
    return undefined
  }

  private async waitForBudget(call: Call): Promise<void> {
    for (;;) {
      const admission = admit(this.budget, this.options.limits, call.operation, this.now())
      if (admission.kind === 'go') return
      const what = `monday ${call.operation}: ${admission.why}`
      if (admission.kind === 'stop') {
        throw new DailyCapError(`${what}; nothing more is asked before 00:00 UTC`, admission.until)
      }
      if (admission.ms > WAIT_MAX_MS) throw new VendorUnavailableError(what, { retryAfterMs: admission.ms })
      await this.clock.sleep(admission.ms, call.signal)
    }
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

  private async send(call: Call): Promise<Result | { answer: Answer; problem: Problem }> {
    const { clock } = this
    const sentAtMs = clock.steady()
    this.budget = recordSent(this.budget, this.now())
    const answer = await this.transport(call)
    const date = Date.parse(answer.headers.get('date') ?? '')
    const steadyMs = clock.steady()
    if (Number.isFinite(date)) this.offset = observeDate(this.offset, date, steadyMs)
    const now = this.now()
    const problem = answer.problems[0]
    if (answer.data !== undefined && !answer.problems.some((p) => reactionTo(p) !== 'refused')) {
      await this.bookPoints(call, answer, now)
      const floor = readFloor({ sentAtMs, offsetMinMs: offsetMinMs(this.offset, { nowMs: now, steadyMs }) })
      return { data: answer.data, gaps: answer.problems.map(describeGap), floor }
    }
    const cause = problem ?? {
      code: 'NO_DATA',
      message: 'INTERNAL_SERVER_ERROR: an answer without data or errors',
      path: undefined,
      retryInS: undefined,
    }
    await this.bookRejection(answer, cause, now)
    const passing = answer.problems.find((p) => reactionTo(p) !== 'refused') ?? cause
    return { answer, problem: passing }
  }

  private async transport({ document, variables, signal }: Call): Promise<Answer> {
    try {
      const { timeoutMs } = this.options
      const request = this.sdk.rawRequest<unknown>(document, variables, { timeoutMs })
      const response = await leaveOn(signal, request)
      return readAnswer(response as Parameters<typeof readAnswer>[0])
    } catch (error) {
      // The SDK throws for every error that an answer carries; that answer, partial data and all, is in `response`.
      const { response } = (error ?? {}) as { response?: Parameters<typeof readAnswer>[0] }
      if (response !== undefined) return readAnswer(response)
      // No response at all: refused connection, reset, half a body, time-out.
      const cause = error instanceof Error && error.cause instanceof Error ? `: ${error.cause.message}` : ''
      const message = `HTTP_503 no usable response: ${(error as Error).message}${cause}`
      return {
        status: 0,
        headers: new Headers(),
        data: undefined,
        problems: [{ code: 'NETWORK', message, path: undefined, retryInS: undefined }],
      }
    }
  }

  private async bookPoints(call: Call, answer: Answer, now: number): Promise<void> {
    const told = answer.data?.['complexity'] as
      | { query?: number; after?: number; reset_in_x_seconds?: number }
      | undefined
    const spent = {
      operation: call.operation,
      cost: told?.query,
      left: told?.after,
      resetInS: told?.reset_in_x_seconds,
    }
    this.budget = recordPoints(this.budget, spent, now)
    await this.book(now, 1, 0, told?.query ?? 0)
  }

  private async bookRejection(answer: Answer, problem: Problem, now: number): Promise<void> {
    const reaction = reactionTo(problem)
    if (reaction === 'limit') {
      // A little past the vendor's own word, so that all who wait do not come back in one millisecond.
      const wait = waitMs(answer, problem) + Math.random() * 250
      this.budget = recordRejection(this.budget, wait, problem.message, now)
      await this.book(now, 0, 1, 0)
    } else if (reaction === 'daily') {
      this.budget = recordDayEnd(this.budget, problem.message, now)
      await this.book(now, 0, 1, 0)
    } else {
      await this.book(now, 1, 0, 0)
    }
  }

  /** Counts in the database, and takes over its sums: other nodes and commands spend of the same daily cap. */
  private async book(now: number, calls: number, rejected: number, complexity: number): Promise<void> {
    const day = utcDay(now)
    const sums = await this.store.countCalls(day, calls, rejected, complexity)
    this.budget = { ...this.budget, day, dayCalls: sums.calls, dayRejected: sums.rejected }
  }

  private async loadUsage(): Promise<void> {
    const day = utcDay(this.now())
    const { calls, rejected } = await this.store.countCalls(day, 0, 0, 0)
    this.budget = { ...this.budget, day, dayCalls: calls, dayRejected: rejected }
  }

  async usage(): Promise<Usage> {
    const day = utcDay(this.now())
    const { calls, rejected } = await this.store.countCalls(day, 0, 0, 0)
    const blocked = blockOf(this.budget, this.now())
    return {
      day,
      calls,
      rejected,
      dailyCap: this.options.limits.callsPerDay,
      blockedUntilMs: blocked?.untilMs,
      blockedBy: blocked?.by,
    }
  }
}

/** The SDK cannot call a request off, but who waits for one can leave it: a node must stop while monday hangs. */
function leaveOn<T>(signal: AbortSignal | undefined, request: Promise<T>): Promise<T> {
  if (signal === undefined) return request
  return new Promise((resolve, reject) => {
    const leave = (): void => reject(new Error('stopped while waiting for an answer'))
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    request.then(resolve, reject).finally(() => signal.removeEventListener('abort', leave))
  })
}

const describeGap = ({ code, message, path }: Problem): string =>
  `${message}${code === '' ? '' : ` (${code})`}${path === undefined ? '' : ` at ${path}`}`
