import { VendorRefusedError } from '../../engine/errors.ts'
import type { Json } from '../../engine/observation.ts'
import type { EventLog } from '../contract.ts'
import { readList } from './paging.ts'
import { micros } from './rows.ts'
import { scopeOf, type Workspaces } from './workspaces.ts'

const DAY_MS = 86_400_000
const KEPT_MS = 10 * DAY_MS
/** Whose days the filter means is not said: so far may the vendor's calendar be from UTC, either way. */
const ZONE_MS = 14 * 3_600_000

const day = (ms: number): string => new Date(ms).toISOString().slice(0, 10)

/** `/api/events`: every event of the last ten days, with the body that its deliveries had. */
export function readEventLog(workspaces: Workspaces): EventLog {
  return {
    // The day that the tenth day ago lies in may be gone by the time that it is asked for.
    keptMs: KEPT_MS - DAY_MS,
    scopes: () => workspaces.all.map((workspace) => ({ id: scopeOf(workspace), name: workspace.name })),
    async read({ scope, sinceMs, untilMs, cursor, signal }) {
      const workspace = workspaces.find(scope)
      if (workspace === undefined) throw new VendorRefusedError(`Email Bison: no workspace ${scope} is known`)
      const { rows, next } = await readList(
        workspaces.client(workspace.instance),
        {
          path: 'events',
          // One bound alone is refused.
          query: { per_page: '100', start_date: day(sinceMs - ZONE_MS), end_date: day(untilMs + ZONE_MS) },
          token: workspaces.token(workspace),
          signal,
        },
        cursor,
      )
      const events = rows.flatMap((row) => {
        const at = micros(row['created_at'])
        const payload: Json | undefined = row['payload']
        return at === undefined || payload === undefined ? [] : [{ payload, atMs: at / 1000 }]
      })
      return { events, next }
    },
  }
}
