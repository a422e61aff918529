import type { Queryable } from '../db/database.ts'
import { storable } from '../db/storable.ts'
import type { Message } from '../sinks/contract.ts'

/** The statements of the delivery loop. `now` is undefined for the database's own clock. */
export type Now = Date | undefined

/** Past this a claim is taken to be lost with its node. Longer than a hook's turn and its time-out together. */
export const CLAIM_S = 60
const ERROR_MAX = 500

/** A message in hand; `attempts` counts this try, and tells it apart from a later one. */
export interface Claim {
  readonly id: number
  readonly app: string
  readonly purpose: string
  readonly body: Message
  readonly attempts: number
}

/**
 * What is first in the queue of each hook, and in how long it is due: `ms` is 0 or less where that is now. The hooks
 * are named by their place in the list, each with its purposes.
 */
export async function heads(
  db: Queryable,
  hooks: readonly (readonly string[])[],
  now: Now,
): Promise<{ hook: number; ms: number }[]> {
  const pairs = hooks.flatMap((purposes, hook) => purposes.map((purpose) => ({ purpose, hook })))
  const { rows } = await db.query<{ hook: number; ms: number }>(
    `select distinct on (h.hook) h.hook,
       (extract(epoch from greatest(n.send_after, n.next_attempt_at, n.claimed_until)
         - coalesce($3::timestamptz, clock_timestamp())) * 1000)::float8 as ms
     from lockstep.notifications as n join unnest($1::text[], $2::int[]) as h (purpose, hook) using (purpose)
     where n.status = 'pending'
     order by h.hook, n.send_after, n.id`,
    [pairs.map(({ purpose }) => purpose), pairs.map(({ hook }) => hook), now],
  )
  return rows
}

export interface Claimant {
  /** This process, told apart from all others. */
  readonly node: string
  /** Nothing is claimed so soon after another process has sent something to the same hook. */
  readonly paceMs: number
}

/**
 * Claims the first message of these purposes. Where that one is being sent, or waits for its next try, none: those
 * behind it keep their place.
 */
export async function claimHead(
  db: Queryable,
  purposes: readonly string[],
  { node, paceMs, now }: Claimant & { now: Now },
): Promise<Claim | undefined> {
  const { rows } = await db.query<Claim>(
    // Two steps: `skip locked` on the ordered query itself would pass over a head that another node is claiming.
    `with clock as materialized (select coalesce($2::timestamptz, clock_timestamp()) as now),
     head as materialized (
       select id from lockstep.notifications, clock
       where status = 'pending' and purpose = any ($1::text[]) and send_after <= clock.now
       order by send_after, id limit 1
     ), picked as materialized (
       select n.id from lockstep.notifications as n join head using (id) cross join clock
       where n.status = 'pending' and n.next_attempt_at <= clock.now and n.claimed_until <= clock.now
         and not exists (
           select from lockstep.notifications as s
           where s.purpose = any ($1::text[]) and s.sent_by <> $4
             and s.sent_at > clock.now - make_interval(secs => $5)
         )
       for update of n skip locked
     )
     update lockstep.notifications as n
     set claimed_until = clock.now + make_interval(secs => $3), attempts = n.attempts + 1
     from picked, clock where n.id = picked.id
     returning n.id, n.app, n.purpose, n.body, n.attempts`,
    [purposes, now, CLAIM_S, node, paceMs / 1000],
  )
  return rows[0]
}

export async function markSent(
  db: Queryable,
  { id, attempts }: Claim,
  { node, now }: { node: string; now: Now },
): Promise<void> {
  await db.query(
    `update lockstep.notifications set status = 'sent', sent_at = coalesce($3::timestamptz, clock_timestamp()),
       sent_by = $4, claimed_until = '-infinity', error = null
     where id = $1 and attempts = $2 and status = 'pending'`,
    [id, attempts, now, node],
  )
}

export async function markDead(
  db: Queryable,
  { id, attempts }: Claim,
  { error, now }: { error: string; now: Now },
): Promise<void> {
  await db.query(
    `update lockstep.notifications set status = 'dead', dead_at = coalesce($3::timestamptz, clock_timestamp()),
       claimed_until = '-infinity', error = $4
     where id = $1 and attempts = $2 and status = 'pending'`,
    [id, attempts, now, stored(error)],
  )
}

export async function postpone(
  db: Queryable,
  { id, attempts }: Claim,
  { error, now, delayMs }: { error: string; now: Now; delayMs: number },
): Promise<void> {
  await db.query(
    `update lockstep.notifications set claimed_until = '-infinity', error = $4,
       next_attempt_at = coalesce($3::timestamptz, clock_timestamp()) + make_interval(secs => $5)
     where id = $1 and attempts = $2 and status = 'pending'`,
    [id, attempts, now, stored(error), delayMs / 1000],
  )
}

/** Gives back what was not sent: as if it had not been claimed. */
export async function release(db: Queryable, { id, attempts }: Claim): Promise<void> {
  await db.query(
    `update lockstep.notifications set claimed_until = '-infinity', attempts = attempts - 1
     where id = $1 and attempts = $2 and status = 'pending'`,
    [id, attempts],
  )
}

/** Ends what is due and has nowhere to go. */
export async function skipUnconfigured(
  db: Queryable,
  purposes: readonly string[],
  now: Now,
): Promise<number> {
  const { rowCount } = await db.query(
    `update lockstep.notifications set status = 'skipped', error = 'no hook is configured for this purpose'
     where status = 'pending' and purpose <> all ($1::text[])
       and greatest(send_after, claimed_until) <= coalesce($2::timestamptz, clock_timestamp())`,
    [purposes, now],
  )
  return rowCount ?? 0
}

const stored = (error: string): string => storable(error).slice(0, ERROR_MAX)
