import type { Database, Queryable, Transaction } from '../db/database.ts'
import { judgePoll, type PollFinding, type WebhookHealth } from '../engine/webhook-health.ts'
import type { Change } from '../mirror/apply.ts'
import type { Page, Stream } from '../sources/contract.ts'
import type { Arrival } from './observe.ts'

/** An event that came this long before the change it may tell of: clocks are known to about a second, not better. */
const SLACK_S = 30
const EXAMPLES_MAX = 5

/** What happened before we ran could not be told to us. */
const startedAt = Math.round(performance.timeOrigin * 1000)

/**
 * Notes the rows that a delta found changed here. Whether a webhook told of them is judged later: it may be on its
 * way, or wait for the vendor's next try.
 */
export async function noteChanged(
  tx: Queryable,
  app: string,
  stream: Stream,
  found: { page: Page; arrival: Arrival; changes: readonly Change[] },
): Promise<void> {
  const { page, arrival } = found
  const changed = new Set(found.changes.filter(({ table }) => table === stream.table).map(({ key }) => key))
  const rows = page.rows
    .filter((row) => changed.has(row.key) && row.updatedAt !== undefined)
    .map((row) => ({ key: row.key, at: (row.updatedAt ?? 0) + arrival.seen - page.floor }))
    .filter(({ at }) => at > startedAt)
  if (rows.length === 0) return
  await tx.query(
    `insert into lockstep.webhook_suspects (app, stream, key, changed_at)
     select $1, $2, key, to_timestamp(at / 1000000) from unnest($3::text[], $4::float8[]) as s (key, at)
     order by key on conflict (app, stream, key) do nothing`,
    [app, stream.id, rows.map(({ key }) => key), rows.map(({ at }) => at)],
  )
}

export interface Judgement extends PollFinding {
  readonly before: WebhookHealth
  readonly after: WebhookHealth
  /** Keys that no event told of. */
  readonly examples: readonly string[]
}

/** Streams of which a poll that ended at least `graceMs` ago was not judged yet, or that were never watched. */
export async function streamsToJudge(db: Queryable, app: string, graceMs: number): Promise<Set<string>> {
  const { rows } = await db.query<{ stream: string }>(
    `select distinct r.stream from lockstep.runs as r
     left join lockstep.webhook_watch as w on w.app = r.app and w.stream = r.stream
     where r.app = $1 and r.lane = 'delta' and r.status in ('completed', 'partial')
       and r.started_at > clock_timestamp() - interval '2 days'
       and r.finished_at > coalesce(w.judged_until, '-infinity')
       and r.finished_at <= clock_timestamp() - make_interval(secs => $2)`,
    [app, graceMs / 1000],
  )
  return new Set(rows.map(({ stream }) => stream))
}

/**
 * Judges the webhooks of a stream by its polls that ended at least `graceMs` ago; undefined where there is none that
 * was not judged yet, or where the app has no webhooks at all.
 */
export async function judgeWebhooks(
  db: Database,
  app: string,
  stream: string,
  graceMs: number,
): Promise<Judgement | undefined> {
  return db.transaction(async (tx) => {
    await tx.query(
      'insert into lockstep.webhook_watch (app, stream) values ($1, $2) on conflict do nothing',
      [app, stream],
    )
    const poll = await nextPoll(tx, app, stream, graceMs)
    if (poll === undefined) return undefined
    const { examples, ...finding } = await countSuspects(tx, app, stream, poll)
    const before = { healthy: poll.healthy, badPolls: poll.bad_polls, badRows: poll.bad_rows }
    const after = poll.has_webhooks ? judgePoll(before, finding) : before
    await record(tx, app, stream, { poll, finding, after })
    return poll.has_webhooks ? { ...finding, before, after, examples } : undefined
  })
}

interface Poll {
  id: string
  finished_at: string
  judged_until: string
  healthy: boolean
  bad_polls: number
  bad_rows: number
  has_webhooks: boolean
}

async function nextPoll(
  tx: Transaction,
  app: string,
  stream: string,
  graceMs: number,
): Promise<Poll | undefined> {
  const { rows } = await tx.query<Poll>(
    `select r.id, r.finished_at, coalesce(w.judged_until, r.finished_at - interval '1 hour') as judged_until,
       w.healthy, w.bad_polls, w.bad_rows,
       exists (select from lockstep.inbox_events where app = $1)
         or exists (select from lockstep.source_state where app = $1 and kind = 'webhook') as has_webhooks
     from lockstep.webhook_watch as w
     join lockstep.runs as r on r.app = w.app and r.stream = w.stream and r.lane = 'delta'
     where w.app = $1 and w.stream = $2 and r.status in ('completed', 'partial')
       and r.finished_at > coalesce(w.judged_until, '-infinity')
       and r.finished_at <= clock_timestamp() - make_interval(secs => $3)
     order by r.finished_at desc limit 1 for update of w`,
    [app, stream, graceMs / 1000],
  )
  return rows[0]
}

/** Takes the suspects of these polls, and counts the rows that events told of in the same time. */
async function countSuspects(
  tx: Transaction,
  app: string,
  stream: string,
  poll: Poll,
): Promise<PollFinding & { examples: string[] }> {
  const { rows } = await tx.query<{ announced: number; unannounced: number; examples: string[] | null }>(
    `with due as (
       delete from lockstep.webhook_suspects where app = $1 and stream = $2 and noticed_at <= $4
       returning key, changed_at
     ), told as (
       select entity, max(received_at) as at from lockstep.inbox_events
       where app = $1 and entity is not null
         and received_at >= (select min(changed_at) from due) - make_interval(secs => $5)
       group by entity
     ), lost as (
       select key from due left join told on told.entity = due.key
       where told.at is null or told.at < due.changed_at - make_interval(secs => $5)
     )
     select (select count(*)::int from lost) as unannounced,
       (select array_agg(key) from (select key from lost order by key limit $6) as first) as examples,
       (select count(distinct entity)::int from lockstep.inbox_events
        where app = $1 and stream = $2 and received_at > $3 and received_at <= $4) as announced`,
    [app, stream, poll.judged_until, poll.finished_at, SLACK_S, EXAMPLES_MAX],
  )
  const row = rows[0]
  return {
    announced: row?.announced ?? 0,
    unannounced: row?.unannounced ?? 0,
    examples: row?.examples ?? [],
  }
}

async function record(
  tx: Transaction,
  app: string,
  stream: string,
  { poll, finding, after }: { poll: Poll; finding: PollFinding; after: WebhookHealth },
): Promise<void> {
  await tx.query(
    `update lockstep.webhook_watch set healthy = $3, bad_polls = $4, bad_rows = $5, polls = polls + 1,
       polls_found_changes_unannounced = polls_found_changes_unannounced + case when $6 > 0 then 1 else 0 end,
       unhealthy_since = case when $3 then null else coalesce(unhealthy_since, clock_timestamp()) end,
       judged_until = $7,
       last_event_at = greatest(last_event_at, (select max(received_at) from lockstep.inbox_events
         where app = $1 and stream = $2 and received_at > $8))
     where app = $1 and stream = $2`,
    [
      app,
      stream,
      after.healthy,
      after.badPolls,
      after.badRows,
      finding.unannounced,
      poll.finished_at,
      poll.judged_until,
    ],
  )
  await tx.query(`update lockstep.runs set metadata = metadata || $2 where id = $1`, [poll.id, finding])
}

/** How a stream that is ill stands, in seconds ago; null for never. */
export interface IllStream {
  stream: string
  ill_s: number
  polled_s: number | null
  registered_s: number | null
}

export async function illStreams(db: Queryable, app: string): Promise<IllStream[]> {
  const { rows } = await db.query<IllStream>(
    `select stream, extract(epoch from clock_timestamp() - unhealthy_since)::float8 as ill_s,
       extract(epoch from clock_timestamp() - registered_at)::float8 as registered_s,
       (select extract(epoch from clock_timestamp() - max(started_at))::float8 from lockstep.runs as r
        where r.app = w.app and r.stream = w.stream and r.lane = 'delta') as polled_s
     from lockstep.webhook_watch as w where app = $1 and not healthy order by stream`,
    [app],
  )
  return rows
}

export async function noteRegistered(db: Queryable, app: string, streams: readonly string[]): Promise<void> {
  await db.query(
    `update lockstep.webhook_watch set registered_at = clock_timestamp()
     where app = $1 and stream = any ($2::text[])`,
    [app, streams],
  )
}

/** The webhooks of one stream over the last 24 hours. */
export interface StreamWebhooks {
  stream: string
  status: 'healthy' | 'degraded' | 'silent' | 'unhealthy'
  deliveries: number
  duplicates: number
  events: number
  failed: number
  p50_ms: number | null
  p95_ms: number | null
  last_event_at: string | null
  polls: number
  polls_found_changes_unannounced: number
  unhealthy_since: string | null
  last_alert_at: string | null
  last_alert: string | null
}

export async function webhookHealth(db: Queryable, app: string): Promise<StreamWebhooks[]> {
  const { rows } = await db.query<StreamWebhooks>(
    `select stream, status, deliveries, duplicates, events, failed, p50_ms, p95_ms, last_event_at, polls,
       polls_found_changes_unannounced, unhealthy_since, last_alert_at, last_alert
     from lockstep.webhook_health where app = $1 order by stream`,
    [app],
  )
  return rows
}
