/** The value at a share of sorted numbers. */
export const percentile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

export const median = (numbers: readonly number[]): number =>
  percentile(
    numbers.toSorted((a, b) => a - b),
    0.5,
  )

/** To three significant digits, as all figures are given. */
export const round = (value: number): number => Number(value.toPrecision(3))

/**
 * Measures each subject in turn, round after round, so that what else the machine does falls on all of them; subject →
 * its results, a round each.
 */
export async function interleave<S extends string, R>(
  subjects: readonly S[],
  rounds: number,
  measure: (subject: S, round: number) => Promise<R>,
): Promise<Record<S, R[]>> {
  const results = Object.fromEntries(subjects.map((subject) => [subject, [] as R[]])) as Record<S, R[]>
  for (let round = 0; round < rounds; round++) {
    for (const subject of subjects) results[subject].push(await measure(subject, round))
  }
  return results
}
