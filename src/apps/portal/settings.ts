import type { Database } from '../../db/database.ts'
import { ConfigError } from '../../engine/errors.ts'
import type { Thresholds } from './health/thresholds.ts'

/** From when on a mailbox is worth a look: what the view and the function of their health go by. */
export async function applyMailboxRules(db: Database, rules: Thresholds['mailboxes']): Promise<void> {
  const figures = [
    rules.burntSent,
    rules.burntReplyPercent,
    rules.bounceSent,
    rules.bouncePercent,
    rules.zeroReplySent,
    rules.lowReplySent,
    rules.lowReplyPercent,
    rules.lowReplyMoreThan,
    rules.idleMoreThan,
    rules.staleWarningHours,
    rules.staleCriticalHours,
  ]
  await db.query(
    `update portal.mailbox_rules set (burnt_sent, burnt_reply_percent, bounce_sent, bounce_percent, zero_reply_sent,
       low_reply_sent, low_reply_percent, low_reply_more_than, idle_more_than, stale_warning_hours, stale_critical_hours)
       = ($1::int, $2::numeric, $3::int, $4::numeric, $5::int, $6::int, $7::numeric, $8::int, $9::int, $10::numeric,
         $11::numeric)
     where (burnt_sent, burnt_reply_percent, bounce_sent, bounce_percent, zero_reply_sent, low_reply_sent,
       low_reply_percent, low_reply_more_than, idle_more_than, stale_warning_hours, stale_critical_hours)
       is distinct from ($1::int, $2::numeric, $3::int, $4::numeric, $5::int, $6::int, $7::numeric, $8::int, $9::int,
         $10::numeric, $11::numeric)`,
    figures,
  )
}

export const DEFAULT_TIME_ZONE = 'America/Chicago'

export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name }).format(0)
    return true
  } catch {
    return false
  }
}

/** Makes the agency's days those of this zone; where they were another's, every count is made again. */
export async function applyTimeZone(db: Database, timeZone: string): Promise<void> {
  if (!isTimeZone(timeZone))
    throw new ConfigError(
      `app portal: "${timeZone}" is no time zone; name it like America/Chicago or Europe/Berlin`,
    )
  await db.transaction(async (tx) => tx.query('select public.set_business_time_zone($1)', [timeZone]))
}
