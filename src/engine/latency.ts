/** Upper bounds, milliseconds: each √2 times the one before. What took longer than the last is in one place more. */
export const LATENCY_BOUNDS_MS: readonly number[] = Array.from({ length: 25 }, (_, i) =>
  Math.round(10 * 2 ** (i / 2)),
)
const PLACES = LATENCY_BOUNDS_MS.length + 1

export const emptyLatencies = (): number[] => Array<number>(PLACES).fill(0)

/** Where in a histogram a duration counts. */
export function latencyPlace(ms: number): number {
  const found = LATENCY_BOUNDS_MS.findIndex((bound) => ms <= bound)
  return found === -1 ? PLACES - 1 : found
}

/**
 * The duration, milliseconds, that a share `q` (0–1) of these stayed within; taken to lie evenly in its place, so it
 * is off by less than 42 %. Beyond the last bound it is that bound. Undefined where nothing was counted.
 * @param counts by place; shorter histograms are taken to end in zeros
 */
export function latencyQuantileMs(counts: readonly number[], q: number): number | undefined {
  const total = counts.reduce((sum, n) => sum + n, 0)
  if (total === 0) return undefined
  const rank = q * total
  let below = 0
  for (const [place, n] of counts.entries()) {
    if (n > 0 && below + n >= rank) {
      const low = place === 0 ? 0 : (LATENCY_BOUNDS_MS[place - 1] ?? 0)
      const high = LATENCY_BOUNDS_MS[place] ?? low
      return low + ((high - low) * (rank - below)) / n
    }
    below += n
  }
  return LATENCY_BOUNDS_MS.at(-1)
}
