import { describe, expect, it } from 'vitest'
import {
  CLIENTS,
  FIRST_CLIENT,
  FIRST_TASK,
  readAgain,
  rowOf,
  SUBITEMS,
  TASKS,
  type TasksRun,
  withTasks,
} from './tasks-app.ts'

const subitemsOf = async (
  { db }: TasksRun,
  parent: number,
): Promise<{ monday_id: string; note: string | null }[]> =>
  (
    await db.query<{ monday_id: string; note: string | null }>(
      'select monday_id, note from subtasks where c_parent_item_id = $1 order by 1',
      [String(parent)],
    )
  ).rows

describe('an item that goes and comes back', () => {
  it.each(['delete', 'archive'] as const)(
    '%s, then restore: its values and the local ones are back',
    async (how) => {
      await withTasks(async ({ db, sim, settle }) => {
        await db.query(`update tasks set note = 'written here' where monday_id = $1`, [String(FIRST_TASK)])
        const before = await rowOf(db, 'tasks', FIRST_TASK)
        sim.edit[how](TASKS, FIRST_TASK)
        await settle()
        expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
        sim.edit.restore(TASKS, FIRST_TASK)
        await settle()
        const after = await rowOf(db, 'tasks', FIRST_TASK)
        expect({ ...after, c_last_updated: null }).toEqual({ ...before, c_last_updated: null })
        expect(after).toMatchObject({ note: 'written here' })
        expect((await db.query('select key from lockstep.tombstones')).rows).toEqual([])
      })
    },
  )

  it('comes back with what changed while it was gone', async () => {
    await withTasks(async ({ db, sim, settle }) => {
      sim.edit.archive(TASKS, FIRST_TASK)
      await settle()
      sim.edit.setColumn(TASKS, FIRST_TASK, 'text', 'changed in the archive', { silent: true })
      sim.edit.restore(TASKS, FIRST_TASK)
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_text: 'changed in the archive' })
    })
  })

  it.each(['delete', 'archive'] as const)(
    '%s takes the subitems along; a restore brings them back',
    async (how) => {
      await withTasks(async (run) => {
        const { db, sim, settle } = run
        await db.query(`update subtasks set note = 'local ' || monday_id`)
        const before = await subitemsOf(run, FIRST_TASK)
        expect(before).toHaveLength(2)
        sim.edit[how](TASKS, FIRST_TASK)
        await settle()
        expect(await subitemsOf(run, FIRST_TASK)).toEqual([])
        sim.edit.restore(TASKS, FIRST_TASK)
        await settle()
        expect(await subitemsOf(run, FIRST_TASK)).toEqual(before)
      })
    },
  )

  it('a subitem that was deleted by itself stays gone when its parent is restored', async () => {
    await withTasks(async (run) => {
      const { sim, settle } = run
      const [first, second] = await subitemsOf(run, FIRST_TASK)
      sim.edit.delete(SUBITEMS, first?.monday_id ?? '')
      await settle()
      sim.edit.archive(TASKS, FIRST_TASK)
      await settle()
      sim.edit.restore(TASKS, FIRST_TASK)
      await settle()
      expect(await subitemsOf(run, FIRST_TASK)).toEqual([second])
    })
  })

  it('subitems that were read again while their parent was gone come back with it', async () => {
    await withTasks(async (run) => {
      const { db, sim, pipeline, settle } = run
      const before = await subitemsOf(run, FIRST_TASK)
      sim.edit.archive(TASKS, FIRST_TASK)
      await settle()
      const keys = before.map(({ monday_id }) => monday_id)
      await readAgain(db, pipeline, SUBITEMS, keys)
      sim.edit.restore(TASKS, FIRST_TASK)
      await settle()
      expect(await subitemsOf(run, FIRST_TASK)).toEqual(before)
    })
  })
})

describe('an item that changes its place or name', () => {
  it('rename: from the event alone', async () => {
    await withTasks(async ({ db, sim, settle }) => {
      const { calls } = sim.requests
      sim.edit.rename(TASKS, FIRST_TASK, 'A new "name"')
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_name: 'A new "name"' })
      expect(sim.requests.calls).toBe(calls)
    })
  })

  it('move to another group', async () => {
    await withTasks(async ({ db, sim, settle }) => {
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_group_title: 'Later' })
      sim.edit.moveToGroup(TASKS, FIRST_TASK, 'topics')
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_group_title: 'This week' })
    })
  })

  it('a subitem that moves to another item, and nothing else is touched', async () => {
    await withTasks(async (run) => {
      const { db, sim, settle } = run
      const [first, second] = await subitemsOf(run, FIRST_TASK)
      sim.edit.moveSubitem(SUBITEMS, first?.monday_id ?? '', FIRST_TASK + 3)
      await settle()
      expect(await subitemsOf(run, FIRST_TASK)).toEqual([second])
      expect(await subitemsOf(run, FIRST_TASK + 3)).toContainEqual(first)
      expect((await db.query('select table_name, key from lockstep.tombstones')).rows).toEqual([])
    })
  })

  it('move to another board, which sends nothing: the next full sync sees it', async () => {
    await withTasks(async ({ db, sim, settle, sync }) => {
      sim.edit.moveToBoard(TASKS, FIRST_TASK + 1, CLIENTS)
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toBeDefined()
      await sync()
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toBeUndefined()
      expect(await rowOf(db, 'clients', FIRST_TASK + 1)).toMatchObject({ c_name: 'Task 2' })
      sim.edit.moveToBoard(CLIENTS, FIRST_TASK + 1, TASKS)
      await sync()
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toMatchObject({ c_name: 'Task 2' })
      expect(await rowOf(db, 'clients', FIRST_TASK + 1)).toBeUndefined()
    })
  })
})

/** Enough for each client to be shown by several tasks. */
const MANY = { tasks: 40 }

describe('what is shown elsewhere', () => {
  it('a mirror follows a change at its source board, in two calls for all that show it', async () => {
    await withTasks(async ({ db, sim, settle }) => {
      const showing = `select monday_id from tasks where $1 = any (c_connect)`
      expect((await db.query(showing, [String(FIRST_CLIENT + 1)])).rows.length).toBeGreaterThan(1)
      const { calls } = sim.requests
      sim.edit.setColumn(CLIENTS, FIRST_CLIENT + 1, 'tier', { index: 0 })
      await settle()
      // One for the rows, one for their formulas: a row read whole does not tell which of its columns moved.
      expect(sim.requests.calls - calls).toBe(2)
      const { rows } = await db.query(`select distinct c_mirror from tasks where c_connect = $1::text[]`, [
        `{${FIRST_CLIENT + 1}}`,
      ])
      expect(rows).toEqual([{ c_mirror: 'Gold' }])
    }, MANY)
  })

  it('a formula follows a change of its input', async () => {
    await withTasks(async ({ db, sim, settle }) => {
      sim.edit.setColumn(TASKS, FIRST_TASK + 1, 'numbers2', '3')
      sim.edit.setColumn(TASKS, FIRST_TASK + 1, 'numbers', '12.5')
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toMatchObject({ c_numbers: 12.5, c_formula: 37.5 })
    })
  })

  it('a plain column costs no call at all', async () => {
    await withTasks(async ({ db, sim, settle }) => {
      const { calls } = sim.requests
      for (let i = 0; i < 10; i++) sim.edit.setColumn(TASKS, FIRST_TASK + i, 'status', { index: (i + 1) % 3 })
      sim.edit.setColumn(TASKS, FIRST_TASK, 'date4', { date: '2026-12-24', time: null })
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_status: 'Done', c_date4: '2026-12-24' })
      expect(sim.requests.calls).toBe(calls)
    })
  })
})
