/** Longer than any replica lag seen at a vendor: a value read this long after a change is the changed value. */
export const SETTLE_MS = 30_000

export interface ReadMoment {
  /** When our request was sent, milliseconds on our steady clock. */
  readonly sentAtMs: number
  /** Lower bound of (vendor's clock − our steady one), milliseconds. */
  readonly offsetMinMs: number
}

/** A lower bound, in microseconds, of the vendor's time at which a row was read. */
export function readFloor({ sentAtMs, offsetMinMs }: ReadMoment): number {
  return Math.floor((sentAtMs + offsetMinMs) * 1000)
}

/**
 * The vendor's time that a fetched row stands for, microseconds: `max(min(u, f), f − settle)`, where f is the floor
 * of the read and u the end of the granule of the row's modification time. Read in the second of a change, a row
 * does not outrank an event that came after the read; read later it outranks every event of that second; read
 * `settle` later it outranks everything, whatever the vendor's timestamps say.
 *
 * @param updatedAt start of the granule of the row's modification time, microseconds; undefined where it has none
 */
export function rowTime(
  floor: number,
  updatedAt: number | undefined,
  granule: number,
  settleMs: number = SETTLE_MS,
): number {
  if (updatedAt === undefined) return floor
  return Math.max(Math.min(updatedAt + granule, floor), floor - settleMs * 1000)
}

/**
 * The vendor's time that a fetched row's state (there, or deleted) stands for, microseconds. A modification time says
 * nothing of deletes and restores, so only the read counts, less `settle`: a row from a lagging replica never undoes
 * the delete that came just before it, even where the row was changed in that same second.
 */
export function stateTime(floor: number, settleMs: number = SETTLE_MS): number {
  return Math.max(0, floor - settleMs * 1000)
}
