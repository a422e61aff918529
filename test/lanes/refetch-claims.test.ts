import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import {
  claimRefetch,
  postponeRefetch,
  requestRefetch,
  settleRefetch,
} from '../../src/lanes/refetch-queue.ts'
import { ROW } from '../../src/sources/contract.ts'
import { withDatabase } from '../support/database.ts'

const APP = 'tasks'
const BOARD = { stream: 'board', part: ROW }
const HOUR = 3_600_000

const ask = (db: Database, keys: readonly string[], delayMs = 0): Promise<number> =>
  requestRefetch(db, APP, [{ ...BOARD, keys, reason: 'test', delayMs }])

const claim = async (db: Database, limit: number): Promise<string[]> =>
  ((await claimRefetch(db, APP, limit))?.keys ?? []).map(({ key }) => key).sort()

describe('what a claim takes', () => {
  it('first what is due, in the order in which it was asked for, then what waits for company', async () => {
    await withDatabase(async (db) => {
      for (const key of ['wait 1', 'wait 2', 'wait 3']) await ask(db, [key], HOUR)
      for (const key of ['due 2', 'due 1', 'due 3']) await ask(db, [key])
      expect(await claim(db, 2)).toEqual(['due 1', 'due 2'])
      expect(await claim(db, 3)).toEqual(['due 3', 'wait 1', 'wait 2'])
    })
  })

  it('nothing where nothing is due, however much waits for company', async () => {
    await withDatabase(async (db) => {
      await ask(db, ['1', '2'], HOUR)
      expect(await claimRefetch(db, APP, 10)).toBeUndefined()
    })
  })

  it('no company that failed before, and has its time', async () => {
    await withDatabase(async (db) => {
      const failure = { error: 'refused', counted: true }
      await ask(db, ['failed'])
      expect(await claim(db, 10)).toEqual(['failed'])
      await postponeRefetch(db, APP, BOARD, [{ key: 'failed', delayMs: HOUR }], failure)
      await ask(db, ['due'])
      expect(await claim(db, 10)).toEqual(['due'])
    })
  })

  it('of one stream and part alone: those that waited longest', async () => {
    await withDatabase(async (db) => {
      await requestRefetch(db, APP, [{ stream: 'other', part: ROW, keys: ['x'], reason: 'test' }])
      await ask(db, ['1'])
      expect(await claimRefetch(db, APP, 10)).toMatchObject({ stream: 'other', keys: [{ key: 'x' }] })
      expect(await claim(db, 10)).toEqual(['1'])
    })
  })

  it('is nobody else’s: several at a time share them out, and all are taken', async () => {
    await withDatabase(async (db) => {
      const keys = Array.from({ length: 500 }, (_, i) => String(i))
      await ask(db, keys.slice(0, 250))
      await ask(db, keys.slice(250), HOUR)
      const taken: string[] = []
      const worker = async (): Promise<void> => {
        for (let batch = await claimRefetch(db, APP, 20); batch; batch = await claimRefetch(db, APP, 20)) {
          taken.push(...batch.keys.map(({ key }) => key))
          await settleRefetch(db, APP, batch, batch.keys)
        }
      }
      await Promise.all([worker(), worker(), worker()])
      // The last one that is due may have company, or none: what was taken was taken once.
      expect(new Set(taken).size).toBe(taken.length)
      expect(taken).toEqual(expect.arrayContaining(keys.slice(0, 250)))
    })
  })
})
