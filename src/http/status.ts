import { type Alert, openAlerts } from '../alerts/alerts.ts'
import { alertPathHealth, type PathHealth } from '../alerts/path-health.ts'
import type { Queryable } from '../db/database.ts'
import { type InboxFigures, inboxFigures } from '../inbox/ledger.ts'
import { sqlName, tableId } from '../mirror/table-spec.ts'
import type { Stream, Usage } from '../sources/contract.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { type Drift, latestDrift } from '../lanes/verify-ledger.ts'
import type { Run } from '../lanes/runs.ts'
import { type StreamWebhooks, webhookHealth } from '../lanes/webhook-health.ts'

export interface TableStatus {
  table: string
  /** The first of those that fill it. */
  stream: string
  /** Of the stream; where several fill the table, how many. */
  name: string
  streams: number
  /** `partial`: of some of its streams the last pass was not whole, or none ever was. What was read before is shown. */
  state: 'whole' | 'partial'
  /** Streams whose last pass was not whole, with why. */
  ailing: readonly { readonly name: string; readonly error: string }[]
  rows: number
  tombstones: number
  /** When the whole table, or what changed in it, was last confirmed against the vendor; of its oldest stream. */
  confirmed_at: string | null
  full_pass_at: string | null
  /** What the last verification found; null where there was none. */
  drift: Drift | null
}

export interface WebhookStatus extends StreamWebhooks {
  readonly name: string
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
  readonly webhooks: readonly WebhookStatus[]
  /** Whether people are reached, by purpose. */
  readonly notifications: readonly PathHealth[]
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
    webhooks: await readWebhooks(db, pipeline),
    notifications: await alertPathHealth(db, app),
    alerts: await openAlerts(db, app),
  }
}

async function readTables(db: Queryable, pipeline: Pipeline): Promise<TableStatus[]> {
  const { app, source, mirror } = pipeline
  const verified = new Map((await latestDrift(db, app)).map((drift) => [drift.stream, drift]))
  const stands = await readStreams(db, app, source.streams)
  const tables: TableStatus[] = []
  for (const [table, streams] of Map.groupBy(source.streams, (stream) => stream.table)) {
    const spec = mirror.tables.get(table)?.spec
    const [first] = streams
    if (spec === undefined || first === undefined) continue
    const { rows } = await db.query<{ rows: number; tombstones: number }>(
      `select (select count(*)::int from ${sqlName(spec)}) as rows,
         (select count(*)::int from lockstep.tombstones where table_name = $1 and dead) as tombstones`,
      [tableId(spec)],
    )
    const own = streams.map((stream) => ({ stream, stand: stands.get(stream.id) }))
    const ailing = own.flatMap(({ stream, stand }) =>
      stand?.status === 'failed' || stand?.status === 'partial'
        ? [{ name: stream.name, error: stand.error ?? stand.status }]
        : [],
    )
    const unread = own.some(({ stand }) => (stand?.full_pass_at ?? null) === null)
    tables.push({
      table,
      stream: first.id,
      name: streams.length === 1 ? first.name : `${streams.length} streams`,
      streams: streams.length,
      rows: rows[0]?.rows ?? 0,
      tombstones: rows[0]?.tombstones ?? 0,
      confirmed_at: oldest(own.map(({ stand }) => stand?.confirmed_at ?? null)),
      full_pass_at: oldest(own.map(({ stand }) => stand?.full_pass_at ?? null)),
      state: ailing.length > 0 || unread ? 'partial' : 'whole',
      ailing,
      drift: sumDrift(streams.flatMap(({ id }) => verified.get(id) ?? [])),
    })
  }
  return tables
}

interface Stand {
  stream: string
  confirmed_at: string | null
  full_pass_at: string | null
  /** Of the last run that is over. */
  status: Run['status'] | null
  error: string | null
}

async function readStreams(
  db: Queryable,
  app: string,
  streams: readonly Stream[],
): Promise<Map<string, Stand>> {
  const { rows } = await db.query<Stand>(
    `select s.stream, greatest(f.full_pass_at, f.delta_at) as confirmed_at, f.full_pass_at, r.status, r.error
     from unnest($2::text[]) as s (stream)
     left join lockstep.freshness as f on f.app = $1 and f.stream = s.stream
     left join lateral (
       select l.* from unnest('{backfill,delta}'::text[]) as lanes (lane)
       cross join lateral (
         select status, error, started_at from lockstep.runs
         where app = $1 and lane = lanes.lane and stream = s.stream and status <> 'running'
         order by started_at desc limit 1) as l
       order by l.started_at desc limit 1) as r on true`,
    [app, streams.map(({ id }) => id)],
  )
  return new Map(rows.map((row) => [row.stream, row]))
}

/** Null where one of them is: what was never confirmed is older than anything. */
function oldest(times: readonly (string | null)[]): string | null {
  return times.reduce((least, time) =>
    least === null || time === null ? null : Date.parse(time) < Date.parse(least) ? time : least,
  )
}

const WORST: readonly Drift['status'][] = ['failed', 'partial', 'running', 'completed']

/** What the verifications of all streams of a table found; as old as the oldest. */
function sumDrift(all: readonly Drift[]): Drift | null {
  const [first, ...others] = all
  if (first === undefined) return null
  return others.reduce<Drift>(
    (sum, one) => ({
      ...sum,
      verified_at: oldest([sum.verified_at, one.verified_at]) ?? sum.verified_at,
      completed_at: oldest([sum.completed_at, one.completed_at]),
      status: WORST.find((status) => status === sum.status || status === one.status) ?? sum.status,
      rows: sum.rows + one.rows,
      cells: sum.cells + one.cells,
      missing: sum.missing + one.missing,
      extra: sum.extra + one.extra,
      different: sum.different + one.different,
      repaired: sum.repaired + one.repaired,
      unsettled: sum.unsettled + one.unsettled,
      reconciled: sum.reconciled || one.reconciled,
      examples: [...sum.examples, ...one.examples],
    }),
    first,
  )
}

/** Webhooks are told apart as the vendor does it: by stream, or by the scopes of its own record of events. */
async function readWebhooks(db: Queryable, { app, source }: Pipeline): Promise<WebhookStatus[]> {
  const health = await webhookHealth(db, app)
  const scopes = source.eventLog?.scopes()
  const names = new Map((scopes ?? source.streams).map(({ id, name }) => [id, name]))
  return health
    .filter(({ stream }) => scopes === undefined || names.has(stream))
    .map((one) => ({ ...one, name: names.get(one.stream) ?? one.stream }))
}
