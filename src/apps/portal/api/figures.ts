import { type Answer, ReadCache } from '../../../cache/read-cache.ts'
import { Marks } from '../../../cache/marks.ts'
import type { Database, Queryable } from '../../../db/database.ts'
import { describeError } from '../../../engine/errors.ts'
import type { Log } from '../../../jobs/log.ts'
import { RefusedError } from '../../refused.ts'
import { keepUsage } from './cache-usage.ts'

/** Marks are kept for an hour (see the job `portal-prune-marks`). */
const MARKS_KEPT_MS = 30 * 60_000

/** What changes, as the triggers of migration 0015 call it. */
export type Topic =
  | 'counts'
  | 'metrics'
  | 'vendor'
  | 'leads'
  | 'settings'
  | 'mailboxes'
  | 'providers'
  | 'campaigns'
  | 'replies'

export interface FigureRequest {
  readonly name: string
  /** What tells this request from others of its name. */
  readonly params?: Readonly<Record<string, string | number | boolean | undefined>>
  readonly workspace?: string | undefined
  readonly topics: readonly Topic[]
  readonly ttlMs?: number
  /** A statement with one row, whose columns are the answer's fields. */
  readonly sql: string
  readonly values?: (asOf: string) => readonly unknown[]
}

/** Reads figures through the cache. */
export class Figures {
  private readonly db: Database
  private readonly cache: ReadCache

  constructor(db: Database, log: Log) {
    this.db = db
    this.cache = new ReadCache({
      changes: new Marks(db, { table: 'portal.cache_marks', keptMs: MARKS_KEPT_MS, now: Date.now }),
      report: (report) => keepUsage(db, report),
      onError: (what, error) => log.warn({ app: 'portal', error: describeError(error) }, `${what} failed`),
      isAnswer: (error) => error instanceof RefusedError,
    })
  }

  /** @throws RefusedError where there is no such workspace */
  async read<T extends object>(request: FigureRequest): Promise<Answer<T>> {
    const { name, workspace, topics, ttlMs, sql, values } = request
    return this.cache.read<T>({
      key: keyOf(request),
      name,
      label: workspace,
      // Names of workspaces are settings.
      topics: ['settings', ...topics],
      ttlMs,
      load: async (now) => {
        const scope = workspace === undefined ? undefined : await scopeOf(this.db, workspace)
        // As JSON, in which figures are numbers and times are ISO 8601.
        const { rows } = await this.db.query<{ figure: T }>(
          `select to_json(f) as figure from (${sql}) as f`,
          values?.(new Date(now).toISOString()) ?? [],
        )
        if (rows[0] === undefined) throw new Error(`the figure "${name}" has no row`)
        return { value: rows[0].figure, scope }
      },
    })
  }

  /** Whoever reads next sees what was just written here. */
  overwrite(topic: Topic, scope: string): void {
    this.cache.overwrite({ topic, scope })
  }

  async stop(): Promise<void> {
    await this.cache.stop()
  }
}

function keyOf({ name, params = {}, workspace }: FigureRequest): string {
  const query = new URLSearchParams()
  for (const [param, value] of Object.entries({ ...params, workspace })) {
    if (value !== undefined) query.set(param, String(value))
  }
  const text = query.toString()
  return text === '' ? name : `${name}?${text}`
}

/** @throws RefusedError where there is no such workspace */
export async function scopeOf(db: Queryable, workspace: string): Promise<string> {
  const { rows } = await db.query<{ scope: string }>(
    'select scope from portal.scopes where workspace_name = $1',
    [workspace],
  )
  if (rows[0] === undefined) throw new RefusedError(404, 'not_found', `there is no workspace "${workspace}"`)
  return rows[0].scope
}

/** An SQL expression for the rows of a query, as JSON in their order. */
export const rowsOf = (query: string): string =>
  `(select coalesce(json_agg(to_json(r)), '[]') from (${query}) as r)`

/** One row of a query as JSON. */
export const rowOf = (query: string): string => `(select to_json(r) from (${query}) as r)`
