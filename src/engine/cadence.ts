/**
 * An even spacing of calls, each in the order in which it was asked for. A budget of so many a minute alone lets them
 * all through in its first seconds, and then nobody for the rest of the minute, however little he wants.
 */
export interface Cadence {
  /** Milliseconds from one call to the next. */
  readonly intervalMs: number
  /** So many may come at once after a pause. */
  readonly burst: number
}

/** `at`, milliseconds of a clock that nobody sets, of the last turn that was given; -Infinity for none. */
export function nextTurn(at: number, { intervalMs, burst }: Cadence, now: number): number {
  return Math.max(at + intervalMs, now - (burst - 1) * intervalMs)
}
