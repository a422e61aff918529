import { notifyAll, onceKey } from '../../alerts/outbox.ts'
import type { Database, Transaction } from '../../db/database.ts'
import { describeError, LockstepError } from '../../engine/errors.ts'
import { backfill } from '../../lanes/backfill.ts'
import type { Message } from '../../sinks/contract.ts'
import type { EmailBison } from '../../sources/email-bison/source.ts'
import { ROW } from '../../sources/contract.ts'
import type { Job, JobContext } from '../contract.ts'
import { refreshWorkspaceSettings } from './workspace-settings.ts'

const PATIENCE_MS = 30 * 60_000

/** Each day: new workspaces are found and announced, and the vendor's settings of all read again. */
export const discoveryJobs = (bison: () => EmailBison | undefined, timeZone: string): readonly Job[] => [
  {
    name: 'portal-discovery',
    cron: '0 4 * * *',
    timeZone,
    async run(db, now, context) {
      const source = bison()
      if (source === undefined) return
      const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)])
      const problems = await findWorkspaces(db, { ...context, signal })
      await announce(db, now)
      const { failures } = await refreshWorkspaceSettings(db, source.schedules, { now, signal })
      const all = [...problems, ...failures.map(({ name, error }) => `settings of ${name}: ${error}`)]
      if (all.length > 0) throw new LockstepError(all.join('; '))
    },
  },
]

/** Lists the workspaces of every installation anew, into the table. Returns what went wrong. */
async function findWorkspaces(db: Database, { pipeline, signal }: JobContext): Promise<string[]> {
  const { problems } = await pipeline.source.prepare({ fresh: true, signal })
  const all = [...problems]
  for (const stream of pipeline.source.streams.filter(({ table }) => table === 'client_registry')) {
    try {
      await backfill(db, pipeline, stream, ROW, { signal })
    } catch (error) {
      all.push(`${stream.name}: ${describeError(error)}`)
    }
  }
  return all
}

interface Found {
  readonly scope: string
  readonly name: string
}

/**
 * Tells the team of workspaces that were not told of yet, once each; those that are there when Lockstep comes to an
 * agency are told of together.
 */
export async function announce(db: Database, now: Date): Promise<readonly Found[]> {
  return db.transaction(async (tx) => {
    const { rows: before } = await tx.query<{ any: boolean }>(
      'select exists (select from public.client_registry where announced_at is not null) as any',
    )
    const { rows } = await tx.query<Found>(
      `update public.client_registry as r set announced_at = $1
       from (
         select bison_key from public.client_registry where announced_at is null and workspace_name is not null
         order by bison_key for no key update
       ) as n
       where r.bison_key = n.bison_key returning r.scope, r.workspace_name as name`,
      [now.toISOString()],
    )
    const found = [...rows].sort((a, b) => (a.name < b.name ? -1 : 1))
    if (found.length > 0) await tell(tx, found, { isFirst: before[0]?.any === false, now })
    return found
  })
}

async function tell(
  tx: Transaction,
  found: readonly Found[],
  { isFirst, now }: { readonly isFirst: boolean; readonly now: Date },
): Promise<void> {
  const at = now.toISOString()
  const common = { app: 'portal', purpose: 'team', sendAfter: at }
  const together = isFirst && found.length > 1
  await notifyAll(
    tx,
    together
      ? [{ ...common, dedupeKey: onceKey('workspaces found', at), message: firstMessage(found, at) }]
      : found.map((one) => ({
          ...common,
          dedupeKey: onceKey('workspace found', one.scope),
          message: foundMessage(one, at),
        })),
  )
}

const ASK =
  'set its targets (monthly_kpi_target, monthly_sending_target, daily_sending_target): a target of 0 leaves it out of reports. It bills nothing until it has a price'

const foundMessage = ({ scope, name }: Found, at: string): Message => ({
  title: `New workspace: ${name}`,
  tone: 'neutral',
  text: `Found at Email Bison and read from now on. Please ${ASK}.`,
  fields: [
    { title: 'Workspace', value: name },
    { title: 'Scope', value: scope },
  ],
  at,
})

const LISTED = 60

function firstMessage(found: readonly Found[], at: string): Message {
  const rest = found.length - LISTED
  const names = found.slice(0, LISTED).map(({ name }) => name)
  return {
    title: `${found.length} workspaces are read from now on`,
    tone: 'neutral',
    text: `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}.\nOf each, please ${ASK}.`,
    at,
  }
}
