import { VendorRefusedError } from '../../engine/errors.ts'
import type { Json, JsonObject } from '../../engine/observation.ts'
import type { EventLog, LoggedEvent } from '../contract.ts'
import { readList } from './paging.ts'
import { micros, number, object, text } from './rows.ts'
import { scopeOf, type Workspace, type Workspaces } from './workspaces.ts'

const DAY_MS = 86_400_000
const KEPT_MS = 10 * DAY_MS
/** Whose days the filter means is not said: so far may the vendor's calendar be from UTC, either way. */
const ZONE_MS = 14 * 3_600_000

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

export interface EventLogOptions {
  readonly workspaces: Workspaces
  /** Where a workspace's webhook is; undefined where that is not known. */
  readonly hookOf: (scope: string) => string | undefined
}

/** `/api/events`: every event of the last ten days, with the body that its deliveries had. */
export function readEventLog({ workspaces, hookOf }: EventLogOptions): EventLog {
  const find = (scope: string): Workspace => {
    const workspace = workspaces.find(scope)
    if (workspace === undefined) throw new VendorRefusedError(`Email Bison: no workspace ${scope} is known`)
    return workspace
  }
  return {
    // The day that the tenth day ago lies in may be gone by the time that it is asked for.
    keptMs: KEPT_MS - DAY_MS,
    scopes: () => workspaces.all.map((workspace) => ({ id: scopeOf(workspace), name: workspace.name })),
    async read({ scope, sinceMs, untilMs, cursor, signal }) {
      const workspace = find(scope)
      const { rows, next, floor } = await readList(
        workspaces.client(workspace.instance),
        {
          path: 'events',
          // One bound alone is refused.
          query: { per_page: '100', start_date: day(sinceMs - ZONE_MS), end_date: day(untilMs + ZONE_MS) },
          ...workspaces.credentials(workspace),
          signal,
        },
        cursor,
      )
      const hook = hookOf(scope)
      return { events: rows.flatMap((row) => readEvent(row, hook) ?? []), next, floor }
    },
    async redeliver({ scope, attempt, signal }) {
      const workspace = find(scope)
      const path = `webhook-attempts/${encodeURIComponent(attempt)}/retry`
      const call = { method: 'POST', path, ...workspaces.credentials(workspace), signal } as const
      await workspaces.client(workspace.instance).call(call)
    },
  }
}

function readEvent(row: JsonObject, hook: string | undefined): LoggedEvent | undefined {
  const at = micros(row['created_at'])
  if (at === undefined) return undefined
  const payload: Json | undefined = row['payload'] ?? undefined
  const delivered = hook === undefined ? undefined : deliveredTo(hook, row['webhook_deliveries'])
  return { payload, atMs: at / 1000, ...(delivered === undefined ? {} : { delivered }) }
}

/** A delivery that somebody asked for is one of its own, each with its attempts. */
function deliveredTo(hook: string, deliveries: Json | undefined): LoggedEvent['delivered'] {
  const attempts = list(deliveries)
    .filter((delivery) => delivery['webhook_url'] === hook)
    .flatMap((delivery) => list(delivery['webhook_attempts']))
  const newest = attempts.reduce<JsonObject | undefined>(
    (last, one) => ((number(one['id']) ?? 0) > (number(last?.['id']) ?? 0) ? one : last),
    undefined,
  )
  const attempt = text(newest?.['id'])
  return attempt === null
    ? undefined
    : { attempt, ok: attempts.some((one) => text(one['status'])?.toLowerCase() === 'success') }
}

const list = (value: Json | undefined): readonly JsonObject[] =>
  Array.isArray(value) ? value.map((one) => object(one as Json)) : []
