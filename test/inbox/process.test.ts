import { isDeepStrictEqual } from 'node:util'
import { describe, expect, it } from 'vitest'
import { NEVER } from '../../src/engine/stamp.ts'
import { replayEvents } from '../../src/inbox/ledger.ts'
import { processBatch } from '../../src/inbox/process.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { applyObservations } from '../../src/mirror/apply.ts'
import { until } from '../support/node.ts'
import { FIRST_TASK, rowOf, TASKS, withTasks } from '../monday/tasks-app.ts'
import type { Database } from '../../src/db/database.ts'
import type { MondaySim } from '../../sim/monday/index.ts'

const events = async (db: Database): Promise<Record<string, unknown>[]> =>
  (await db.query('select entity, status, outcome, attempts, error from lockstep.inbox order by id')).rows

/** Renames the first tasks, so that each has an event of its own. */
async function renameAll(sim: MondaySim, count: number, name: (i: number) => string): Promise<void> {
  for (let i = 0; i < count; i++) sim.edit.rename(TASKS, FIRST_TASK + i, name(i))
  await sim.deliveries.idle()
}

describe('a poison event', () => {
  const refuse = `alter table tasks add constraint no_poison check (c_name <> 'poison')`

  it('is found among many, and the others are applied in the same step', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      await db.query(refuse)
      await renameAll(sim, 12, (i) => (i === 7 ? 'poison' : `renamed ${i}`))
      expect(await processBatch(db, pipeline, 500)).toMatchObject({ settled: 11, failed: 1 })
      const { rows } = await db.query(`select count(*)::int as n from tasks where c_name like 'renamed %'`)
      expect(rows).toEqual([{ n: 11 }])
      const failed = (await events(db)).filter(({ status }) => status !== 'processed')
      expect(failed).toMatchObject([{ entity: String(FIRST_TASK + 7), status: 'pending', attempts: 1 }])
      expect(failed[0]?.['error']).toContain('no_poison')
    })
  })

  it('is tried again later and later, then a dead letter; replayed once its cause is gone, it counts', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      await db.query(refuse)
      await renameAll(sim, 1, () => 'poison')
      const waits: number[] = []
      for (let tries = 0; tries < 9; tries++) {
        expect(await processBatch(db, pipeline, 10)).toMatchObject({ failed: 1 })
        expect(await processBatch(db, pipeline, 10)).toMatchObject({ settled: 0, failed: 0 })
        const wait = `select extract(epoch from nullif(next_attempt_at, '-infinity') - clock_timestamp())::float8 as s from lockstep.inbox`
        waits.push((await db.query<{ s: number }>(wait)).rows[0]?.s ?? 0)
        await db.query(`update lockstep.inbox_queue set next_attempt_at = '-infinity'`)
      }
      expect(waits.slice(0, 8)).toEqual(waits.slice(0, 8).toSorted((a, b) => a - b))
      expect(await events(db)).toMatchObject([{ status: 'dead', attempts: 9 }])
      expect(await processBatch(db, pipeline, 10)).toMatchObject({ failed: 0 })

      await db.query('alter table tasks drop constraint no_poison')
      expect(await replayEvents(db, { deadOnly: true, error: 'something else' })).toBe(0)
      expect(await replayEvents(db, { deadOnly: true, error: 'no_poison' })).toBe(1)
      expect(await processBatch(db, pipeline, 10)).toMatchObject({ settled: 1 })
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_name: 'poison' })
    })
  })

  it('a dead letter of four weeks ago can still be replayed, and undoes nothing newer', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      await renameAll(sim, 1, () => 'first')
      await processBatch(db, pipeline, 10)
      await renameAll(sim, 1, () => 'second')
      await processBatch(db, pipeline, 10)
      await db.query(`update lockstep.inbox_outcomes set status = 'dead'
        where id = (select min(id) from lockstep.inbox_outcomes)`)
      await db.query(`update lockstep.inbox_events set received_at = received_at - interval '28 days'
        where id = (select min(id) from lockstep.inbox_events)`)
      expect(await replayEvents(db, { deadOnly: true })).toBe(1)
      expect(await processBatch(db, pipeline, 10)).toMatchObject({ settled: 1, failed: 0 })
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_name: 'second' })
    })
  })

  it('of which not even the parser makes sense is kept as unknown', async () => {
    await withTasks(async ({ db, send, pipeline }) => {
      await send({ type: 'item_teleported', boardId: Number(TASKS), pulseId: FIRST_TASK })
      expect(await processBatch(db, pipeline, 10)).toMatchObject({ settled: 1 })
      expect(await events(db)).toMatchObject([{ status: 'processed', outcome: 'unknown' }])
    })
  })
})

describe('effects and settling', () => {
  it('are one: where deriving fails nothing is applied, and the event waits', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      let failures = 1
      const derive: Pipeline['derive'] = () =>
        failures-- > 0 ? Promise.reject(new Error('derive failed')) : Promise.resolve()
      const fragile = { ...pipeline, derive }
      await renameAll(sim, 1, () => 'derived')
      expect(await processBatch(db, fragile, 10)).toMatchObject({ settled: 0, failed: 1 })
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_name: 'Task 1' })
      expect(await events(db)).toMatchObject([{ status: 'pending', attempts: 1, error: 'derive failed' }])
      await db.query(`update lockstep.inbox_queue set next_attempt_at = '-infinity'`)
      expect(await processBatch(db, fragile, 10)).toMatchObject({ settled: 1 })
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_name: 'derived' })
    })
  })

  it('happen once where several processors work side by side', async () => {
    await withTasks(
      async ({ db, sim, pipeline }) => {
        const seen: string[] = []
        const counting: Pipeline = {
          ...pipeline,
          derive: (_tx, changes) => {
            seen.push(...changes.map(({ key }) => key))
            return Promise.resolve()
          },
        }
        await renameAll(sim, 40, (i) => `renamed ${i}`)
        const worker = async (limit: number): Promise<number> => {
          let settled = 0
          for (;;) {
            settled += (await processBatch(db, counting, limit)).settled
            const { rows } = await db.query(`select 1 from lockstep.inbox where status = 'pending' limit 1`)
            if (rows.length === 0) return settled
          }
        }
        const settled = await Promise.all([worker(7), worker(11), worker(500)])
        expect(settled.reduce((sum, n) => sum + n, 0)).toBe(40)
        expect(seen.toSorted()).toEqual(Array.from({ length: 40 }, (_, i) => String(FIRST_TASK + i)))
        expect(new Set((await events(db)).map(({ attempts }) => attempts))).toEqual(new Set([1]))
      },
      { tasks: 40 },
    )
  })

  it('are one transaction with events that move rows, unless somebody else is at the table: then those follow', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      const settledIn = `select count(*)::int as events, count(distinct xmin::text)::int as transactions
        from lockstep.inbox_outcomes`
      await renameAll(sim, 3, () => 'alone')
      sim.edit.archive(TASKS, FIRST_TASK + 5)
      await sim.deliveries.idle()
      expect(await processBatch(db, pipeline, 50)).toMatchObject({ settled: 4 })
      expect((await db.query(settledIn)).rows).toEqual([{ events: 4, transactions: 1 }])

      await renameAll(sim, 3, () => 'beside another')
      sim.edit.archive(TASKS, FIRST_TASK + 6)
      await sim.deliveries.idle()
      const { promise: left, resolve: leave } = Promise.withResolvers<void>()
      const { promise: there, resolve: come } = Promise.withResolvers<void>()
      const other = db.transaction(async (tx) => {
        await applyObservations(tx, pipeline.mirror, [
          { table: 'tasks', key: String(FIRST_TASK + 8), kind: 'fields', stamp: NEVER, values: {} },
        ])
        come()
        await left
      })
      await there
      const batch = processBatch(db, pipeline, 50)
      const look = async (): Promise<unknown> => (await db.query(settledIn)).rows[0]
      await until('the renames', look, (seen) => isDeepStrictEqual(seen, { events: 7, transactions: 2 }))
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_name: 'beside another' })
      expect(await rowOf(db, 'tasks', FIRST_TASK + 6)).toBeDefined()
      leave()
      await other
      expect(await batch).toMatchObject({ settled: 4, failed: 0 })
      expect(await look()).toEqual({ events: 8, transactions: 3 })
      expect(await rowOf(db, 'tasks', FIRST_TASK + 6)).toBeUndefined()
    })
  })

  it('do not happen again for an event that is replayed', async () => {
    await withTasks(async ({ db, sim, pipeline }) => {
      await renameAll(sim, 1, () => 'once')
      await processBatch(db, pipeline, 10)
      const changed = `select last_synced_at from tasks where c_name = 'once'`
      const before = (await db.query(changed)).rows
      expect(await replayEvents(db, { deadOnly: false })).toBe(1)
      expect(await processBatch(db, pipeline, 10)).toMatchObject({ settled: 1 })
      expect((await db.query(changed)).rows).toEqual(before)
    })
  })
})
