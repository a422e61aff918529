import type { Database, Transaction } from '../db/database.ts'
import { nextUtcDay } from '../engine/budget.ts'
import type { Json } from '../engine/observation.ts'
import { judgePoll, type WebhookHealth } from '../engine/webhook-health.ts'
import { dedupeKey, type Incoming, insertMissing } from './deliveries.ts'
import type { EventLog, Source } from '../sources/contract.ts'
import { withLease } from '../lanes/lease.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import type { Judgement } from '../lanes/webhook-health.ts'

/** Read again behind the mark: an event may be recorded a little late, or be dated by another of the vendor's clocks. */
const OVERLAP_MS = 10 * 60_000
/** More pages than this of one day mean that something is wrong. */
const PAGES_MAX = 2_000
const EXAMPLES_MAX = 5

export interface LogCheck {
  readonly scope: string
  /** Events that were not in the inbox, and now are. */
  readonly filled: number
  /** What it says of the scope's webhooks; undefined on the first reading, of times before we were there. */
  readonly judgement: Judgement | undefined
}

export interface LogCheckOptions {
  readonly signal: AbortSignal
  /** On the vendor's clock as nearly as is known, milliseconds. */
  readonly nowMs: number
  /** Deliveries may take so long; younger events are left to the next check. */
  readonly graceMs: number
}

/**
 * Reads what the vendor says that it told, and puts into the inbox what did not arrive: from there on it is an event
 * like any other, counted once should its webhook come after all. Undefined where another node is at it.
 */
export async function checkEventLog(
  db: Database,
  pipeline: Pipeline,
  scope: string,
  options: LogCheckOptions,
): Promise<LogCheck | undefined> {
  const { eventLog } = pipeline.source
  if (eventLog === undefined) return undefined
  return withLease(db, `event log ${pipeline.app} ${scope}`, async () => {
    const known = await readMark(db, pipeline.app, scope)
    const until = options.nowMs - options.graceMs
    let since = Math.max(known === undefined ? 0 : known - OVERLAP_MS, options.nowMs - eventLog.keptMs)
    let filled = 0
    let judgement: Judgement | undefined
    // Day by day, the oldest first: records come newest first, so that only a window that was read whole counts.
    while (since < until && !options.signal.aborted) {
      const window = { scope, since, until: Math.min(until, nextUtcDay(since)) }
      const read = await readWindow(db, pipeline, eventLog, window, options.signal)
      judgement = await db.transaction(async (tx) => {
        await advance(tx, pipeline.app, scope, read)
        return known === undefined ? undefined : judge(tx, pipeline.app, scope, read)
      })
      filled += read.filled
      since = window.until
    }
    return { scope, filled, judgement }
  })
}

/** The scopes whose record is to be read now: the ill ones more often, those that were never read first. */
export async function scopesDue(
  db: Database,
  { app, source }: Pipeline,
  { logMs, pollMs }: { readonly logMs: number; readonly pollMs: number },
): Promise<string[]> {
  const scopes = source.eventLog?.scopes().map(({ id }) => id) ?? []
  const { rows } = await db.query<{ scope: string }>(
    `select s.scope from unnest($2::text[]) as s (scope)
     left join lockstep.event_log_scopes as l on l.app = $1 and l.scope = s.scope
     where l.checked_at is null or l.checked_at < clock_timestamp()
       - make_interval(secs => case when l.healthy then $3::float8 else $4::float8 end / 1000)
     order by l.checked_at nulls first, s.scope`,
    [app, scopes, logMs, pollMs],
  )
  return rows.map(({ scope }) => scope)
}

/** Milliseconds on the vendor's clock; the end is not part of it. */
interface Window {
  readonly scope: string
  readonly since: number
  readonly until: number
}

interface Read {
  readonly until: number
  readonly found: number
  readonly filled: number
  readonly missed: readonly string[]
}

async function readWindow(
  db: Database,
  { app, source }: Pipeline,
  eventLog: EventLog,
  { scope, since, until }: Window,
  signal: AbortSignal,
): Promise<Read> {
  const missed: string[] = []
  let [found, filled] = [0, 0]
  let cursor: Parameters<EventLog['read']>[0]['cursor']
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page = await eventLog.read({ scope, sinceMs: since, untilMs: until, cursor, signal })
    const settled = page.events.filter(({ atMs }) => atMs >= since && atMs < until)
    const incoming = settled.map(({ payload }) => asIncoming(app, source, payload))
    const missing = await insertMissing(
      db,
      incoming.map((one) => ({ incoming: one, key: dedupeKey(one) })),
    )
    found += settled.length
    filled += missing.length
    missed.push(...missing.map(({ type, entity }) => `${type ?? 'event'} ${entity ?? ''}`.trim()))
    const oldest = page.events.at(-1)
    if (page.next === undefined || oldest === undefined || oldest.atMs < since)
      return { until, found, filled, missed }
    cursor = page.next
  }
  throw new Error(`more than ${PAGES_MAX} pages of events in ${scope} since ${new Date(since).toISOString()}`)
}

function asIncoming(app: string, source: Source, payload: Json): Incoming {
  const { key, sameAs, type, stream, entity } = source.door.identify(payload)
  return {
    app,
    identity: key,
    sameAs,
    horizonMs: source.webhooks.retryHorizonMs,
    type,
    stream,
    entity,
    clientIp: undefined,
    headers: {},
    body: new TextEncoder().encode(JSON.stringify(payload)),
    via: 'log',
  }
}

async function readMark(db: Database, app: string, scope: string): Promise<number | undefined> {
  const { rows } = await db.query<{ ms: number }>(
    `select (extract(epoch from read_until) * 1000)::float8 as ms from lockstep.event_log_marks
     where app = $1 and scope = $2`,
    [app, scope],
  )
  return rows[0]?.ms
}

async function advance(tx: Transaction, app: string, scope: string, read: Read): Promise<void> {
  await tx.query('insert into lockstep.webhook_watch (app, stream) values ($1, $2) on conflict do nothing', [
    app,
    scope,
  ])
  await tx.query(
    `insert into lockstep.event_log_marks as m (app, scope, read_until, checked_at, found, missed, last_missed_at)
     values ($1, $2, to_timestamp($3::float8 / 1000), clock_timestamp(), $4::bigint, $5::bigint,
       case when $5::bigint > 0 then clock_timestamp() end)
     on conflict (app, scope) do update set read_until = greatest(m.read_until, excluded.read_until),
       checked_at = excluded.checked_at, found = m.found + excluded.found, missed = m.missed + excluded.missed,
       last_missed_at = coalesce(excluded.last_missed_at, m.last_missed_at)`,
    [app, scope, read.until, read.found, read.filled],
  )
}

/** The events between the last mark and this one, by whether a webhook brought them. */
async function judge(tx: Transaction, app: string, scope: string, read: Read): Promise<Judgement> {
  const { rows } = await tx.query<{
    healthy: boolean
    bad_polls: number
    bad_rows: number
    announced: number
  }>(
    // What an overlap shows again was counted the time before: only those that came since the last look are new.
    `select w.healthy, w.bad_polls, w.bad_rows,
       (select count(*)::int from lockstep.inbox_events as i where i.app = w.app and i.stream = w.stream and i.via = 'webhook'
          and i.received_at > coalesce(w.judged_until, '-infinity')) as announced
     from lockstep.webhook_watch as w where app = $1 and stream = $2 for update`,
    [app, scope],
  )
  const [row] = rows
  const before: WebhookHealth = {
    healthy: row?.healthy ?? true,
    badPolls: row?.bad_polls ?? 0,
    badRows: row?.bad_rows ?? 0,
  }
  const finding = { announced: row?.announced ?? 0, unannounced: read.filled }
  const after = judgePoll(before, finding)
  await tx.query(
    `update lockstep.webhook_watch set healthy = $3, bad_polls = $4, bad_rows = $5,
       unhealthy_since = case when $3 then null else coalesce(unhealthy_since, clock_timestamp()) end,
       polls = polls + 1, polls_found_changes_unannounced = polls_found_changes_unannounced + ($6::bigint > 0)::int,
       judged_until = clock_timestamp()
     where app = $1 and stream = $2`,
    [app, scope, after.healthy, after.badPolls, after.badRows, finding.unannounced],
  )
  return { ...finding, before, after, examples: read.missed.slice(0, EXAMPLES_MAX) }
}
