import { createRequire } from 'node:module'
import { syncApp } from '../../src/lanes/sync.ts'
import { serveTask } from './child.ts'
import { copyAndMerge, withClient } from './copy.ts'
import { openOurs, POOL_SIZE } from './ours.ts'
import { type Pass, VERSIONS, WIDE_NAMES, wideApp, wideId, wideValues } from './wide.ts'

/** One pass over the same rows in one of three ways, in a process of its own: all new, all changed, or none changed. */

export type BackfillSubject = 'ours' | 'peer' | 'copy'

export interface BackfillTask {
  readonly subject: BackfillSubject
  readonly databaseUrl: string
  readonly rows: number
  readonly pass: Pass
}

export interface BackfillAnswer {
  readonly perSecond: number
  /** The most memory that the process had, MB. */
  readonly peakMb: number
}

serveTask(async (task: BackfillTask) => {
  const ms = await readers[task.subject](task, VERSIONS[task.pass])
  const peakMb = process.resourceUsage().maxRSS / 1024
  return { answer: { perSecond: (task.rows / ms) * 1000, peakMb } }
})

/** Each tells how long it read, milliseconds, without what opening costs. */
const readers: Readonly<Record<BackfillSubject, (task: BackfillTask, version: number) => Promise<number>>> = {
  async ours({ databaseUrl, rows }, version) {
    const ours = await openOurs(databaseUrl, wideApp({ rows, version }))
    try {
      const startedAt = performance.now()
      const options = { signal: new AbortController().signal, full: true }
      const { runs, failures } = await syncApp(ours.db, ours.pipeline, options)
      const ms = performance.now() - startedAt
      if (failures.length > 0 || runs[0]?.status !== 'completed')
        throw new Error(JSON.stringify({ runs, failures }))
      return ms
    } finally {
      await ours.close()
    }
  },

  // What its backfill of customers does with the rows of a list, of this table: 250 at a time, five statements at once.
  async peer({ databaseUrl, rows }, version) {
    const { PostgresClient } = createRequire(import.meta.url)(
      '@supabase/stripe-sync-engine',
    ) as typeof import('@supabase/stripe-sync-engine')
    const client = new PostgresClient({
      schema: 'stripe',
      poolConfig: { connectionString: databaseUrl, max: POOL_SIZE, keepAlive: true },
    })
    const schema = { properties: ['id', ...WIDE_NAMES] }
    const chunkSize = 250
    try {
      await client.query('select 1')
      const startedAt = performance.now()
      for (let start = 0; start < rows; start += chunkSize) {
        const chunk = Array.from({ length: Math.min(chunkSize, rows - start) }, (_, i) => ({
          id: wideId(start + i),
          ...wideValues(start + i, version),
        }))
        await client.upsertManyWithTimestampProtection(chunk, 'wide', schema)
      }
      return performance.now() - startedAt
    } finally {
      await client.close()
    }
  },

  copy: ({ databaseUrl, rows }, version) =>
    withClient(databaseUrl, async (client) => {
      const startedAt = performance.now()
      await copyAndMerge(client, 'bare_wide', rows, version)
      return performance.now() - startedAt
    }),
}
