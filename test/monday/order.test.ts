import { refetchOnce } from '../../src/lanes/refetch.ts'
import { requestRefetch } from '../../src/lanes/refetch-queue.ts'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ROW } from '../../src/sources/contract.ts'
import { until } from '../support/node.ts'
import { FIRST_TASK, readAgain, rowOf, TASKS, withTasks } from './tasks-app.ts'

const file = join(import.meta.dirname, '../fixtures/monday/events.json')
const events = JSON.parse(readFileSync(file, 'utf8')) as Record<string, { event: Record<string, unknown> }>

let triggers = 0
/** An event in monday's shape, with a trigger of its own. */
function event(name: string, change: Record<string, unknown>): Record<string, unknown> {
  return { ...events[name]?.event, triggerUuid: `test-trigger-${++triggers}`, ...change }
}
const textSet = (value: string, changedAt: number): Record<string, unknown> =>
  event('text set', { value: { value }, changedAt })
const gone = (type: string, seconds: number): Record<string, unknown> =>
  event(type, { triggerTime: new Date(seconds * 1000).toISOString() })

const nowS = (): number => Math.floor(Date.now() / 1000)
const textOf = async (db: Parameters<typeof rowOf>[0]): Promise<unknown> =>
  (await rowOf(db, 'tasks', FIRST_TASK))?.['c_text']

describe('events that come twice, late, or in disorder', () => {
  it('the same event five times counts once', async () => {
    await withTasks(async ({ db, send, apply }) => {
      const one = textSet('five times', nowS() + 0.5)
      const again = { ...one, subscriptionId: 777, isRetry: true }
      expect(await Promise.all([send(one), send(again)])).toContain('duplicate')
      await apply()
      const [first] = (await db.query(`select last_synced_at from tasks where c_text = 'five times'`)).rows
      for (const copy of [one, again, again]) expect(await send(copy)).toBe('duplicate')
      await apply()
      const { rows } = await db.query(`select deliveries, status, outcome from lockstep.inbox`)
      expect(rows).toEqual([{ deliveries: 5, status: 'processed', outcome: 'applied' }])
      expect((await db.query(`select last_synced_at from tasks where c_text = 'five times'`)).rows).toEqual([
        first,
      ])
    })
  })

  it.each(['one batch', 'two batches'])('two updates in one second in reverse order, in %s', async (how) => {
    await withTasks(async ({ db, send, apply }) => {
      const second = nowS() + 1
      await send(textSet('later', second + 0.700001))
      if (how === 'two batches') await apply()
      await send(textSet('earlier', second + 0.2))
      await apply()
      expect(await textOf(db)).toBe('later')
    })
  })

  it('updates of two columns in reverse order both count', async () => {
    await withTasks(async ({ db, send, apply }) => {
      const second = nowS() + 1
      await send(textSet('text', second + 0.9))
      await send(event('number set', { value: { value: 77, unit: null }, changedAt: second + 0.1 }))
      await apply()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_text: 'text', c_numbers: 77 })
    })
  })

  it('an update that is older than what was read does not undo it', async () => {
    await withTasks(async ({ db, sim, pipeline, send, apply }) => {
      sim.edit.setColumn(TASKS, FIRST_TASK, 'text', 'as read', { silent: true })
      await readAgain(db, pipeline, TASKS, [String(FIRST_TASK)])
      await send(textSet('an hour old', nowS() - 3600))
      await apply()
      expect(await textOf(db)).toBe('as read')
    })
  })

  it.each(['deleted', 'archived'])(
    'a stale update after the item was %s does not bring it back',
    async (how) => {
      await withTasks(async ({ db, send, apply }) => {
        const second = nowS() + 1
        await send(gone(how, second))
        await apply()
        expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
        await send(textSet('stale', second - 2))
        await apply()
        await send(event('renamed', { triggerTime: new Date((second - 1) * 1000).toISOString() }))
        await apply()
        expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
        const { rows } = await db.query(
          `select count(*)::int as n from lockstep.inbox where status = 'processed'`,
        )
        expect(rows).toEqual([{ n: 3 }])
      })
    },
  )

  it('a lagging replica, read after an event, does not undo it', async () => {
    await withTasks(async ({ db, sim, pipeline, settle }) => {
      sim.faults.replicaLagMs = 60_000
      sim.edit.setColumn(TASKS, FIRST_TASK, 'text', 'told by the event')
      const changed = Date.now() * 1000
      await settle()
      // The moment of a read is known only to a second or so, from below: until it is surely after the change.
      const [, stream] = pipeline.source.streams
      if (stream === undefined) throw new Error('no stream')
      const request = { stream, part: ROW, keys: [String(FIRST_TASK)], signal: AbortSignal.timeout(20_000) }
      const floor = async (): Promise<number> => (await pipeline.source.readKeys(request)).floor
      await until('a read after the change', floor, (at) => at > changed)
      await readAgain(db, pipeline, TASKS, [String(FIRST_TASK)])
      expect(await textOf(db)).toBe('told by the event')
    })
  })

  it('a row read before the delete, written after it, does not bring it back, and is read once more', async () => {
    await withTasks(async ({ db, sim, pipeline, send, apply }) => {
      const signal = AbortSignal.timeout(30_000)
      sim.faults.replicaLagMs = 20_000
      sim.edit.delete(TASKS, FIRST_TASK, { silent: true })
      await send(gone('deleted', Date.now() / 1000))
      await apply()
      await requestRefetch(db, pipeline.app, [
        { stream: TASKS, part: ROW, keys: [String(FIRST_TASK)], reason: 'x' },
      ])
      await refetchOnce(db, pipeline, signal)
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
      sim.faults.replicaLagMs = 0
      const again = await db.query(
        `update lockstep.refetch set next_attempt_at = '-infinity' returning reason`,
      )
      expect(again.rows).toEqual([{ reason: 'read as there just after its delete' }])
      await refetchOnce(db, pipeline, signal)
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
      expect((await db.query('select key, part, reason, error from lockstep.refetch')).rows).toEqual([])
    })
  })

  it('an event of a row that is newer than its delete asks for the row: it may be back without a word', async () => {
    await withTasks(async ({ db, send, apply }) => {
      await send(gone('deleted', nowS()))
      await apply()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
      await send(textSet('alive after all', nowS() + 1))
      await apply()
      const { rows } = await db.query('select key, reason from lockstep.refetch')
      expect(rows).toEqual([{ key: String(FIRST_TASK), reason: 'an event that is newer than its delete' }])
    })
  })

  it('a delete that comes before its create leaves nothing', async () => {
    await withTasks(async ({ db, sim, send, apply, settle }) => {
      const item = sim.edit.createItem(TASKS, { name: 'Short life' }, { silent: true })
      sim.edit.delete(TASKS, item.id, { silent: true })
      await send(event('deleted', { itemId: item.id, triggerTime: new Date().toISOString() }))
      await apply()
      await send(
        event('item created', { pulseId: item.id, triggerTime: new Date(Date.now() - 900).toISOString() }),
      )
      await settle()
      expect(await rowOf(db, 'tasks', item.id)).toBeUndefined()
      expect((await db.query('select key from lockstep.refetch')).rows).toEqual([])
    })
  })

  it('a restore that comes before the delete it undoes wins', async () => {
    await withTasks(async ({ db, send, apply }) => {
      const second = nowS() + 1
      await send(event('restored', { triggerTime: new Date((second + 1) * 1000).toISOString() }))
      await apply()
      await send(gone('deleted', second))
      await apply()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeDefined()
    })
  })

  it('an event for a row that we do not have is a wish to read it', async () => {
    await withTasks(async ({ db, sim, settle }) => {
      const item = sim.edit.createItem(TASKS, { name: 'Its create was lost' }, { silent: true })
      sim.edit.setColumn(TASKS, item.id, 'text', 'first heard of')
      await settle()
      expect(await rowOf(db, 'tasks', item.id)).toMatchObject({
        c_name: 'Its create was lost',
        c_text: 'first heard of',
      })
      const { rows } = await db.query('select key from lockstep.tombstones')
      expect(rows).toEqual([])
    })
  })
})
