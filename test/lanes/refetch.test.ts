import { describe, expect, it } from 'vitest'
import { claimRefetch, requestRefetch, settleRefetch } from '../../src/lanes/refetch-queue.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import { ROW } from '../../src/sources/contract.ts'
import { VendorRefusedError } from '../../src/engine/errors.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import type { Database } from '../../src/db/database.ts'
import { CLIENTS, drain, FIRST_TASK, rowOf, TASKS, withTasks } from '../monday/tasks-app.ts'

const signal = (): AbortSignal => AbortSignal.timeout(30_000)
const keysFrom = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => String(first + i))
const waiting = async (db: Database): Promise<Record<string, unknown>[]> =>
  (await db.query('select key, attempts, error from lockstep.refetch order by key')).rows

describe('rows to read again', () => {
  it('are one request however often they are asked for, and three hundred are three calls', async () => {
    await withTasks(
      async ({ db, sim, pipeline }) => {
        const keys = keysFrom(FIRST_TASK, 300)
        for (let i = 0; i < 5; i++) {
          await requestRefetch(db, pipeline.app, [{ stream: TASKS, part: ROW, keys, reason: `time ${i}` }])
        }
        expect(await waiting(db)).toHaveLength(300)
        for (let i = 0; i < 300; i++)
          sim.edit.setColumn(TASKS, FIRST_TASK + i, 'text', 'read again', { silent: true })
        sim.requests.reset()
        await drain(db, pipeline)
        // The rows, and then the formulas of those that changed.
        expect(sim.requests.byOperation).toEqual({ Items: 6 })
        const { rows } = await db.query(`select count(*)::int as n from tasks where c_text = 'read again'`)
        expect(rows).toEqual([{ n: 300 }])
        expect(await waiting(db)).toEqual([])
      },
      { tasks: 300 },
    )
  })

  it('a request repeated during its fetch is fetched once more', async () => {
    await withTasks(async ({ db, pipeline }) => {
      const wish = [{ stream: TASKS, part: ROW, keys: keysFrom(FIRST_TASK, 2), reason: 'first' }]
      await requestRefetch(db, pipeline.app, wish)
      const batch = await claimRefetch(db, pipeline.app, 100)
      expect(batch?.keys).toHaveLength(2)
      expect(await claimRefetch(db, pipeline.app, 100)).toBeUndefined()
      await requestRefetch(db, pipeline.app, [{ ...wish[0], keys: [String(FIRST_TASK)] } as (typeof wish)[0]])
      if (batch !== undefined) await settleRefetch(db, pipeline.app, batch, batch.keys)
      expect((await waiting(db)).map(({ key }) => key)).toEqual([String(FIRST_TASK)])
      expect((await claimRefetch(db, pipeline.app, 100))?.keys).toHaveLength(1)
    })
  })

  it('claimed by a node that died are free again after a while', async () => {
    await withTasks(async ({ db, pipeline }) => {
      await requestRefetch(db, pipeline.app, [{ stream: TASKS, part: ROW, keys: ['1'], reason: 'x' }])
      await claimRefetch(db, pipeline.app, 100)
      await db.query(`update lockstep.refetch set claimed_until = claimed_until - interval '16 minutes'`)
      expect((await claimRefetch(db, pipeline.app, 100))?.keys).toHaveLength(1)
    })
  })

  it.each([
    ['does not answer', { html502: 1 }],
    ['has no calls left today', { daily: 1 }],
  ])('are kept, uncounted, while the vendor %s', async (_what, faults) => {
    await withTasks(async ({ db, sim, pipeline, reopen }) => {
      await requestRefetch(db, pipeline.app, [
        { stream: TASKS, part: ROW, keys: [String(FIRST_TASK)], reason: 'x' },
      ])
      sim.edit.rename(TASKS, FIRST_TASK, 'after the outage', { silent: true })
      Object.assign(sim.faults, faults)
      sim.requests.reset()
      for (let i = 0; i < 5; i++) {
        await expect(refetchOnce(db, pipeline, AbortSignal.timeout(1_000))).rejects.toThrow()
        expect(await waiting(db)).toMatchObject([{ key: String(FIRST_TASK), attempts: 0 }])
        await db.query(`update lockstep.refetch set next_attempt_at = '-infinity'`)
      }
      expect(sim.requests.calls).toBeLessThanOrEqual(15)
      Object.assign(sim.faults, { html502: 0, daily: 0 })
      await drain(db, await reopen())
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_name: 'after the outage' })
    })
  })

  it('of a board that is no longer configured are dropped', async () => {
    await withTasks(async ({ db, pipeline }) => {
      await requestRefetch(db, pipeline.app, [{ stream: '999', part: ROW, keys: ['1'], reason: 'x' }])
      expect(await refetchOnce(db, pipeline, signal())).toBe(1)
      expect(await waiting(db)).toEqual([])
    })
  })

  it('one that the database refuses does not hold up the others', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      await db.query(`alter table tasks add constraint no_poison check (c_name <> 'poison')`)
      for (let i = 0; i < 10; i++) {
        sim.edit.rename(TASKS, FIRST_TASK + i, i === 4 ? 'poison' : 'fine', { silent: true })
      }
      const keys = keysFrom(FIRST_TASK, 10)
      await requestRefetch(db, pipeline.app, [{ stream: TASKS, part: ROW, keys, reason: 'x' }])
      await drain(db, pipeline)
      const { rows } = await db.query(`select count(*)::int as n from tasks where c_name = 'fine'`)
      expect(rows).toEqual([{ n: 9 }])
      const left = await waiting(db)
      expect(left).toMatchObject([{ key: keys[4], attempts: 1 }])
      expect(left[0]?.['error']).toContain('no_poison')
    })
  })

  it('that the vendor refuses altogether are not asked for one by one', async () => {
    await withTasks(async ({ db, pipeline }) => {
      let calls = 0
      const readKeys = () => Promise.reject(new VendorRefusedError(`not allowed, time ${++calls}`))
      const source = Object.create(pipeline.source, { readKeys: { value: readKeys } }) as Pipeline['source']
      const keys = keysFrom(FIRST_TASK, 12)
      await requestRefetch(db, pipeline.app, [{ stream: TASKS, part: ROW, keys, reason: 'x' }])
      await refetchOnce(db, { ...pipeline, source }, signal())
      expect(calls).toBe(1)
      expect(await waiting(db)).toMatchObject(
        keys.map((key) => ({ key, attempts: 1, error: 'not allowed, time 1' })),
      )
    })
  })

  it('of a board that is hidden now are kept: its silence deletes nothing', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      await requestRefetch(db, pipeline.app, [
        { stream: CLIENTS, part: ROW, keys: ['5000000001'], reason: 'x' },
      ])
      await db.query(
        `update lockstep.refetch set requested_at = requested_at - interval '1 hour', error = 'not found yet'`,
      )
      sim.hiddenBoards.add(CLIENTS)
      await refetchOnce(db, pipeline, signal())
      expect(await rowOf(db, 'clients', 5_000_000_001)).toBeDefined()
      expect(await waiting(db)).toHaveLength(1)
    })
  })

  it('are gone when that was said twice: a clock that is set makes a wish look old', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      const key = String(FIRST_TASK)
      sim.world.boards.get(TASKS)?.items.delete(FIRST_TASK)
      sim.world.items.delete(FIRST_TASK)
      await requestRefetch(db, pipeline.app, [{ stream: TASKS, part: ROW, keys: [key], reason: 'created' }])
      await db.query(`update lockstep.refetch set requested_at = requested_at - interval '10 minutes'`)
      await refetchOnce(db, pipeline, signal())
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeDefined()
      const { rows } = await db.query(
        `select error, extract(epoch from next_attempt_at - clock_timestamp()) > 25 as later from lockstep.refetch`,
      )
      expect(rows).toEqual([{ error: 'not found yet', later: true }])
      await db.query(`update lockstep.refetch set next_attempt_at = '-infinity'`)
      await refetchOnce(db, pipeline, signal())
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
      expect(await waiting(db)).toEqual([])
    })
  })
})
