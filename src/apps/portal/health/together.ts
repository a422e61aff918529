import { type Finding, openStreams } from '../../../alerts/alerts.ts'
import type { Queryable } from '../../../db/database.ts'
import { type Ailing, list, plural } from './check.ts'

/** More workspaces than this ail of one cause, and are one matter: not a message each. */
const MANY = 5
const DETAILS_MAX = 3

/**
 * What people are to be told of workspaces that are not well: an alert each, or one of all where they are many. What
 * was told as one matter ends as one, and those that were told of by themselves before are still.
 */
export async function alertsOfWorkspaces(
  db: Queryable,
  condition: string,
  ailing: readonly Ailing[],
): Promise<ReadonlyMap<string, Finding>> {
  const open = new Set(await openStreams(db, 'portal', condition))
  const together = ailing.length > MANY || (open.has('') && ailing.length > 0)
  const apart = together ? ailing.filter(({ scope }) => open.has(scope)) : ailing
  const found = apart.map(({ scope, severity: level, detail }): [string, Finding] => [
    scope,
    { level, detail },
  ])
  return new Map(together ? [['', describeAll(ailing)], ...found] : found)
}

function describeAll(ailing: readonly Ailing[]): Finding {
  const details = ailing.slice(0, DETAILS_MAX).map(({ detail }) => detail)
  return {
    level: ailing.some(({ severity }) => severity === 'critical') ? 'critical' : 'warning',
    detail: `${plural(ailing.length, 'workspace')}: ${list(ailing.map(({ name }) => name))}. ${details.join('. ')}`,
  }
}
