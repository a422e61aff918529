import type { Finding } from '../../../alerts/alerts.ts'
import { type Ailing, type Checked, type CheckInput, type HealthCheck, list, plural, worst } from './check.ts'

interface Row {
  name: string | null
  scope: string | null
  rule: string
  level: 'info' | 'warning' | 'critical'
  mailboxes: number
  examples: string[]
}

/** Rule → what it says of mailboxes, and what to do. */
const RULES: Readonly<Record<string, { readonly is: string; readonly remedy: string }>> = {
  disconnected: { is: 'disconnected or failed', remedy: 'Connect them again at the vendor' },
  burnt: { is: 'burnt: hardly anybody answers', remedy: 'Worth cancelling' },
  high_bounce: { is: 'with many bounces', remedy: 'Check their lists and their domains' },
  zero_reply: { is: 'without a reply', remedy: 'Check that their mails arrive' },
  low_reply: { is: 'with few replies', remedy: 'Check their warm-up and their texts' },
  idle: { is: 'idle', remedy: 'Put them into a campaign, or give them up' },
  stale: { is: 'not read to the end for long', remedy: 'See "lockstep status"' },
}

/** Workspaces that want no word of lost connections have none. */
const ROWS = `with found as (select * from public.portal_mailbox_alerts($1::timestamptz))
select f.workspace_name as name, s.scope, f.rule, f.level, f.mailboxes::int as mailboxes, f.examples
from found as f
join portal.scopes as s on s.workspace_name = f.workspace_name
join public.client_registry as r on r.scope = s.scope
where r.is_active and (f.rule <> 'disconnected' or r.disconnect_notifications_enabled)
order by f.priority, f.mailboxes desc, f.workspace_name`

/** The rules that mailboxes break: one alert a rule, since a workspace of an agency breaks most of them at any time. */
export const mailboxRules: HealthCheck = {
  name: 'mailboxes',
  unit: 'mailboxes',
  async run({ db, now }: CheckInput): Promise<Checked> {
    const { rows } = await db.query<Row>(ROWS, [now.toISOString()])
    const byRule = Map.groupBy(rows, ({ rule }) => rule)
    const alerts = new Map(
      Object.keys(RULES).map((rule) => [
        `mailboxes_${rule}`,
        { found: alertOf(rule, byRule.get(rule) ?? []) },
      ]),
    )
    const told = [...alerts.values()].flatMap(({ found }) => [...found.values()])
    const mailboxes = rows
      .filter(({ level, rule }) => level !== 'info' && rule !== 'stale')
      .reduce((sum, row) => sum + row.mailboxes, 0)
    const counts = [...byRule].map(([rule, own]) => [rule, own.reduce((sum, row) => sum + row.mailboxes, 0)])
    return {
      severity: worst('ok', ...told.map(({ level }) => level)),
      value: mailboxes,
      unit: 'mailboxes',
      detail: told.length === 0 ? 'no rule is broken' : told.map(({ detail }) => detail).join(' '),
      workspaces: ailing(rows),
      figures: Object.fromEntries(counts),
      alerts,
    }
  },
}

function alertOf(rule: string, rows: readonly Row[]): ReadonlyMap<string, Finding> {
  const [first] = rows
  const about = RULES[rule]
  if (first === undefined || first.level === 'info' || about === undefined) return new Map()
  const level = rows.some((row) => row.level === 'critical') ? 'critical' : 'warning'
  if (rule === 'stale') {
    const names = list(rows.map(({ name }) => name ?? ''))
    return new Map([['', { level, detail: `Mailboxes of ${names} were ${about.is}. ${about.remedy}.` }]])
  }
  const total = rows.reduce((sum, row) => sum + row.mailboxes, 0)
  const parts = list(rows.map(({ name, mailboxes }) => `${name}: ${mailboxes}`))
  const detail = `${plural(total, 'mailbox', 'mailboxes')} ${about.is} (${parts}). ${about.remedy}.`
  return new Map([['', { level, detail }]])
}

/** Each workspace once, with the rules that its mailboxes break. */
function ailing(rows: readonly Row[]): Ailing[] {
  const grave = rows.filter(({ level, scope }) => level !== 'info' && scope !== null)
  return [...Map.groupBy(grave, ({ scope }) => scope ?? '')].map(([scope, own]) => ({
    scope,
    name: own[0]?.name ?? scope,
    severity: own.some(({ level }) => level === 'critical') ? 'critical' : 'warning',
    detail: own.map(({ rule, mailboxes }) => (rule === 'stale' ? rule : `${rule} ${mailboxes}`)).join(', '),
  }))
}
