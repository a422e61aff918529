import type { Transaction } from '../db/database.ts'
import { type AlertKey, type AlertTimes, closeAlert, type Finding, openAlert, openStreams } from './alerts.ts'

/** What was found of one condition. */
export interface Findings {
  /** By stream. */
  readonly found: ReadonlyMap<string, Finding>
  /** Streams of which something can be said: what is open of others stays open. Undefined: all. */
  readonly judged?: ReadonlySet<string> | undefined
}

/**
 * Makes the open alerts of a condition those that were found: opens what is new, brings the others up to date, and
 * closes what was not found any more.
 */
export async function settleAlerts(
  tx: Transaction,
  { app, condition }: Omit<AlertKey, 'stream'>,
  { found, judged }: Findings,
  times: AlertTimes = {},
): Promise<void> {
  const open = await openStreams(tx, app, condition)
  const sorted = [...found].sort(([a], [b]) => (a < b ? -1 : 1))
  for (const [stream, finding] of sorted) await openAlert(tx, { app, stream, condition }, finding, times)
  for (const stream of open)
    if (!found.has(stream) && (judged?.has(stream) ?? true))
      await closeAlert(tx, { app, stream, condition }, times)
}
