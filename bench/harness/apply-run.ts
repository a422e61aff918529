import { Database } from '../../src/db/database.ts'
import { serveTask } from './child.ts'
import { type Change, customerId, nameOf } from './customers.ts'
import { POOL_SIZE, processAll } from './ours.ts'
import { openPeer, processWebhooks, signed } from './peer.ts'
import { mixed, updates } from './plan.ts'

/** Applies the same deliveries in one of three ways, in a process of its own. The first fifth only warms it up. */

export type ApplySubject = 'ours' | 'peer' | 'bare'

export interface ApplyTask {
  readonly subject: ApplySubject
  readonly databaseUrl: string
  readonly events: number
  readonly customers: number
  /** Side by side; of the peer, as many as there are connections. */
  readonly workers: number
  /** Events a transaction. */
  readonly batch: number
  /** Of the bare update: the updates that follow so many, and nothing else; default: mixed events. */
  readonly updatesFrom?: number
}

export interface ApplyAnswer {
  readonly perSecond: number
  readonly counted: number
}

const WARM_UP = 0.2

serveTask(async (task: ApplyTask) => ({ answer: await subjects[task.subject](task) }))

const subjects: Readonly<Record<ApplySubject, (task: ApplyTask) => Promise<ApplyAnswer>>> = {
  async ours({ databaseUrl, events, workers, batch }) {
    const { openStripe } = await import('./stripe-app.ts')
    const ours = await openStripe(databaseUrl)
    try {
      await processAll(ours, { workers, batch, max: events * WARM_UP })
      return await timed(() => processAll(ours, { workers, batch }))
    } finally {
      await ours.close()
    }
  },

  async peer({ databaseUrl, events, customers }) {
    const sync = openPeer(databaseUrl)
    try {
      const deliveries = signed(sync, mixed(events, customers).changes)
      const warm = Math.floor(events * WARM_UP)
      await processWebhooks(sync, deliveries.slice(0, warm))
      return await timed(async () => {
        await processWebhooks(sync, deliveries.slice(warm))
        return events - warm
      })
    } finally {
      await sync.close()
    }
  },

  // The limit: of the same events, the columns that they change, written to the same table: a statement a batch, each a
  // transaction. Nothing is read, compared, or kept. What it writes are rows, and those are counted.
  async bare({ databaseUrl, events, customers, workers, batch, updatesFrom }) {
    const db = new Database({ url: databaseUrl, poolSize: POOL_SIZE })
    try {
      const changes =
        updatesFrom === undefined ? mixed(events, customers).changes : updates(events, customers, updatesFrom)
      const batches = batchesOf(changes, customers, batch)
      const warm = Math.ceil(batches.length * WARM_UP)
      await updateAll(db, batches.slice(0, warm), workers)
      return await timed(() => updateAll(db, batches.slice(warm), workers))
    } finally {
      await db.close()
    }
  },
}

async function timed(work: () => Promise<number>): Promise<ApplyAnswer> {
  const startedAt = performance.now()
  const counted = await work()
  return { counted, perSecond: (counted / (performance.now() - startedAt)) * 1000 }
}

/** Ids, names and balances of a batch, each row once, in order. */
type Batch = readonly [ids: string[], names: string[], balances: number[]]

function batchesOf(changes: readonly Change[], customers: number, size: number): Batch[] {
  const batches: Batch[] = []
  for (let start = 0; start < changes.length; start += size) {
    const events = changes.slice(start, start + size)
    // Customers that the events create are not there: their place is taken by others.
    const rows = new Map(events.map(({ k, revision }) => [k % customers, revision]))
    const sorted = [...rows].sort(([a], [b]) => a - b)
    const names = sorted.map(([k, revision]) => nameOf(k, revision))
    batches.push([sorted.map(([k]) => customerId(k)), names, sorted.map(([, revision]) => revision)])
  }
  return batches
}

async function updateAll(db: Database, batches: readonly Batch[], workers: number): Promise<number> {
  let next = 0
  let done = 0
  const work = async (): Promise<void> => {
    for (let batch = batches[next++]; batch !== undefined; batch = batches[next++]) {
      const { rowCount } = await db.query(
        `update public.stripe_customers as t set name = x.name, balance = x.balance
         from unnest($1::text[], $2::text[], $3::int[]) as x (id, name, balance) where t.id = x.id`,
        batch,
      )
      if (rowCount !== batch[0].length) throw new Error(`${rowCount} of ${batch[0].length} rows were there`)
      done += rowCount
    }
  }
  await Promise.all(Array.from({ length: workers }, work))
  return done
}
