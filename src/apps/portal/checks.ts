import type { Queryable } from '../../db/database.ts'
import type { Check } from '../contract.ts'

/** Check → how grave it is, what it means and what to do, and the SQL that names what it finds. */
const CHECKS: readonly {
  readonly name: string
  readonly level: 'info' | 'warning'
  readonly detail: string
  readonly sql: string
}[] = [
  {
    name: 'rows_without_workspace',
    level: 'warning',
    detail:
      'Rows of workspaces that no list of the vendor\'s has shown. Run "lockstep sync portal --table client_registry --full".',
    sql: `select bison_key as key from public.sender_emails_cache where workspace_name is null
      union all select bison_key from public.campaigns where workspace_name is null
      union all select bison_key from public.lead_replies where workspace_name is null`,
  },
  {
    name: 'workspaces_of_one_name',
    level: 'warning',
    detail:
      'Workspaces that are called like another and so carry their id in their name here. Rename one at the vendor.',
    sql: `select workspace_name as key from portal.scopes where workspace_name <> vendor_name`,
  },
  {
    name: 'workspaces_without_target',
    level: 'info',
    detail:
      'Active workspaces without a target of leads: they have no progress and are left out of projections.',
    sql: `select workspace_name as key from public.client_registry where is_active and monthly_kpi_target = 0`,
  },
  {
    name: 'workspaces_without_price',
    level: 'info',
    detail:
      'Active workspaces that cost nothing yet: set price_per_lead, or billing_type and retainer_amount.',
    sql: `select workspace_name as key from public.client_registry where is_active
      and case billing_type when 'per_lead' then price_per_lead else retainer_amount end = 0`,
  },
  {
    name: 'workspaces_unreadable',
    level: 'warning',
    detail:
      'Workspaces of which nothing can be read: what was read before is kept, and every figure of theirs is partial. See the table workspace_api_health.',
    sql: `select h.workspace_name as key from public.workspace_api_health as h
      left join public.client_registry as r on r.scope = h.scope
      where h.api_health_status in ('failing', 'no_key') and coalesce(r.is_active, true)`,
  },
  {
    name: 'drift_beyond_tolerance',
    level: 'warning',
    detail: "Counts that differ from the vendor's by more than 5 and 5 %. See the view vendor_drift.",
    sql: `select workspace_name || ' ' || metric || ' ' || metric_date as key from public.vendor_drift
      where not within_tolerance and metric_date >= public.business_date() - 7`,
  },
  {
    name: 'counts_unlike_the_ledger',
    level: 'warning',
    detail: 'Daily counts that are not the sum of their events. Run "select portal.recount_all()".',
    sql: `select coalesce(c.scope, e.scope) || ' ' || coalesce(c.business_date, e.business_date) as key
      from (select * from public.email_daily_counts where business_date >= public.business_date() - 62) as c
      full join (
        select scope, business_date, event_type, sum(amount) as count from public.email_events
        where business_date >= public.business_date() - 62 group by 1, 2, 3
      ) as e using (scope, business_date, event_type)
      where c.count is distinct from e.count`,
  },
]

/**
 * Looks for data that does not fit together.
 * @param hooked names or scopes of workspaces that a client's hook is configured for
 */
export async function checkPortal(db: Queryable, hooked: readonly string[] = []): Promise<Check[]> {
  const found: Check[] = [await checkHooks(db, hooked)]
  for (const { name, level, detail, sql } of CHECKS) {
    const { rows } = await db.query<{ count: number; examples: string[] | null }>(
      `select count(*)::int as count, (array_agg(key order by key))[1:10] as examples from (${sql}) as f`,
    )
    const { count = 0, examples } = rows[0] ?? {}
    found.push({ name, count, level: count === 0 ? 'ok' : level, detail, examples: examples ?? [] })
  }
  return found
}

/** A hook of a workspace that was renamed, or never was: its leads go to the team. */
async function checkHooks(db: Queryable, hooked: readonly string[]): Promise<Check> {
  const { rows } = await db.query<{ key: string }>(
    `select key from unnest($1::text[]) as h (key)
     where not exists (select from portal.scopes where scope = h.key collate "C" or workspace_name = h.key) order by key`,
    [hooked],
  )
  return {
    name: 'client_hooks_without_workspace',
    count: rows.length,
    level: rows.length === 0 ? 'ok' : 'warning',
    detail:
      'Names in clientSlack that no workspace goes by: leads go to the team instead. Mend the names, or name the scope.',
    examples: rows.slice(0, 10).map(({ key }) => key),
  }
}
