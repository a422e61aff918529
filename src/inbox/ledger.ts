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

/** The newest events first. */
export async function listEvents(db: Queryable, filter: EventFilter): Promise<EventSummary[]> {
  const { rows } = await db.query<EventSummary>(
    `select ${SUMMARY} from lockstep.inbox
     where ($1::text is null or app = $1) and ($2::text is null or status = $2) order by id desc limit $3`,
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
    `update lockstep.inbox set status = 'pending', attempts = 0, next_attempt_at = '-infinity', error = null,
       outcome = null, processed_at = null
     where status <> 'pending'
       and ($1::bigint[] is null or id = any ($1)) and ($2::text is null or app = $2)
       and ($3::text is null or strpos(error, $3) > 0)
       and ($4::timestamptz is null or received_at >= $4) and ($5::timestamptz is null or received_at < $5)
       and (not $6 or status = 'dead')`,
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
       (select count(*)::int from lockstep.inbox where app = $1 and status = 'pending') as pending,
       (select count(*)::int from lockstep.inbox where app = $1 and status = 'dead') as dead,
       (select extract(epoch from clock_timestamp() - min(received_at))::float8 from lockstep.inbox
        where app = $1 and status = 'pending') as oldest_pending_s,
       count(*) filter (where status = 'processed')::int as processed_24h, count(*)::int as received_24h,
       coalesce(sum(deliveries), 0)::int as deliveries_24h,
       percentile_cont(0.5) within group (order by processing_ms) as p50_ms,
       percentile_cont(0.95) within group (order by processing_ms) as p95_ms
     from lockstep.inbox where app = $1 and received_at > clock_timestamp() - interval '24 hours'`,
    [app],
  )
  return rows[0] as InboxFigures
}

/** Deletes settled events older than `days`, at most `chunks` × 1,000 of them. Returns how many went. */
export async function purgeEvents(db: Queryable, days: number, chunks: number): Promise<number> {
  let purged = 0
  for (let chunk = 0; chunk < chunks; chunk++) {
    const { rowCount } = await db.query(
      `delete from lockstep.inbox where id in (
         select id from lockstep.inbox
         where received_at < clock_timestamp() - make_interval(days => $1) and status <> 'pending'
         order by received_at limit 1000)`,
      [days],
    )
    purged += rowCount ?? 0
    if ((rowCount ?? 0) < 1000) break
  }
  return purged
}
