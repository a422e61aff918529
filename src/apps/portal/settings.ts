import type { Database } from '../../db/database.ts'
import { ConfigError } from '../../engine/errors.ts'

export const DEFAULT_TIME_ZONE = 'America/Chicago'

/** Makes the agency's days those of this zone; where they were another's, every count is made again. */
export async function applyTimeZone(db: Database, timeZone: string): Promise<void> {
  try {
    new Intl.DateTimeFormat('en', { timeZone }).format(0)
  } catch {
    throw new ConfigError(
      `app portal: "${timeZone}" is no time zone; name it like America/Chicago or Europe/Berlin`,
    )
  }
  await db.transaction(async (tx) => tx.query('select public.set_business_time_zone($1)', [timeZone]))
}
