import { Database, type Queryable, type Transaction } from '../db/database.ts'
import type { Message } from '../sinks/contract.ts'
import { type AlertFacts, escalatedMessage, openedMessage, recoveredMessage } from './messages.ts'
import { notify, onceKey, takeBack } from './outbox.ts'

/** Something that people should know of, for as long as it lasts. */
export interface Alert {
  id: number
  app: string
  /** Empty where it concerns the whole app. */
  stream: string
  condition: string
  level: 'warning' | 'critical'
  opened_at: string
  closed_at: string | null
  detail: string
  /** Under which purpose people are told of it; null for nobody. */
  purpose: string | null
  /** How often it was over, but for so short a while that nobody was told. */
  returns: number
}

export interface AlertKey {
  readonly app: string
  readonly stream: string
  /** What is wrong, as one word for machines. */
  readonly condition: string
}

export interface Finding extends Pick<Alert, 'level' | 'detail'> {
  /** Where people are told; `alerts` unless said otherwise, null for nowhere. An open alert keeps its own. */
  readonly purpose?: string | null
}

export interface AlertTimes {
  /** Milliseconds since 1970, instead of the database's clock. */
  readonly now?: number | undefined
  /** An alert must stay over for so long before people are told that it is. */
  readonly quietMs?: number | undefined
}

/** Longer than the five minutes that most checks let pass between two looks: what flaps with them is one alert. */
export const QUIET_MS = 10 * 60_000

/**
 * Opens an alert, or brings the level and detail of the open one up to date. True where it is new. People are told,
 * through the outbox and in the same transaction: once that it began, and once if it turned from a warning to
 * critical.
 *
 * One that comes back before people were told that it is over goes on as the same alert, in silence: they think that
 * it lasts, and so it does.
 */
export async function openAlert(
  db: Database | Transaction,
  key: AlertKey,
  finding: Finding,
  times: AlertTimes = {},
): Promise<boolean> {
  return within(db, async (tx) => {
    const known = (await updateOpen(tx, key, finding)) ?? (await reopen(tx, key, finding, times))
    if (known !== undefined) {
      if (known.was === 'warning' && known.level === 'critical') await tellEscalation(tx, known, times)
      return false
    }
    const opened = await insert(tx, key, finding, times)
    if (opened === undefined) return false
    await tell(tx, opened, 'opened', { message: openedMessage(factsOf(opened)), ...after(times) })
    return true
  })
}

/**
 * Closes the open alert of this kind, if there is one. True where there was. People are told when it has stayed over
 * for the quiet time.
 */
export async function closeAlert(
  db: Database | Transaction,
  { app, stream, condition }: AlertKey,
  { now, quietMs = QUIET_MS }: AlertTimes = {},
): Promise<boolean> {
  return within(db, async (tx) => {
    const { rows } = await tx.query<Row & { closed_ms: number }>(
      `update lockstep.alerts set closed_at = coalesce($4::timestamptz, clock_timestamp())
       where app = $1 and stream = $2 and condition = $3 and closed_at is null
       returning ${COLUMNS}, extract(epoch from closed_at)::float8 * 1000 as closed_ms`,
      [app, stream, condition, time(now)],
    )
    const closed = rows[0]
    if (closed === undefined) return false
    await tell(tx, closed, 'closed', {
      message: recoveredMessage(factsOf(closed), { closedAt: iso(closed.closed_ms), quietMs }),
      sendAfter: iso(closed.closed_ms + quietMs),
    })
    return true
  })
}

/** Those that last, the newest first. */
export async function openAlerts(db: Queryable, app: string): Promise<Alert[]> {
  const { rows } = await db.query<Alert>(
    `select * from lockstep.alerts where app = $1 and closed_at is null order by opened_at desc, id desc limit 50`,
    [app],
  )
  return rows
}

/** The streams of which an alert of this condition lasts. */
export async function openStreams(db: Queryable, app: string, condition: string): Promise<string[]> {
  const { rows } = await db.query<{ stream: string }>(
    `select stream from lockstep.alerts where app = $1 and condition = $2 and closed_at is null order by stream`,
    [app, condition],
  )
  return rows.map(({ stream }) => stream)
}

type Row = Pick<Alert, 'id' | 'app' | 'stream' | 'condition' | 'level' | 'detail' | 'purpose' | 'returns'> & {
  opened_ms: number
}

const COLUMNS = `id, app, stream, condition, level, detail, purpose, returns,
  extract(epoch from opened_at)::float8 * 1000 as opened_ms`

/** The one transaction that alert and message share: the caller's, where there is one. */
const within = <T>(db: Database | Transaction, work: (tx: Transaction) => Promise<T>): Promise<T> =>
  db instanceof Database ? db.transaction(work) : work(db)

async function updateOpen(
  tx: Transaction,
  { app, stream, condition }: AlertKey,
  { level, detail }: Finding,
): Promise<(Row & { was: string }) | undefined> {
  // Locked as it is read: where another closes it at this moment, it is found closed, and opened again.
  const open = await tx.query<{ id: number; level: string }>(
    `select id, level from lockstep.alerts
     where app = $1 and stream = $2 and condition = $3 and closed_at is null for update`,
    [app, stream, condition],
  )
  const before = open.rows[0]
  if (before === undefined) return undefined
  const { rows } = await tx.query<Row>(
    `update lockstep.alerts set level = $2, detail = $3 where id = $1 returning ${COLUMNS}`,
    [before.id, level, detail],
  )
  return rows[0] === undefined ? undefined : { ...rows[0], was: before.level }
}

/** Carries on the last alert of this kind where it ended only now and nobody was told so. */
async function reopen(
  tx: Transaction,
  { app, stream, condition }: AlertKey,
  { level, detail }: Finding,
  { now, quietMs = QUIET_MS }: AlertTimes,
): Promise<(Row & { was: string }) | undefined> {
  const last = await tx.query<{ id: number; level: string; purpose: string | null; recent: boolean }>(
    `select id, level, purpose,
       closed_at > coalesce($4::timestamptz, clock_timestamp()) - make_interval(secs => $5) as recent
     from lockstep.alerts where app = $1 and stream = $2 and condition = $3 order by id desc limit 1`,
    [app, stream, condition, time(now), quietMs / 1000],
  )
  const before = last.rows[0]
  if (before === undefined || !before.recent || before.purpose === null) return undefined
  const untold = await takeBack(tx, {
    app,
    purpose: before.purpose,
    dedupeKey: keyOf(before.id, 'closed'),
  })
  if (!untold) return undefined
  const { rows } = await tx.query<Row>(
    `update lockstep.alerts set closed_at = null, returns = returns + 1, level = $2, detail = $3
     where id = $1 returning ${COLUMNS}`,
    [before.id, level, detail],
  )
  return rows[0] === undefined ? undefined : { ...rows[0], was: before.level }
}

/** Undefined where another has opened it at this moment. */
async function insert(
  tx: Transaction,
  { app, stream, condition }: AlertKey,
  { level, detail, purpose = 'alerts' }: Finding,
  { now }: AlertTimes,
): Promise<Row | undefined> {
  const { rows } = await tx.query<Row>(
    `insert into lockstep.alerts (app, stream, condition, level, detail, purpose, opened_at)
     values ($1, $2, $3, $4, $5, $6, coalesce($7::timestamptz, clock_timestamp()))
     on conflict (app, stream, condition) where closed_at is null do nothing
     returning ${COLUMNS}`,
    [app, stream, condition, level, detail, purpose, time(now)],
  )
  return rows[0]
}

type Moment = 'opened' | 'critical' | 'closed'

const keyOf = (id: number, moment: Moment): string => onceKey(`alert ${moment}`, id)

async function tell(
  tx: Transaction,
  { id, app, purpose }: Row,
  moment: Moment,
  what: { message: Message; sendAfter?: string },
): Promise<void> {
  if (purpose !== null) await notify(tx, { app, purpose, dedupeKey: keyOf(id, moment), ...what })
}

async function tellEscalation(tx: Transaction, row: Row, { now }: AlertTimes): Promise<void> {
  await tell(tx, row, 'critical', {
    message: escalatedMessage(factsOf(row), iso(now ?? Date.now())),
    ...after({ now }),
  })
}

/** By the caller's clock where it has one, so that what it tells later is not sent earlier. */
const after = ({ now }: AlertTimes): { sendAfter?: string } =>
  now === undefined ? {} : { sendAfter: iso(now) }

const factsOf = ({ opened_ms, ...row }: Row): AlertFacts => ({ ...row, openedAt: iso(opened_ms) })

const iso = (ms: number): string => new Date(ms).toISOString()

const time = (now: number | undefined): Date | null => (now === undefined ? null : new Date(now))
