/** The value at a share of sorted numbers. */
export const percentile = (sorted: ArrayLike<number>, share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN

/** Of an even number of them the mean of the two in the middle. */
export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2
}

/** To three significant digits, as all figures are given. */
export const round = (value: number): number => Number(value.toPrecision(3))

/**
 * Measures each subject in turn, round after round, so that what else the machine does falls on all of them; subject →
 * its results, a round each. Every other round goes backwards: a machine that slows down as it goes on favours nobody.
 */
export async function interleave<S extends string, R>(
  subjects: readonly S[],
  rounds: number,
  measure: (subject: S, round: number) => Promise<R>,
): Promise<Record<S, R[]>> {
  const results = Object.fromEntries(subjects.map((subject) => [subject, [] as R[]])) as Record<S, R[]>
  for (let round = 0; round < rounds; round++) {
    const turns = round % 2 === 0 ? subjects : subjects.toReversed()
    for (const subject of turns) results[subject].push(await measure(subject, round))
  }
  return results
}
