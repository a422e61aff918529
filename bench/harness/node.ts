import { setTimeout as sleep } from 'node:timers/promises'
import { Database } from '../../src/db/database.ts'
import { startChild } from './child.ts'
import type { BenchPostgres } from './postgres.ts'
import type { ServerAnswer, ServerTask } from './server.ts'
import type { VendorAnswer, VendorTask } from './vendor.ts'

/** A whole node of the tutorial's app that has read its vendor's customers, and the vendor, each in its own process. */
export interface WholeNode extends ServerAnswer {
  readonly databaseUrl: string
  readonly db: Database
}

export async function withNode<T>(
  server: BenchPostgres,
  options: { readonly customers: number; readonly profile?: string | undefined },
  work: (node: WholeNode) => Promise<T>,
): Promise<T> {
  const databaseUrl = await server.create('node_run')
  const vendor = await startChild<VendorTask, VendorAnswer>('vendor', { customers: options.customers })
  const db = new Database({ url: databaseUrl, poolSize: 1 })
  try {
    const task: ServerTask = { subject: 'ours', databaseUrl, vendorUrl: vendor.answer.url }
    const node = await startChild<ServerTask, ServerAnswer>('server', task, { profile: options.profile })
    try {
      await untilWhole(db)
      return await work({ ...node.answer, databaseUrl, db })
    } finally {
      await node.stop()
    }
  } finally {
    await db.close()
    await vendor.stop()
    await server.drop('node_run')
  }
}

const FIRST_PASS_MAX_MS = 120_000

async function untilWhole(db: Database): Promise<void> {
  for (let waited = 0; waited < FIRST_PASS_MAX_MS; waited += 100) {
    const { rows } = await db.query<{ whole: boolean }>(
      `select exists (select from lockstep.freshness where full_pass_at is not null) as whole`,
    )
    if (rows[0]?.whole === true) return
    await sleep(100)
  }
  throw new Error('the first pass did not end')
}
