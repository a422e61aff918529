import { createHash } from 'node:crypto'
import { VendorUnavailableError } from '../../engine/errors.ts'
import type { Message, Notifier, Sent } from '../contract.ts'
import { errorOf } from './answers.ts'
import { toPayload } from './payload.ts'

/** What lets a hook wait: the machine's clock, unless a test brings its own. */
export interface Clock {
  /** Milliseconds of a clock that nobody sets. */
  steady(): number
  /** Rejects with the signal's reason where it is aborted. */
  sleep(ms: number, signal: AbortSignal): Promise<void>
}

export interface HookOptions {
  readonly clock: Clock
  readonly timeoutMs: number
}

/** Slack takes a message a second and hook, and may switch off an app that ignores this. */
const PACE_MS = 1_000
/** A longer wait is given back to the caller rather than slept through. */
const WAIT_MAX_MS = 5_000
/** Parts of the URL that are no secret by themselves are shorter. */
const SECRET_MIN = 9

/**
 * One incoming webhook. Its URL is its password: it stays in private fields, which no logger and no `JSON.stringify`
 * shows, and it is struck from every error.
 */
export class SlackHook implements Notifier {
  readonly name: string
  readonly paceMs = PACE_MS
  readonly #url: URL
  readonly #secrets: readonly string[]
  readonly #options: HookOptions
  /** By the steady clock: before this nothing is sent. */
  #freeAt = -Infinity
  #last: Promise<unknown> = Promise.resolve()

  constructor(url: URL, options: HookOptions) {
    this.#url = url
    this.#options = options
    this.name = `slack ${createHash('sha256').update(url.href).digest('hex').slice(0, 8)}`
    const parts = [...url.pathname.split('/'), ...url.searchParams.values(), url.username, url.password]
    const long = parts.filter((part) => part.length >= SECRET_MIN)
    this.#secrets = [url.href, `${url.pathname}${url.search}`, ...long].filter((secret) => secret !== '/')
  }

  /** One after the other, in the order of the calls. */
  send(message: Message, signal: AbortSignal): Promise<Sent> {
    const sent = this.#last.then(() => this.#sendNow(message, signal))
    this.#last = sent.catch(() => {})
    return sent
  }

  async #sendNow(message: Message, signal: AbortSignal): Promise<Sent> {
    const { clock } = this.#options
    signal.throwIfAborted()
    const waitMs = this.#freeAt - clock.steady()
    if (waitMs > WAIT_MAX_MS) {
      throw new VendorUnavailableError(`Slack asked for a pause of ${Math.ceil(waitMs / 1000)} s more`, {
        retryAfterMs: waitMs,
      })
    }
    if (waitMs > 0) await clock.sleep(waitMs, signal)
    const begun = clock.steady()
    try {
      await this.#post(message)
      return { tookMs: clock.steady() - begun }
    } catch (error) {
      const pause = error instanceof VendorUnavailableError ? (error.retryAfterMs ?? 0) : 0
      this.#freeAt = clock.steady() + pause
      throw error
    } finally {
      // From the answer on: a request that took long arrived at Slack before it, so two never arrive within a second.
      this.#freeAt = Math.max(this.#freeAt, clock.steady() + PACE_MS)
    }
  }

  async #post(message: Message): Promise<void> {
    let status: number
    let text: string
    let retryAfter: string | null
    try {
      const response = await fetch(this.#url, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: JSON.stringify(toPayload(message)),
        redirect: 'manual',
        signal: AbortSignal.timeout(this.#options.timeoutMs),
      })
      status = response.status
      retryAfter = response.headers.get('retry-after')
      text = await response.text()
    } catch (error) {
      throw this.#unreachable(error)
    }
    const problem = errorOf(status, this.#redact(text), retryAfter)
    if (problem !== undefined) throw problem
  }

  /** Without a cause: what lies behind may hold the address, and loggers print causes. */
  #unreachable(error: unknown): VendorUnavailableError {
    const { name, message, cause } = error as Error & { cause?: { code?: unknown } }
    if (name === 'TimeoutError') {
      const { timeoutMs } = this.#options
      return new VendorUnavailableError(
        `Slack did not answer within ${timeoutMs / 1000} s; the message may have come through`,
      )
    }
    const code = cause?.code
    const why = typeof code === 'string' ? code : this.#redact(message)
    return new VendorUnavailableError(`Slack cannot be reached: ${why}`)
  }

  #redact(text: string): string {
    return this.#secrets.reduce((clean, secret) => clean.replaceAll(secret, '[hook]'), text)
  }
}
