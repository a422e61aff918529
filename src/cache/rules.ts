/** How old an answer may get. All times in milliseconds. */

/** An answer is read again once it has lived for five sixths of this. */
export const TTL_MS = 60_000
const REFRESH_SHARE = 5 / 6
/** Where it cannot be read again, it serves for so many lifetimes. */
const STALE_LIVES = 10

/** How often it is asked what changed, while anybody reads. */
export const CHECK_MS = 1_000
/** What somebody read within this is kept fresh before it is asked for again. */
export const WATCHED_MS = 15_000
/** Longest wait for what is fresh, where there is something older to show. */
export const PATIENCE_MS = 2_000

/** However much changes: so long from one reading to the next, and at most a fifth of the time is spent reading. */
const GAP_MS = 2_000
const GAP_LOADS = 5
const GAP_MS_MAX = 30_000
/** How old an answer may be of which it is known that something changed since, or not known that nothing did. */
export const CHANGED_MS = 5_000

const RETRY_MS = 1_000
const RETRY_MS_MAX = 30_000

/** An answer that was kept, as far as its age is concerned. */
export interface Kept {
  /** When its reading began: it holds all that was committed before. */
  readonly asOf: number
  /** How long the reading took. */
  readonly loadMs: number
  readonly ttlMs: number
  /** Something that it shows has changed since, as far as is known. */
  readonly changed: boolean
  /** It was changed from here, by somebody who expects to see that. */
  readonly overwritten: boolean
}

/**
 * `fresh`: as good as new. `due`: served at once, and read again. `late`: waited for, but shown where that fails or
 * takes too long. `dead`: no longer shown.
 */
export type Verdict = 'fresh' | 'due' | 'late' | 'dead'

export function judge(kept: Kept, now: number): Verdict {
  const age = now - kept.asOf
  if (age >= kept.ttlMs * STALE_LIVES) return 'dead'
  if (age >= kept.ttlMs || kept.overwritten || (kept.changed && age > changedMsMax(kept))) return 'late'
  return kept.changed || age >= kept.ttlMs * REFRESH_SHARE ? 'due' : 'fresh'
}

/** When an answer may be read again at the earliest. */
export const nextLoadAt = (kept: Kept): number => (kept.overwritten ? 0 : kept.asOf + gapMs(kept))

const gapMs = ({ loadMs }: Kept): number => Math.min(GAP_MS_MAX, Math.max(GAP_MS, GAP_LOADS * loadMs))

/** One that takes long to read is older when it comes. */
const changedMsMax = (kept: Kept): number =>
  Math.max(CHANGED_MS, gapMs(kept) + 2 * CHECK_MS + 2 * kept.loadMs)

/** After how long a failed reading is tried again, by how many in a row failed; there is no end to trying. */
export const retryMs = (failures: number): number => Math.min(RETRY_MS_MAX, RETRY_MS * 2 ** (failures - 1))
