/** How often, and after how long, something that failed is tried again. Delays in milliseconds. */
export interface RetryPolicy {
  readonly delaysMs: readonly number[]
  /** Fraction of the delay that is random, so that many failures do not come back as one. */
  readonly jitter: number
}

/** An inbox event that failed: tried again eight times in about four hours, then a dead letter. */
export const eventRetry: RetryPolicy = {
  delaysMs: [1_000, 5_000, 30_000, 120_000, 600_000, 1_800_000, 3_600_000, 7_200_000],
  jitter: 0.2,
}

/** A vendor call that failed for a passing reason (network, 5xx): tried again six times in about a minute. */
export const callRetry: RetryPolicy = { delaysMs: [500, 1_000, 3_000, 8_000, 15_000, 30_000], jitter: 0.3 }

/** A refetch request whose fetch failed for good reasons of its own (one poisonous id). */
export const refetchRetry: RetryPolicy = {
  delaysMs: [2_000, 15_000, 60_000, 300_000, 1_800_000],
  jitter: 0.2,
}

/**
 * The delay before try number `attempts + 1`, or undefined when the tries are used up.
 * @param random a number in [0, 1) from the shell
 */
export function nextDelayMs(policy: RetryPolicy, attempts: number, random: number): number | undefined {
  const delay = policy.delaysMs[attempts - 1]
  return delay === undefined ? undefined : Math.round(delay * (1 + policy.jitter * random))
}

/** SQLSTATE → why a transaction that ended with it is simply run again. */
export const retryableSqlStates: Readonly<Record<string, string>> = {
  '40P01': 'deadlock_detected: two batches locked rows in different orders; one was rolled back',
  '40001': 'serialization_failure',
  '55P03': 'lock_not_available',
}
