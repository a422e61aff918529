/**
 * How far the vendor's clock is ahead of our steady one at the least, from the `Date` headers of its responses. The
 * steady clock is one that nobody sets, so that our own clock may be wrong, or be set, without a row ever standing for
 * a time that it was not read at.
 */
export interface ClockOffset {
  readonly samples: readonly { readonly atMs: number; readonly boundMs: number }[]
}

/** The vendor's clock may be set while we run, and ours is no atomic one, so old bounds are forgotten. */
const WINDOW_MS = 10 * 60_000
const SAMPLES_MAX = 64

export const unknownOffset: ClockOffset = { samples: [] }

/**
 * Takes in one response: dated `dateMs` (the vendor's clock, cut to the second), received at `receivedMs` (our steady
 * clock). The vendor's clock read at least `dateMs` then, so offset ≥ date − received.
 */
export function observeDate(offset: ClockOffset, dateMs: number, receivedMs: number): ClockOffset {
  const fresh = offset.samples.filter((s) => receivedMs - s.atMs <= WINDOW_MS)
  const best = [...fresh, { atMs: receivedMs, boundMs: dateMs - receivedMs }]
  // Only the best few can ever be the maximum; the newest is kept so that the window can slide.
  return { samples: best.slice(-SAMPLES_MAX) }
}

/** How wrong the clock of a machine is taken to be at the worst, milliseconds. */
const OURS_WRONG_MS = 3_600_000

/**
 * The best lower bound known, milliseconds. Before any response it is what our own clock says, less one hour: too
 * early a read time only makes a row rank lower, and the overlap of the next poll mends that; too late a time could
 * hide a newer event.
 *
 * @param ours our clock and our steady one at the same moment, milliseconds
 */
export function offsetMinMs(
  offset: ClockOffset,
  ours: { readonly nowMs: number; readonly steadyMs: number },
): number {
  if (offset.samples.length === 0) return ours.nowMs - OURS_WRONG_MS - ours.steadyMs
  return offset.samples.reduce((best, { boundMs }) => Math.max(best, boundMs), -Infinity)
}
