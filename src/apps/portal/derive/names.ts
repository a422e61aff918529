import type { Transaction } from '../../../db/database.ts'

/** The names of workspaces as the vendor lists them, and with them those that all their rows carry. */
export async function nameWorkspaces(tx: Transaction, keys: readonly string[]): Promise<void> {
  const { rows } = await tx.query<{ scope: string; name: string | null }>(
    `select scope, bison_workspace_name as name from public.client_registry
     where bison_key = any ($1::text[]) and scope is not null order by bison_key`,
    [keys],
  )
  const scopes = rows.map(({ scope }) => scope)
  await tx.query('select portal.name_scopes($1::text[], $2::text[], true)', [
    scopes,
    rows.map(({ name }) => name),
  ])
  // A workspace that events named before has its name, and its new row not yet.
  await tx.query('select portal.spread_names($1::text[])', [scopes])
}

/** New rows take the name of their workspace where it has one; where not, they get it with the workspace. */
export async function nameRows(
  tx: Transaction,
  table: 'sender_emails_cache' | 'campaigns' | 'lead_replies',
  keys: readonly string[],
): Promise<void> {
  await tx.query('select portal.share_names()')
  await tx.query(
    `update public.${table} as t set workspace_name = s.workspace_name
     from portal.scopes as s
     where t.bison_key = any ($1::text[]) and s.instance = t.bison_instance
       and s.bison_workspace_id = t.bison_workspace_id and t.workspace_name is distinct from s.workspace_name`,
    [keys],
  )
}
