import { setTimeout as sleep } from 'node:timers/promises'
import type { Database, Queryable } from '../../src/db/database.ts'
import type { Sent } from './load.ts'

/**
 * Books every settling of an event, and every value that a row takes on, in tables without keys: what took effect
 * twice is there twice. The triggers run in the transaction of the effects, so what is rolled back is not booked.
 */
export async function bookEffects(db: Queryable): Promise<void> {
  await db.query(`create schema if not exists crash;
    create table crash.effects (id bigint not null);
    create function crash.book() returns trigger language plpgsql as
      $$ begin insert into crash.effects select new.id; return null; end $$;
    create trigger book after insert on lockstep.inbox_outcomes for each row
      when (new.status = 'processed') execute function crash.book();
    create table crash.values (item text not null, value text);
    create function crash.book_value() returns trigger language plpgsql as
      $$ begin insert into crash.values select new.monday_id, new.project_name; return null; end $$;
    create trigger book_value after update on projects for each row
      when (old.project_name is distinct from new.project_name) execute function crash.book_value()`)
}

export interface Account {
  readonly deliveries: number
  readonly acknowledged: number
  readonly kept: number
  /** Acknowledged, and not in the inbox, not settled, or without effect. */
  readonly lost: number
  /** Kept twice, settled twice, or written to its row twice. */
  readonly doubled: number
  readonly unsettled: number
  /** Items whose value is not that of the newest event kept for them. */
  readonly wrong: readonly string[]
}

/** Compares what was answered with what is kept and what became of it. */
export async function takeAccount(db: Queryable, sent: readonly Sent[]): Promise<Account> {
  const { rows } = await db.query<{ trigger: string; status: string; effects: number }>(
    `select payload -> 'event' ->> 'triggerUuid' as trigger, status,
       (select count(*)::int from crash.effects as e where e.id = i.id) as effects
     from lockstep.inbox as i`,
  )
  const kept = new Map<string, { rows: number; effects: number }>()
  for (const { trigger, status, effects } of rows) {
    const known = kept.get(trigger) ?? { rows: 0, effects: 0 }
    kept.set(trigger, {
      rows: known.rows + 1,
      effects: known.effects + (status === 'processed' ? effects : 0),
    })
  }
  const again = await db.query('select 1 from crash.values group by item, value having count(*) > 1')
  const acknowledged = sent.filter((s) => s.acknowledged)
  return {
    deliveries: sent.length,
    acknowledged: acknowledged.length,
    kept: rows.length,
    lost: acknowledged.filter((s) => (kept.get(s.trigger)?.effects ?? 0) === 0).length,
    doubled: [...kept.values()].filter((k) => k.rows > 1 || k.effects > 1).length + (again.rowCount ?? 0),
    unsettled: rows.filter((row) => row.status !== 'processed').length,
    wrong: await wrongValues(
      db,
      sent.filter((s) => kept.has(s.trigger)),
    ),
  }
}

async function wrongValues(db: Queryable, kept: readonly Sent[]): Promise<string[]> {
  const newest = new Map<string, Sent>()
  for (const sent of kept) {
    if ((newest.get(sent.item)?.order ?? 0) < sent.order) newest.set(sent.item, sent)
  }
  const { rows } = await db.query<{ monday_id: string; project_name: string }>(
    'select monday_id, project_name from projects',
  )
  const values = new Map(rows.map((row) => [row.monday_id, row.project_name]))
  return [...newest.values()]
    .filter(({ item, value }) => values.get(item) !== value)
    .map(({ item, value }) => `item ${item}: "${values.get(item)}" instead of "${value}"`)
}

/** Waits until no event is pending. */
export async function untilSettled(db: Database, timeoutMs = 60_000): Promise<void> {
  await untilNone(
    db,
    `select 1 from lockstep.inbox where status = 'pending' limit 1`,
    'pending events',
    timeoutMs,
  )
}

/** Waits until every stream was read whole once: from then on events find their items. */
export async function untilMirrored(db: Database, timeoutMs = 60_000): Promise<void> {
  const rest = `select 1 where (select count(*) from lockstep.freshness where full_pass_at is not null) < 3
    union all (select 1 from lockstep.refetch limit 1)`
  await untilNone(db, rest, 'streams that were not read whole', timeoutMs)
}

async function untilNone(db: Database, sql: string, what: string, timeoutMs: number): Promise<void> {
  const end = Date.now() + timeoutMs
  while ((await db.query(sql)).rowCount !== 0) {
    if (Date.now() > end) throw new Error(`after ${timeoutMs} ms there are still ${what}`)
    await sleep(25)
  }
}

export const describeAccount = (account: Account, kills: number): string =>
  `deliveries ${account.deliveries}   acknowledged ${account.acknowledged}   kept ${account.kept}   kills ${kills}   lost ${account.lost}   doubled ${account.doubled}   unsettled ${account.unsettled}   wrong values ${account.wrong.length}`
