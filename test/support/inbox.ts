import type { Queryable } from '../../src/db/database.ts'

/** An event as a test puts it into the inbox, whatever would have become of it. */
export interface InboxEvent {
  readonly app: string
  readonly key: string
  readonly type?: string
  readonly stream?: string
  readonly entity?: string
  readonly via?: 'webhook' | 'log'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  readonly hoursAgo?: number
  readonly status: 'pending' | 'processed' | 'dead'
  readonly attempts?: number
  readonly error?: string | null
}

/** Puts events into the inbox as if they had come and been dealt with; their ids. */
export async function insertEvents(db: Queryable, events: readonly InboxEvent[]): Promise<number[]> {
  const { rows } = await db.query<{ id: number }>(
    `with given as (
       select nextval('lockstep.arrival') as id, g.* from jsonb_to_recordset($1) as g (app text, key text, type text,
         stream text, entity text, via text, headers json, body text, "hoursAgo" float8, status text, attempts int, error text)
     ), events as (
       insert into lockstep.inbox_events (id, app, dedupe_key, event_type, stream, entity, via, headers, body, received_at)
       select id, app, key, type, stream, entity, coalesce(via, 'webhook'), headers, convert_to(coalesce(body, '{}'), 'UTF8'),
         clock_timestamp() - make_interval(secs => coalesce("hoursAgo", 0) * 3600) from given
     ), queued as (
       insert into lockstep.inbox_queue (app, id, attempts, bytes) select app, id, coalesce(attempts, 0), 2 from given where status = 'pending'
     ), settled as (
       insert into lockstep.inbox_outcomes (id, app, status, error, attempts)
       select id, app, status, error, coalesce(attempts, 1) from given where status <> 'pending'
     )
     select id from given order by id`,
    [JSON.stringify(events)],
  )
  return rows.map(({ id }) => id)
}
