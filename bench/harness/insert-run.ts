import { byteaArray, textArray } from '../../src/db/arrays.ts'
import { Database } from '../../src/db/database.ts'
import { serveTask } from './child.ts'
import { body, event } from './customers.ts'
import { percentile } from './figures.ts'
import type { LoadAnswer } from './load.ts'
import { updates } from './plan.ts'

/**
 * The limit of the door's other half: events into a bare table by `unnest`, one statement and one commit for as many as
 * there are connections, since no more than those can wait for a commit at one time. No HTTP, no signature, no queue.
 */

export interface InsertTask {
  readonly databaseUrl: string
  /** Events a commit. */
  readonly connections: number
  readonly seconds: number
  readonly warmUpS: number
  readonly customers: number
  /** Events that are made beforehand; it ends when they do. */
  readonly pool: number
}

const BARE_INBOX = `create table bare_inbox (
  id bigint generated always as identity primary key,
  key text not null unique,
  received_at timestamptz not null default clock_timestamp(),
  body bytea not null
)`

serveTask(async (task: InsertTask) => ({ answer: await insertAll(task) }))

async function insertAll({
  databaseUrl,
  connections,
  seconds,
  warmUpS,
  customers,
  pool,
}: InsertTask): Promise<LoadAnswer> {
  const events = updates(pool, customers).map((change, n) => ({
    key: `evt_${n}`,
    body: Buffer.from(body(event(n, change))),
  }))
  const db = new Database({ url: databaseUrl, poolSize: 1 })
  try {
    await db.query(BARE_INBOX)
    const latencies: number[] = []
    const from = performance.now() + warmUpS * 1000
    let [sent, counted, lastAt] = [0, 0, from]
    while (sent < pool && performance.now() < from + seconds * 1000) {
      const batch = events.slice(sent, sent + connections)
      const sentAt = performance.now()
      await db.query('insert into bare_inbox (key, body) select * from unnest($1::text[], $2::bytea[])', [
        textArray(batch.map(({ key }) => key)),
        byteaArray(batch.map(({ body }) => body)),
      ])
      sent += batch.length
      if (sentAt < from) continue
      lastAt = performance.now()
      counted += batch.length
      latencies.push(lastAt - sentAt)
    }
    const sorted = Float64Array.from(latencies).sort()
    return {
      perSecond: (counted / (lastAt - from)) * 1000,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      counted,
      sent,
    }
  } finally {
    await db.close()
  }
}
