import type { App } from '../../src/apps/contract.ts'
import { migrateAll, openPipelines } from '../../src/cli/node.ts'
import { Database } from '../../src/db/database.ts'
import { processBacklog, type Processed } from '../../src/inbox/process.ts'
import { Receiver } from '../../src/inbox/receive.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { body, type Change, event } from './customers.ts'

/** Everything of Lockstep that the benchmarks of customers touch. */

export const WEBHOOK_SECRET = 'whsec_of_the_benchmark'
export const POOL_SIZE = 10

export interface Ours {
  readonly db: Database
  readonly pipeline: Pipeline
  close(): Promise<void>
}

export async function openOurs(url: string, app: App): Promise<Ours> {
  const db = new Database({ url, poolSize: POOL_SIZE })
  await migrateAll(db, [app])
  const [pipeline] = await openPipelines(db, [app])
  if (pipeline === undefined) throw new Error('no pipeline')
  return { db, pipeline, close: () => db.close() }
}

/** Takes deliveries in by the way that the door goes. */
export async function fillInbox({ db, pipeline }: Ours, changes: readonly Change[]): Promise<void> {
  const receiver = new Receiver(db)
  const { door, webhooks } = pipeline.source
  for (let start = 0; start < changes.length; start += 2_000) {
    const batch = changes.slice(start, start + 2_000).map((change, i) => {
      const payload = event(start + i, change)
      const { key, type, stream, entity } = door.identify(payload)
      return receiver.accept({
        app: pipeline.app,
        identity: key,
        horizonMs: webhooks.retryHorizonMs,
        type,
        stream,
        entity,
        clientIp: '127.0.0.1',
        headers: { 'content-type': 'application/json; charset=utf-8' },
        body: Buffer.from(body(payload)),
      })
    })
    await Promise.all(batch)
  }
}

/** As worker nodes do it: so many events at a time, so many workers side by side. Returns how many were settled. */
export async function processAll(
  { db, pipeline }: Ours,
  options: { readonly workers: number; readonly batch: number; readonly max?: number },
): Promise<number> {
  const { workers, batch, max = Infinity } = options
  let [settled, failed] = [0, 0]
  const enough = new AbortController()
  const onBatch = (done: Processed): void => {
    settled += done.settled
    failed += done.failed
    if (settled >= max) enough.abort()
  }
  const work = () => processBacklog(db, pipeline, { limit: batch, signal: enough.signal, onBatch })
  await Promise.all(Array.from({ length: workers }, work))
  if (failed > 0) throw new Error(`${failed} events failed`)
  return settled
}
