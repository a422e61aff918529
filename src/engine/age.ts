/**
 * When a stream that ages is to be read again. Pure; all times are milliseconds since 1970 on one clock.
 */
export interface AgeState {
  /** When its last clean read began: its rows may be as old as that. */
  readonly beganAt: number
  /** When it was last tried in vain since then, if it was. */
  readonly triedAt: number | undefined
}

/** Where in its period a stream has its turn, from 0 to below 1; the same for one id wherever it is asked. */
export function phaseOf(id: string): number {
  // FNV-1a, and a last mix: ids that differ in one digit alone must lie far apart.
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b)
  hash ^= hash >>> 13
  return (hash >>> 0) / 2 ** 32
}

/** Of its age, what a stream's period takes: the rest is left for its turn to come, and for the reading itself. */
const PERIOD_SHARE = 0.9
/** At most this part of a period is given up at a time to come nearer to the stream's own turn. */
const PULL_SHARE = 0.25
/** A stream that could not be read is tried again after this, or its own age where that is less. */
const RETRY_MS = 60_000

/**
 * When a stream is due. After a pause all are due at once, and would be so for good; so each has turns of its own,
 * one a period, and where its last read began after one the next begins a little earlier, until they meet.
 */
export function dueAt(
  { beganAt, triedAt }: AgeState,
  { maxAgeMs, phase }: { readonly maxAgeMs: number; readonly phase: number },
): number {
  const period = maxAgeMs * PERIOD_SHARE
  const behind = modulo(beganAt - phase * period, period)
  // A little early is near enough: to count it as late by a whole period would drive it away.
  const pull = behind > period * PERIOD_SHARE ? 0 : Math.min(behind, period * PULL_SHARE)
  const due = beganAt + period - pull
  return triedAt === undefined ? due : Math.max(due, triedAt + Math.min(maxAgeMs, RETRY_MS))
}

const modulo = (value: number, by: number): number => ((value % by) + by) % by
