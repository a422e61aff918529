/** How far the vendor's clock is ahead of ours at the least, from the `Date` headers of its responses. */
export interface ClockOffset {
  readonly samples: readonly { readonly atMs: number; readonly boundMs: number }[]
}

/** A clock may be set while we run, so old bounds are forgotten. */
const WINDOW_MS = 10 * 60_000
const SAMPLES_MAX = 64

export const unknownOffset: ClockOffset = { samples: [] }

/**
 * Takes in one response: dated `dateMs` (the vendor's clock, cut to the second), received at `receivedMs` (ours).
 * The vendor's clock read at least `dateMs` then, so offset ≥ date − received.
 */
export function observeDate(offset: ClockOffset, dateMs: number, receivedMs: number): ClockOffset {
  const fresh = offset.samples.filter((s) => Math.abs(receivedMs - s.atMs) <= WINDOW_MS)
  const best = [...fresh, { atMs: receivedMs, boundMs: dateMs - receivedMs }]
  // Only the best few can ever be the maximum; the newest is kept so that the window can slide.
  return { samples: best.slice(-SAMPLES_MAX) }
}

/**
 * The best lower bound known, milliseconds. Before any response it is minus one hour: too early a read time only
 * makes a row rank lower, and the overlap of the next poll mends that; too late a time could hide a newer event.
 */
export function offsetMinMs(offset: ClockOffset): number {
  return offset.samples.reduce(
    (best, s) => Math.max(best, s.boundMs),
    offset.samples.length === 0 ? -3_600_000 : -Infinity,
  )
}
