import { notify, onceKey } from '../../../alerts/outbox.ts'
import type { Database } from '../../../db/database.ts'
import type { Job } from '../../contract.ts'
import { readSummary } from './figures.ts'
import { summaryMessage } from './message.ts'

const PURPOSE = 'summary'

/** The message of each day, at 8:00 UTC. */
export const summaryJobs: readonly Job[] = [
  {
    name: 'portal-summary',
    // Once: the later ones are for a day on which the first could not, because no node ran or a figure was not to be had.
    cron: '*/10 8-11 * * *',
    run: async (db, now) => {
      await tellSummary(db, now)
    },
  },
]

/** Puts the day's summary in the outbox; false where it is there already. */
export async function tellSummary(db: Database, now: Date): Promise<boolean> {
  const dedupeKey = onceKey('summary', now.toISOString().slice(0, 10))
  const { rowCount } = await db.query(
    `select from lockstep.notifications where app = 'portal' and purpose = $1 and dedupe_key = $2`,
    [PURPOSE, dedupeKey],
  )
  if ((rowCount ?? 0) > 0) return false
  const at = now.toISOString()
  return db.transaction(async (tx) => {
    const message = summaryMessage(await readSummary(tx, now), at)
    return notify(tx, { app: 'portal', purpose: PURPOSE, dedupeKey, sendAfter: at, message })
  })
}
