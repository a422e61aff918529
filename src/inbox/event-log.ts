import type { Database, Transaction } from '../db/database.ts'
import { nextUtcDay } from '../engine/budget.ts'
import { VendorRefusedError } from '../engine/errors.ts'
import type { Json } from '../engine/observation.ts'
import { judgePoll, type WebhookHealth } from '../engine/webhook-health.ts'
import { dedupeKey, type Incoming, insertMissing } from './deliveries.ts'
import type { EventLog, LoggedEvent, Source } from '../sources/contract.ts'
import { withLease } from '../lanes/lease.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import type { Judgement } from '../lanes/webhook-health.ts'

/** Read again behind the mark: an event may be recorded a little late, or be dated by another of the vendor's clocks. */
const OVERLAP_MS = 10 * 60_000
/** More pages than this of one day mean that something is wrong. */
const PAGES_MAX = 2_000
const EXAMPLES_MAX = 5
/** A body that the record has no more is asked for again with each check that meets it; so many at most in one. */
const REDELIVERIES_MAX = 50

export interface LogCheck {
  readonly scope: string
  /** Events that were not in the inbox, and now are. */
  readonly filled: number
  /** Events that the record has without their body, and that the vendor was asked to deliver again. */
  readonly askedFor: number
  /** What it says of the scope's webhooks; undefined on the first reading, of times before we were there. */
  readonly judgement: Judgement | undefined
}

export interface LogCheckOptions {
  readonly signal: AbortSignal
  /** On the vendor's clock as nearly as is known, milliseconds. */
  readonly nowMs: number
  /** Deliveries may take so long; younger events are left to the next check. */
  readonly graceMs: number
  /** Read again from here on, milliseconds, as far as the vendor keeps it: judges nothing, and the mark stays ahead. */
  readonly againFromMs?: number | undefined
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
    const mark = known === undefined ? 0 : known - OVERLAP_MS
    const again = options.againFromMs !== undefined
    let since = Math.max(Math.min(mark, options.againFromMs ?? mark), options.nowMs - eventLog.keptMs)
    let [filled, askedFor] = [0, 0]
    let judgement: Judgement | undefined
    // Day by day, the oldest first: records come newest first, so that only a window that was read whole counts.
    while (since < until && !options.signal.aborted) {
      const window = { scope, since, until: Math.min(until, nextUtcDay(since)), graceMs: options.graceMs }
      const read = await readWindow(db, pipeline, eventLog, window, options.signal)
      judgement = await db.transaction(async (tx) => {
        await advance(tx, pipeline.app, scope, read)
        return known === undefined || again ? undefined : judge(tx, pipeline.app, scope, read)
      })
      filled += read.filled
      askedFor += await askFor(eventLog, scope, read.bodiless, options.signal)
      // Our clock is ahead of the vendor's: what it has not come to yet is left to a later check.
      if (read.until < window.until) break
      since = window.until
    }
    return { scope, filled, askedFor, judgement }
  })
}

/** The scopes whose record is to be read now: the ill and doubtful ones more often, those never read first. */
export async function scopesDue(
  db: Database,
  { app, source }: Pipeline,
  { logMs, pollMs }: { readonly logMs: number; readonly pollMs: number },
): Promise<string[]> {
  const scopes = source.eventLog?.scopes().map(({ id }) => id) ?? []
  const { rows } = await db.query<{ scope: string }>(
    `select s.scope from unnest($2::text[]) as s (scope)
     left join lockstep.event_log_marks as l on l.app = $1 and l.scope = s.scope
     left join lockstep.webhook_watch as w on w.app = $1 and w.stream = s.scope
     where l.checked_at is null or l.checked_at < clock_timestamp()
       - make_interval(secs => case when w.healthy and w.bad_polls = 0 then $3::float8 else $4::float8 end / 1000)
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
  readonly graceMs: number
}

interface Read {
  readonly until: number
  readonly found: number
  readonly filled: number
  readonly missed: readonly string[]
  /** Failed attempts of events that are there without their body. */
  readonly bodiless: readonly string[]
  /** The newest attempt to deliver any of them, and the event's key. */
  readonly attempt: Attempt | undefined
}

interface Attempt {
  readonly id: string
  readonly key: string
}

async function readWindow(
  db: Database,
  pipeline: Pipeline,
  eventLog: EventLog,
  { scope, since, until: wanted, graceMs }: Window,
  signal: AbortSignal,
): Promise<Read> {
  let until = wanted
  const [missed, bodiless]: [string[], string[]] = [[], []]
  let [found, filled] = [0, 0]
  let attempt: Attempt | undefined
  let cursor: Parameters<EventLog['read']>[0]['cursor']
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page = await eventLog.read({ scope, sinceMs: since, untilMs: wanted, cursor, signal })
    // What the vendor records later is on none of these pages, whatever our clock says of its time.
    if (pages === 0) until = Math.max(since, Math.min(wanted, page.floor / 1000 - graceMs))
    const settled = page.events.filter(({ atMs }) => atMs >= since && atMs < until)
    const events = keyed(pipeline, settled)
    const missing = await insertMissing(db, events)
    found += settled.length
    filled += missing.length
    missed.push(...missing.map(({ type, entity }) => `${type ?? 'event'} ${entity ?? ''}`.trim()))
    bodiless.push(...settled.flatMap(attemptWithoutBody))
    attempt ??= events.flatMap(attemptOf)[0]
    const oldest = page.events.at(-1)
    if (page.next === undefined || oldest === undefined || oldest.atMs < since)
      return { until, found, filled, missed, bodiless, attempt }
    cursor = page.next
  }
  throw new Error(`more than ${PAGES_MAX} pages of events in ${scope} since ${new Date(since).toISOString()}`)
}

interface Keyed extends Pick<LoggedEvent, 'delivered'> {
  readonly incoming: Incoming
  readonly key: string
}

const keyed = ({ app, source }: Pipeline, events: readonly LoggedEvent[]): Keyed[] =>
  events.flatMap(({ payload, delivered }) => {
    if (payload === undefined) return []
    const incoming = asIncoming(app, source, payload)
    return [{ incoming, key: dedupeKey(incoming), ...(delivered === undefined ? {} : { delivered }) }]
  })

/** Only of an event that is known by its id however late it comes again: another would count as a second one. */
const attemptOf = ({ incoming, key, delivered }: Keyed): Attempt[] =>
  delivered === undefined || incoming.identity === undefined ? [] : [{ id: delivered.attempt, key }]

/** One that was delivered is here; of one that was not, and whose body is gone, only the vendor can bring it. */
const attemptWithoutBody = ({ payload, delivered }: LoggedEvent): string[] =>
  payload === undefined && delivered?.ok === false ? [delivered.attempt] : []

async function askFor(
  { redeliver }: EventLog,
  scope: string,
  attempts: readonly string[],
  signal: AbortSignal,
): Promise<number> {
  if (redeliver === undefined) return 0
  let asked = 0
  for (const attempt of attempts.slice(0, REDELIVERIES_MAX))
    if (await isTaken(redeliver({ scope, attempt, signal }))) asked++
  return asked
}

/** False where the vendor will not: it knows the attempt no more. */
async function isTaken(asking: Promise<void>): Promise<boolean> {
  try {
    await asking
    return true
  } catch (error) {
    if (error instanceof VendorRefusedError) return false
    throw error
  }
}

/**
 * Asks the vendor to deliver an event again that it has delivered before: where webhooks were ill and nothing happens
 * any more, only that tells whether they are well. Not more often than `everyMs`. True where it was asked.
 */
export async function proveDelivery(
  db: Database,
  { app, source }: Pipeline,
  scope: string,
  { everyMs, signal }: { readonly everyMs: number; readonly signal: AbortSignal },
): Promise<boolean> {
  const redeliver = source.eventLog?.redeliver
  if (redeliver === undefined) return false
  const { rows } = await db.query<{ attempt: string }>(
    `update lockstep.event_log_marks set asked_at = clock_timestamp()
     where app = $1 and scope = $2 and attempt is not null
       and coalesce(asked_at, '-infinity') <= clock_timestamp() - make_interval(secs => $3::float8 / 1000)
     returning attempt`,
    [app, scope, everyMs],
  )
  const [mark] = rows
  return mark !== undefined && isTaken(redeliver({ scope, attempt: mark.attempt, signal }))
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
    `insert into lockstep.event_log_marks as m
       (app, scope, read_until, checked_at, found, missed, last_missed_at, attempt, attempt_key)
     values ($1, $2, to_timestamp($3::float8 / 1000), clock_timestamp(), $4::bigint, $5::bigint,
       case when $5::bigint > 0 then clock_timestamp() end, $6, $7)
     on conflict (app, scope) do update set read_until = greatest(m.read_until, excluded.read_until),
       checked_at = excluded.checked_at, found = m.found + excluded.found, missed = m.missed + excluded.missed,
       last_missed_at = coalesce(excluded.last_missed_at, m.last_missed_at),
       attempt = coalesce(excluded.attempt, m.attempt),
       attempt_key = coalesce(excluded.attempt_key, m.attempt_key)`,
    [app, scope, read.until, read.found, read.filled, read.attempt?.id ?? null, read.attempt?.key ?? null],
  )
}

/** The events between the last mark and this one, by whether a webhook brought them. */
async function judge(tx: Transaction, app: string, scope: string, read: Read): Promise<Judgement> {
  const { rows } = await tx.query<{
    healthy: boolean
    bad_polls: number
    bad_rows: number
    announced: number
    proven: boolean
  }>(
    // What an overlap shows again was counted the time before: only those that came since the last look are new.
    `select w.healthy, w.bad_polls, w.bad_rows,
       (select count(*)::int from lockstep.inbox_events as i where i.app = w.app and i.stream = w.stream and i.via = 'webhook'
          and i.received_at > coalesce(w.judged_until, '-infinity')) as announced,
       exists (select from lockstep.event_log_marks as m
         join lockstep.inbox_events as i on i.app = m.app and i.dedupe_key = m.attempt_key
         where m.app = w.app and m.scope = w.stream and m.asked_at > w.unhealthy_since
           and i.last_delivery_at > m.asked_at) as proven
     from lockstep.webhook_watch as w where app = $1 and stream = $2 for update of w`,
    [app, scope],
  )
  const [row] = rows
  const before: WebhookHealth = {
    healthy: row?.healthy ?? true,
    badPolls: row?.bad_polls ?? 0,
    badRows: row?.bad_rows ?? 0,
  }
  // An event that was delivered again because it was asked for tells as much as a new one.
  const again = read.filled === 0 && row?.proven === true ? 1 : 0
  const finding = { announced: (row?.announced ?? 0) + again, unannounced: read.filled }
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
