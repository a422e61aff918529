import type { Database, Queryable, Transaction } from '../db/database.ts'
import { encodeJson } from '../db/storable.ts'
import type { Json } from '../engine/observation.ts'
import type { Message } from '../sinks/contract.ts'

/** A message to people, to be delivered once what it tells of is committed. */
export interface Notification {
  readonly app: string
  /** Who should read it: `alerts`, `summary`, `leads`, …. Where that is, the configuration says. */
  readonly purpose: string
  readonly message: Message
  /** Told once: a second message of this app and purpose with the same key is not taken. */
  readonly dedupeKey?: string | undefined
  /** Not before this; ISO 8601, or as Postgres writes times. */
  readonly sendAfter?: string | undefined
}

/** The key of what may be told once of one thing, such as `new reply` of a reply's id. */
export const onceKey = (type: string, id: string | number): string => `${type} ${id}`

/**
 * Puts a message in the outbox, within the caller's transaction: it goes out if and only if that commits. True where
 * it is new.
 */
export async function notify(tx: Queryable, notification: Notification): Promise<boolean> {
  return (await notifyAll(tx, [notification])) === 1
}

/** Puts messages in the outbox, in this order; returns how many were new. */
export async function notifyAll(tx: Queryable, notifications: readonly Notification[]): Promise<number> {
  if (notifications.length === 0) return 0
  const { rowCount } = await tx.query(
    `insert into lockstep.notifications (app, purpose, dedupe_key, send_after, body)
     select app, purpose, dedupe_key, coalesce(send_after, clock_timestamp()), body
     from unnest($1::text[], $2::text[], $3::text[], $4::timestamptz[], $5::jsonb[])
       with ordinality as n (app, purpose, dedupe_key, send_after, body, place)
     order by place on conflict (app, purpose, dedupe_key) do nothing`,
    [
      notifications.map(({ app }) => app),
      notifications.map(({ purpose }) => purpose),
      notifications.map(({ dedupeKey }) => dedupeKey ?? null),
      notifications.map(({ sendAfter }) => sendAfter ?? null),
      notifications.map(({ message }) => encodeJson(message as unknown as Json)),
    ],
  )
  return rowCount ?? 0
}

/**
 * Takes back what was put in under this key, if nobody has begun to send it. True where it will not be sent; its key
 * is free again.
 */
export async function takeBack(
  tx: Transaction,
  { app, purpose, dedupeKey }: { app: string; purpose: string; dedupeKey: string },
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `delete from lockstep.notifications
     where app = $1 and purpose = $2 and dedupe_key = $3 and status = 'pending' and attempts = 0`,
    [app, purpose, dedupeKey],
  )
  return rowCount === 1
}

/** Dead letters of the last `hours` are due again, in their old order: for when a hook was mended. Returns how many. */
export async function reviveDead(
  db: Queryable,
  { app, purpose, hours = 24 }: { app: string; purpose: string; hours?: number },
): Promise<number> {
  const { rowCount } = await db.query(
    `update lockstep.notifications set status = 'pending', attempts = 0, next_attempt_at = '-infinity', dead_at = null
     where app = $1 and purpose = $2 and status = 'dead' and body is not null
       and created_at > clock_timestamp() - make_interval(hours => $3)`,
    [app, purpose, hours],
  )
  return rowCount ?? 0
}

const CHUNK = 1_000

/**
 * Lets go of messages that came to their end `days` ago: they hold what people wrote. Those with a dedupe key keep
 * the key, so that what was told once stays told. Returns how many, at most `chunks` thousand.
 */
export async function purgeNotifications(db: Database, days: number, chunks: number): Promise<number> {
  let purged = 0
  for (let chunk = 0; chunk < chunks; chunk++) {
    const { rows } = await db.query<{ n: number }>(
      `with old as materialized (
         select id, dedupe_key from lockstep.notifications
         where created_at < clock_timestamp() - make_interval(days => $1)
           and status <> 'pending' and body is not null
         order by created_at limit $2 for update skip locked
       ), emptied as (
         update lockstep.notifications as n set body = null, error = null from old
         where n.id = old.id and old.dedupe_key is not null returning n.id
       ), removed as (
         delete from lockstep.notifications as n using old where n.id = old.id and old.dedupe_key is null
         returning n.id
       )
       select (select count(*) from emptied) + (select count(*) from removed) as n`,
      [days, CHUNK],
    )
    const n = rows[0]?.n ?? 0
    purged += n
    if (n < CHUNK) break
  }
  return purged
}
