/**
 * The base of every error that Lockstep raises on purpose: the message says what, where, and what to do. `name` is
 * a literal for each subclass, so logs and tests can tell them apart; `cause` keeps what lies behind.
 */
export class LockstepError extends Error {
  override readonly name: string = 'LockstepError'
}

/** A setting, a mapping or an argument is wrong; nothing has been done. */
export class ConfigError extends LockstepError {
  override readonly name = 'ConfigError'
}

/** The database cannot be reached or refuses us. */
export class DatabaseError extends LockstepError {
  override readonly name = 'DatabaseError'
}

/** The vendor cannot answer now: network, 5xx, a rate limit that outlasted our patience. Try again later. */
export class VendorUnavailableError extends LockstepError {
  override readonly name = 'VendorUnavailableError'
  /** Milliseconds after which the vendor said to come back. */
  readonly retryAfterMs: number | undefined
  constructor(message: string, options: { cause?: unknown; retryAfterMs?: number | undefined } = {}) {
    super(message, options)
    this.retryAfterMs = options.retryAfterMs
  }
}

/** The vendor's daily cap is reached: nothing may be asked until `untilMs` (milliseconds since 1970). */
export class DailyCapError extends LockstepError {
  override readonly name = 'DailyCapError'
  readonly untilMs: number
  constructor(message: string, untilMs: number, options?: { cause?: unknown }) {
    super(message, options)
    this.untilMs = untilMs
  }
}

/** The vendor refuses what we ask: a wrong token, a board that is not there, a query that it does not accept. */
export class VendorRefusedError extends LockstepError {
  override readonly name = 'VendorRefusedError'
}

/** A page cursor is no longer accepted: the pass begins again at its first page. */
export class CursorExpiredError extends LockstepError {
  override readonly name = 'CursorExpiredError'
}

/** Says what went wrong, with the causes behind it, on one line. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (let e: unknown = error; e !== undefined && e !== null && parts.length < 5;) {
    const text = e instanceof Error ? e.message || e.name : typeof e === 'string' ? e : JSON.stringify(e)
    if (text !== '' && !parts.some((p) => p.includes(text))) parts.push(text)
    e = e instanceof Error ? e.cause : undefined
  }
  return parts.join(': ') || 'unknown error'
}
