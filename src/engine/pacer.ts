/** A limit on how much of something may happen in any sixty seconds, such as formula values read. */
export interface Pace {
  readonly spent: readonly { readonly at: number; readonly weight: number }[]
}

export const unhurried: Pace = { spent: [] }

const WINDOW_MS = 60_000

/**
 * Milliseconds to wait before `weight` more fits under `limit`. A weight over the limit waits for an empty window.
 */
export function paceWaitMs(pace: Pace, limit: number, weight: number, now: number): number {
  const recent = pace.spent.filter((s) => s.at > now - WINDOW_MS)
  let excess = recent.reduce((sum, s) => sum + s.weight, 0) + Math.min(weight, limit) - limit
  for (const { at, weight: freed } of recent) {
    if (excess <= 0) return 0
    excess -= freed
    if (excess <= 0) return at + WINDOW_MS - now
  }
  return 0
}

export function spend(pace: Pace, weight: number, now: number): Pace {
  return { spent: [...pace.spent.filter((s) => s.at > now - WINDOW_MS), { at: now, weight }] }
}
