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

/** Says what went wrong, with the causes behind it, on one line. */
export function describeError(error: unknown): string {
  const parts: string[] = []
  for (let e: unknown = error; e !== undefined && e !== null && parts.length < 5; ) {
    const text = e instanceof Error ? e.message || e.name : String(e)
    if (text !== '' && !parts.some((p) => p.includes(text))) parts.push(text)
    e = e instanceof Error ? e.cause : undefined
  }
  return parts.join(': ') || 'unknown error'
}
