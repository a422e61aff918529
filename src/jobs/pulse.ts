import type { Queryable } from '../db/database.ts'

/** What an app has waiting that is due. */
export interface Waiting {
  app: string
  events: boolean
  refetches: boolean
}

export interface Pulse {
  readonly apps: readonly Waiting[]
  readonly messages: boolean
}

/** What is due in any queue, in one statement: all that an idle node asks, however many loops it has. */
export async function takePulse(db: Queryable, apps: readonly string[]): Promise<Pulse> {
  const { rows } = await db.query<Waiting & { messages: boolean }>(
    `select a.app,
       exists (select from lockstep.inbox_queue as q
         where q.app = a.app and q.next_attempt_at <= clock_timestamp()) as events,
       exists (select from lockstep.refetch as r
         where r.app = a.app and r.next_attempt_at <= clock_timestamp() and r.claimed_until < clock_timestamp()) as refetches,
       exists (select from lockstep.notifications as n
         where n.status = 'pending' and n.send_after <= clock_timestamp() and n.next_attempt_at <= clock_timestamp()
           and n.claimed_until <= clock_timestamp()) as messages
     from unnest($1::text[]) as a (app)`,
    [apps],
  )
  return { apps: rows, messages: rows[0]?.messages === true }
}
