import type { Queryable } from '../db/database.ts'

/** An event of the inbox, for people. */
export interface EventSummary {
  id: number
  app: string
  event_type: string | null
  stream: string | null
  entity: string | null
  received_at: string
  status: 'pending' | 'processed' | 'dead'
  outcome: string | null
  attempts: number
  deliveries: number
  processing_ms: number | null
  error: string | null
}

const SUMMARY = `id, app, event_type, stream, entity, received_at, status, outcome, attempts, deliveries,
  processing_ms, error`

export interface EventFilter {
  readonly app?: string | undefined
  readonly status?: string | undefined
  readonly limit: number
}

/** Of millions of events few wait or are dead: they are looked up where they are, not met on the way. */
const IN_STATUS: Readonly<Record<string, string>> = {
  pending: 'and id in (select id from lockstep.inbox_queue)',
  dead: `and id in (select id from lockstep.inbox_outcomes where status = 'dead')`,
}

/** The newest events first. */
export async function listEvents(db: Queryable, filter: EventFilter): Promise<EventSummary[]> {
  const { rows } = await db.query<EventSummary>(
    `select ${SUMMARY} from lockstep.inbox
     where ($1::text is null or app = $1) and ($2::text is null or status = $2) ${IN_STATUS[filter.status ?? ''] ?? ''}
     order by id desc limit $3`,
    [filter.app ?? null, filter.status ?? null, filter.limit],
  )
  return rows
}

export interface EventDetail extends EventSummary {
  dedupe_key: string
  headers: Record<string, string> | null
  body: string
}

/** One event with its headers and its body as it came. */
export async function showEvent(db: Queryable, id: number): Promise<EventDetail | undefined> {
  const { rows } = await db.query<Omit<EventDetail, 'body'> & { body: Buffer }>(
    `select ${SUMMARY}, dedupe_key, headers, body from lockstep.inbox where id = $1`,
    [id],
  )
  const row = rows[0]
  return row === undefined ? undefined : { ...row, body: row.body.toString('utf8') }
}

export interface ReplayFilter {
  readonly ids?: readonly number[] | undefined
  readonly app?: string | undefined
  /** Only dead letters whose error contains this text. */
  readonly error?: string | undefined
  readonly from?: string | undefined
  readonly to?: string | undefined
  readonly deadOnly: boolean
}

/**
 * Makes events pending again, with their tries counted anew. They keep their arrival numbers and so their stamps:
 * a replayed event outranks nothing that it did not outrank at first. Returns how many there were.
 */
export async function replayEvents(db: Queryable, filter: ReplayFilter): Promise<number> {
  const { rowCount } = await db.query(
    `with again as (
       delete from lockstep.inbox_outcomes as o using lockstep.inbox_events as e
       where e.id = o.id
         and ($1::bigint[] is null or o.id = any ($1)) and ($2::text is null or o.app = $2)
         and ($3::text is null or strpos(o.error, $3) > 0)
         and ($4::timestamptz is null or e.received_at >= $4) and ($5::timestamptz is null or e.received_at < $5)
         and (not $6 or o.status = 'dead')
       returning o.app, o.id, octet_length(e.body) as bytes
     )
     insert into lockstep.inbox_queue (app, id, bytes) select app, id, bytes from again`,
    [
      filter.ids ?? null,
      filter.app ?? null,
      filter.error ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.deadOnly,
    ],
  )
  return rowCount ?? 0
}

export interface InboxFigures {
  pending: number
  dead: number
  processed_24h: number
  received_24h: number
  deliveries_24h: number
  oldest_pending_s: number | null
  p50_ms: number | null
  p95_ms: number | null
}

/** Depth and speed of an app's inbox over the last day. */
export async function inboxFigures(db: Queryable, app: string): Promise<InboxFigures> {
  const { rows } = await db.query<InboxFigures>(
    `select
       (select count(*)::int from lockstep.inbox_queue where app = $1) as pending,
       (select count(*)::int from lockstep.inbox_outcomes where app = $1 and status = 'dead') as dead,
       (select extract(epoch from clock_timestamp() - min(e.received_at))::float8
        from lockstep.inbox_queue as q join lockstep.inbox_events as e on e.id = q.id where q.app = $1) as oldest_pending_s,
       count(*) filter (where o.status = 'processed')::int as processed_24h, count(*)::int as received_24h,
       coalesce(sum(e.deliveries), 0)::int as deliveries_24h,
       percentile_cont(0.5) within group (order by o.processing_ms) as p50_ms,
       percentile_cont(0.95) within group (order by o.processing_ms) as p95_ms
     from lockstep.inbox_events as e left join lockstep.inbox_outcomes as o on o.id = e.id
     where e.app = $1 and e.received_at > clock_timestamp() - interval '24 hours'`,
    [app],
  )
  return rows[0] as InboxFigures
}

/** Deletes settled events older than `days`, at most `chunks` × 1,000 of them. Returns how many went. */
export async function purgeEvents(db: Queryable, days: number, chunks: number): Promise<number> {
  let purged = 0
  for (let chunk = 0; chunk < chunks; chunk++) {
    const { rowCount } = await db.query(
      `with old as materialized (
         select e.id from lockstep.inbox_events as e
         where e.received_at < clock_timestamp() - make_interval(days => $1)
           and not exists (select from lockstep.inbox_queue as q where q.app = e.app and q.id = e.id)
         order by e.received_at limit 1000
       ), outcomes as (
         delete from lockstep.inbox_outcomes where id in (select id from old)
       )
       delete from lockstep.inbox_events where id in (select id from old)`,
      [days],
    )
    purged += rowCount ?? 0
    if ((rowCount ?? 0) < 1000) break
  }
  return purged
}
