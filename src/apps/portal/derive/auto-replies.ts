import type { Transaction } from '../../../db/database.ts'
import type { Change } from '../../../mirror/apply.ts'
import { recount, type Touched } from '../ledger.ts'

const FLAG = 'include_auto_replies_in_stats'

/** Campaigns that turn out to count automated replies or not to: what is not said counts as a yes. */
export const countingOtherwise = (changes: readonly Change[]): string[] =>
  changes.flatMap(({ table, key, op, before, after }) =>
    table === 'campaigns' && op !== 'deleted' && (before?.[FLAG] === false) !== (after?.[FLAG] === false)
      ? [key]
      : [],
  )

/** Counts the automated replies of these campaigns anew. The caller holds the ledger's lock. */
export async function recountAutoReplies(tx: Transaction, campaigns: readonly string[]): Promise<void> {
  const { rows } = await tx.query<Touched>(
    `select e.event_key as key, e.scope, e.event_type as type, e.business_date::text as day, null as "dayBefore"
     from public.campaigns as c
     join public.email_events as e on e.scope = c.bison_instance || '/' || c.bison_workspace_id
       and e.campaign_id = c.bison_campaign_id and e.is_automated and e.event_type = 'lead_replied'
     where c.bison_key = any ($1::text[])`,
    [campaigns],
  )
  if (rows.length > 0) await recount(tx, rows)
}
