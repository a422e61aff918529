import type { Clock } from '../world/model.ts'
import type { LimitKind } from './limit-errors.ts'

/** Budgets of one token; mutable. Defaults are an Enterprise account's with a personal token. */
export interface Limits {
  complexityPerQuery: number
  complexityPerMinute: number
  callsPerMinute: number
  concurrency: number
  callsPerDay: number
  ipCallsPer10s: number
  formulaColumnsPerRequest: number
  formulaCellsPerMinute: number
}

export const DEFAULT_LIMITS: Limits = {
  complexityPerQuery: 5_000_000,
  complexityPerMinute: 10_000_000,
  callsPerMinute: 5_000,
  concurrency: 250,
  callsPerDay: 25_000,
  ipCallsPer10s: 5_000,
  formulaColumnsPerRequest: 5,
  formulaCellsPerMinute: 10_000,
}

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000
/** What a rejected call, or one that asks only for `complexity`, costs of a day's calls. */
const LIGHT_CALL = 0.1

/** Opens with its first use and resets a fixed time later. */
class Window {
  used = 0
  #endsAt = 0
  readonly #lengthMs: number
  constructor(lengthMs: number) {
    this.#lengthMs = lengthMs
  }
  roll(now: number): this {
    if (now >= this.#endsAt) {
      this.used = 0
      this.#endsAt = now + this.#lengthMs
    }
    return this
  }
  secondsLeft(now: number): number {
    return Math.max(1, Math.ceil((this.#endsAt - now) / 1000))
  }
}

export interface Refusal {
  readonly kind: LimitKind
  readonly retrySeconds: number
}

export class Budget {
  readonly limits: Limits
  readonly #clock: Clock
  readonly #complexity = new Window(MINUTE_MS)
  readonly #calls = new Window(MINUTE_MS)
  readonly #ip = new Window(10_000)
  readonly #formula = new Window(MINUTE_MS)
  #day = -1
  #dayUsed = 0
  inFlight = 0

  constructor(limits: Limits, clock: Clock) {
    this.limits = limits
    this.#clock = clock
  }

  /** Counts a call on arrival, before its query is read. */
  admit(): Refusal | undefined {
    const now = this.#clock.now()
    const { limits } = this
    const ip = this.#ip.roll(now)
    if (++ip.used > limits.ipCallsPer10s) return { kind: 'ip', retrySeconds: ip.secondsLeft(now) }
    if (this.dayUsed() >= limits.callsPerDay)
      return { kind: 'daily', retrySeconds: this.#secondsToMidnight(now) }
    const calls = this.#calls.roll(now)
    if (++calls.used > limits.callsPerMinute)
      return { kind: 'minuteRate', retrySeconds: calls.secondsLeft(now) }
    if (this.inFlight >= limits.concurrency) return { kind: 'concurrency', retrySeconds: 1 }
    return undefined
  }

  /** Charges a query before it runs. */
  charge(complexity: number): Refusal | undefined {
    const now = this.#clock.now()
    const window = this.#complexity.roll(now)
    if (complexity > this.limits.complexityPerQuery)
      return { kind: 'query', retrySeconds: window.secondsLeft(now) }
    if (window.used + complexity > this.limits.complexityPerMinute)
      return { kind: 'complexity', retrySeconds: window.secondsLeft(now) }
    window.used += complexity
    return undefined
  }

  countDay(light: boolean): void {
    this.#dayUsed = this.dayUsed() + (light ? LIGHT_CALL : 1)
  }

  dayUsed(): number {
    const day = Math.floor(this.#clock.now() / DAY_MS)
    if (day !== this.#day) {
      this.#day = day
      this.#dayUsed = 0
    }
    return this.#dayUsed
  }

  /** False once the minute's formula cells are spent. */
  takeFormulaCell(): boolean {
    return ++this.#formula.roll(this.#clock.now()).used <= this.limits.formulaCellsPerMinute
  }

  complexityLeft(): { left: number; resetSeconds: number } {
    const now = this.#clock.now()
    const window = this.#complexity.roll(now)
    const left = Math.max(0, this.limits.complexityPerMinute - window.used)
    return { left, resetSeconds: window.secondsLeft(now) }
  }

  headers(): Record<string, string> {
    const now = this.#clock.now()
    const { callsPerMinute, concurrency, complexityPerMinute } = this.limits
    const calls = this.#calls.roll(now)
    const complexity = this.complexityLeft()
    const callsLeft = Math.max(0, callsPerMinute - calls.used)
    const reset = callsLeft === 0 ? `;t=${calls.secondsLeft(now)}` : ''
    return {
      'RateLimit-Policy': `"minuteRate";q=${callsPerMinute};w=60, "concurrency";q=${concurrency};qu="concurrent-requests", "complexityMinute";q=${complexityPerMinute};w=60;qu="content-bytes"`,
      RateLimit: `"minuteRate";r=${callsLeft}${reset}, "concurrency";r=${Math.max(0, concurrency - this.inFlight)}, "complexityMinute";r=${complexity.left};t=${complexity.resetSeconds}`,
    }
  }

  #secondsToMidnight(now: number): number {
    return Math.ceil((DAY_MS - (now % DAY_MS)) / 1000)
  }
}
