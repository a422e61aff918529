import { type Alert, openAlerts } from '../alerts/alerts.ts'
import type { Queryable } from '../db/database.ts'
import { type InboxFigures, inboxFigures } from '../inbox/ledger.ts'
import { sqlName, tableId } from '../mirror/table-spec.ts'
import type { Usage } from '../sources/contract.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { type Drift, latestDrift } from '../lanes/verify-ledger.ts'
import type { Run } from '../lanes/runs.ts'
import { type StreamWebhooks, webhookHealth } from '../lanes/webhook-health.ts'

export interface TableStatus {
  table: string
  stream: string
  name: string
  rows: number
  tombstones: number
  /** When the whole table, or what changed in it, was last confirmed against the vendor. */
  confirmed_at: string | null
  full_pass_at: string | null
  /** What the last verification found; null where there was none. */
  drift: Drift | null
}

/** How one app stands, for `status`, the status page and metrics. */
export interface AppStatus {
  readonly app: string
  readonly vendor: string
  readonly inbox: InboxFigures
  readonly refetches: number
  readonly tables: readonly TableStatus[]
  readonly runs: readonly Run[]
  readonly usage: Usage
  /** By stream, over 24 hours. */
  readonly webhooks: readonly StreamWebhooks[]
  /** What is wrong now. */
  readonly alerts: readonly Alert[]
}

/** Reads an app's state; costs a handful of indexed queries and a count of each table. */
export async function readStatus(db: Queryable, pipeline: Pipeline): Promise<AppStatus> {
  const { app, source } = pipeline
  const inbox = await inboxFigures(db, app)
  const refetches = await db.query<{ n: number }>(
    'select count(*)::int as n from lockstep.refetch where app = $1',
    [app],
  )
  const runs = await db.query<Run>(
    `select * from lockstep.runs where app = $1 order by started_at desc limit 10`,
    [app],
  )
  return {
    app,
    vendor: source.vendor,
    inbox,
    refetches: refetches.rows[0]?.n ?? 0,
    tables: await readTables(db, pipeline),
    runs: runs.rows,
    usage: await source.usage(),
    webhooks: await webhookHealth(db, app),
    alerts: await openAlerts(db, app),
  }
}

async function readTables(db: Queryable, { app, source, mirror }: Pipeline): Promise<TableStatus[]> {
  const tables: TableStatus[] = []
  const verified = new Map((await latestDrift(db, app)).map((drift) => [drift.stream, drift]))
  for (const stream of source.streams) {
    const spec = mirror.tables.get(stream.table)?.spec
    if (spec === undefined) continue
    const { rows } = await db.query<Omit<TableStatus, 'table' | 'stream' | 'name' | 'drift'>>(
      `select (select count(*)::int from ${sqlName(spec)} where starts_with("${spec.key}", $4)) as rows,
         (select count(*)::int from lockstep.tombstones where table_name = $3 and dead and starts_with(key, $4)) as tombstones,
         greatest(f.full_pass_at, f.delta_at) as confirmed_at, f.full_pass_at
       from (select 1) as one left join lockstep.freshness as f on f.app = $1 and f.stream = $2`,
      [app, stream.id, tableId(spec), stream.keyPrefix ?? ''],
    )
    const row = rows[0]
    if (row === undefined) continue
    const { id, name, table } = stream
    tables.push({ table, stream: id, name, ...row, drift: verified.get(id) ?? null })
  }
  return tables
}
