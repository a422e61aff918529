import type { Transaction } from '../../../db/database.ts'
import type { Change } from '../../../mirror/apply.ts'

const domainOf = (row: Change['before']): string | undefined => {
  const address = row?.['email_address']
  const domain = typeof address === 'string' ? address.split('@')[1]?.toLowerCase() : undefined
  return domain === '' ? undefined : domain
}

/** Domains that lost or gained a mailbox; the counters of mailboxes move all day, their addresses do not. */
function touchedDomains(changes: readonly Change[]): string[] {
  const touched = changes.flatMap(({ before, after }) => {
    const [was, is] = [domainOf(before), domainOf(after)]
    return was === is ? [] : [was, is]
  })
  return [...new Set(touched.filter((domain) => domain !== undefined))].sort()
}

/**
 * Counts the mailboxes of each domain that these changes touch, in all workspaces, since a domain's price is shared by
 * all of them. Prices follow by themselves.
 */
export async function deriveDomains(tx: Transaction, changes: readonly Change[]): Promise<void> {
  const domains = touchedDomains(changes)
  if (domains.length === 0) return
  await tx.query(
    `select 1 from public.sender_emails_cache where domain = any ($1::text[]) order by bison_key for no key update`,
    [domains],
  )
  // Mailboxes that others have added and not yet committed are not among those rows.
  await tx.query('select pg_advisory_xact_lock(1886351988, 3)')
  await tx.query(
    `update public.sender_emails_cache as s set mailboxes_on_domain = n.mailboxes
     from (
       select domain, count(distinct email_address)::integer as mailboxes
       from public.sender_emails_cache where domain = any ($1::text[]) group by domain
     ) as n
     where s.domain = n.domain and s.mailboxes_on_domain is distinct from n.mailboxes`,
    [domains],
  )
}
