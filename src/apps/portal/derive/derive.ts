import type { Transaction } from '../../../db/database.ts'
import type { Change } from '../../../mirror/apply.ts'
import { lockLedger } from '../ledger.ts'
import { countingOtherwise, recountAutoReplies } from './auto-replies.ts'
import { deriveDomains } from './domains.ts'
import { nameRows, nameWorkspaces } from './names.ts'
import { learnFromReplies } from './replies.ts'

const keysOf = (changes: readonly Change[], table: string): string[] => [
  ...new Set(
    changes.filter((c) => c.table === table && c.op !== 'deleted').map((c) => c.key), // prettier-ignore
  ),
]

/** Tables whose rows carry the name of their workspace. */
const NAMED = ['sender_emails_cache', 'campaigns', 'lead_replies'] as const

/**
 * Recomputes what depends on these changes, in their transaction. The rows themselves are locked by their change.
 * Locks that stand for rows not yet committed follow in one order, here as in `record`: the ledger's, that of names,
 * that of domains.
 */
export async function derive(tx: Transaction, changes: readonly Change[]): Promise<void> {
  const workspaces = keysOf(changes, 'client_registry')
  const replies = keysOf(changes, 'lead_replies')
  const recounting = countingOtherwise(changes)
  if (workspaces.length + replies.length + recounting.length > 0) await lockLedger(tx)
  if (workspaces.length > 0) await nameWorkspaces(tx, workspaces)
  for (const table of NAMED) {
    const added = changes.filter((c) => c.table === table && c.op === 'created').map((c) => c.key)
    if (added.length > 0) await nameRows(tx, table, added)
  }
  if (replies.length > 0) await learnFromReplies(tx, replies)
  if (recounting.length > 0) await recountAutoReplies(tx, recounting)
  await deriveDomains(
    tx,
    changes.filter((c) => c.table === 'sender_emails_cache'),
  )
}
