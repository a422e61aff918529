/** What the polls of a stream have shown of its webhooks so far. */
export interface WebhookHealth {
  readonly healthy: boolean
  /** Polls in a row that found mostly changes that no webhook had told of. */
  readonly badPolls: number
  /** The rows that these found. */
  readonly badRows: number
}

/** Rows that changed at the vendor since the poll before, by whether an event told of them. */
export interface PollFinding {
  readonly announced: number
  readonly unannounced: number
}

export const HEALTHY: WebhookHealth = { healthy: true, badPolls: 0, badRows: 0 }

/** As many unannounced rows in one poll are no accident. */
const AT_ONCE = 10
/** Otherwise so many polls in a row, with so many rows together. */
const POLLS = 2
const ROWS = 6
/** Of many changes, a fifth that is lost is enough where it is `AT_ONCE` rows or more. */
const LOSSY_SHARE = 0.2

/**
 * Judges one more poll. Silence says nothing: a poll that found no change leaves all as it was, so that a quiet board
 * is never ill, and an ill one not well before a change is announced again.
 */
export function judgePoll(before: WebhookHealth, { announced, unannounced }: PollFinding): WebhookHealth {
  const changes = announced + unannounced
  if (changes === 0) return before
  const share = unannounced / changes
  const bad = share > 0.5 || (unannounced >= AT_ONCE && share > LOSSY_SHARE)
  if (!bad) return announced > 0 ? HEALTHY : before
  const [badPolls, badRows] = [before.badPolls + 1, before.badRows + unannounced]
  const ill = unannounced >= AT_ONCE || (badPolls >= POLLS && badRows >= ROWS)
  return { healthy: before.healthy && !ill, badPolls, badRows }
}
