import { describe, expect, it } from 'vitest'
import { FIRST_TASK, rowOf, SUBITEMS, TASKS, withTasks, withTasksApp, startTasks } from './tasks-app.ts'
import { everyColumnWorld } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { withNode } from '../support/node.ts'
import { type Proxy, withProxy } from './proxy.ts'
import type { TasksRun } from './tasks-app.ts'

/** Like `withTasks`, with a proxy between Lockstep and the simulator. */
const withRewritten = (test: (run: TasksRun, proxy: Proxy) => Promise<void>): Promise<void> =>
  withSim({ world: everyColumnWorld(1, { tasks: 12 }) }, (sim) =>
    withProxy(sim.url, (proxy) =>
      withDatabase((db) =>
        withTasksApp(
          db,
          sim,
          (app) =>
            withNode(
              db,
              app,
              async ({ pipeline, hook }) => test(await startTasks({ sim, db, pipeline, hook }, app), proxy),
              { role: 'ingest' },
            ),
          { endpoint: proxy.url },
        ),
      ),
    ),
  )

interface Items {
  items: { id: string; state?: string | null; group?: object | null; board?: object | null }[]
}
/** The items of a page's answer, whichever way they were asked for. */
function itemsOf(body: Record<string, unknown>): Items | undefined {
  const data = body['data'] as Record<string, unknown> | undefined
  const first = (data?.['boards'] as { items_page?: Items }[] | undefined)?.[0]?.items_page
  return first ?? (Array.isArray(data?.['items']) ? (data as unknown as Items) : undefined)
}

const tableOf = async ({ db }: TasksRun, table: string): Promise<unknown[]> =>
  (
    await db.query(
      `select to_jsonb(t) - '{_stamp,_stamps,last_synced_at}'::text[] as row from ${table} as t order by monday_id`,
    )
  ).rows

describe('what the vendor tells nobody, seen by the next full sync', () => {
  it('a renamed label', async () => {
    await withTasks(async ({ db, sim, sync }) => {
      sim.edit.renameLabel(TASKS, 'status', 1, 'Finished')
      sim.edit.renameLabel(TASKS, 'dropdown', 3, 'Navy')
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toMatchObject({ c_status: 'Done', c_dropdown: 'Blue' })
      await sync()
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toMatchObject({
        c_status: 'Finished',
        c_dropdown: 'Navy',
      })
      const { rows } = await db.query(`select count(*)::int as n from tasks where c_status = 'Done'`)
      expect(rows).toEqual([{ n: 0 }])
    })
  })

  it('a renamed label is also what the events that follow mean', async () => {
    await withTasks(async ({ db, sim, sync, settle }) => {
      sim.edit.renameLabel(TASKS, 'dropdown', 3, 'Navy')
      await sync()
      sim.edit.setColumn(TASKS, FIRST_TASK, 'dropdown', { ids: [3] })
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_dropdown: 'Navy' })
    })
  })

  it('a deleted group, with its items and their subitems', async () => {
    await withTasks(async ({ db, sim, sync, settle }) => {
      sim.edit.deleteGroup(TASKS, 'group2')
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeDefined()
      const result = await sync()
      expect(result.failures).toEqual([])
      const { rows } = await db.query(`select distinct c_group_title from tasks`)
      expect(rows).toEqual([{ c_group_title: 'This week' }])
      const orphans = `select 1 from subtasks as s where not exists (select from tasks as t where t.monday_id = s.c_parent_item_id)`
      expect((await db.query(orphans)).rows).toEqual([])
    })
  })

  it('a deleted item: removed only after the vendor was asked for it by id', async () => {
    await withTasks(async ({ db, sim, sync }) => {
      sim.edit.delete(TASKS, FIRST_TASK, { silent: true, unlogged: true })
      const asked = sim.requests.byOperation['Items'] ?? 0
      await sync()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
      expect((sim.requests.byOperation['Items'] ?? 0) - asked).toBeGreaterThanOrEqual(1)
      const again = sim.requests.byOperation['Items'] ?? 0
      await sync()
      expect(sim.requests.byOperation['Items'] ?? 0).toBe(again)
    })
  })

  it('an item that the vendor no longer knows: removed once it stays unknown', async () => {
    await withTasks(async ({ db, sim, sync, settle }) => {
      sim.world.boards.get(TASKS)?.items.delete(FIRST_TASK)
      sim.world.items.delete(FIRST_TASK)
      await sync()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeDefined()
      await db.query(`update lockstep.refetch set next_attempt_at = '-infinity',
        requested_at = clock_timestamp() - interval '31 seconds'`)
      await settle()
      expect(await rowOf(db, 'tasks', FIRST_TASK)).toBeUndefined()
    })
  })

  it('a deleted column: its values stay, and the sync says so', async () => {
    await withTasks(async ({ db, sim, sync }) => {
      const before = await rowOf(db, 'tasks', FIRST_TASK + 1)
      expect(before?.['c_text']).toMatch(/^Text/)
      sim.edit.deleteColumn(TASKS, 'text')
      const { problems, runs } = await sync()
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toMatchObject({ c_text: before?.['c_text'] })
      expect(problems.join()).toMatch(/tasks\.c_text shows column "text", which the board no longer has/)
      expect(runs.map((run) => run.status)).toEqual(runs.map(() => 'completed'))
    })
  })

  it('a new column is in `extra` after the next full sync', async () => {
    await withTasks(async ({ db, sim, sync }) => {
      sim.edit.createColumn(TASKS, { id: 'text_new', title: 'New', type: 'text' })
      sim.edit.setColumn(TASKS, FIRST_TASK, 'text_new', 'brand new', { silent: true })
      await sync()
      expect((await rowOf(db, 'tasks', FIRST_TASK))?.['extra']).toMatchObject({ text_new: 'brand new' })
    })
  })
})

describe('answers that are not whole', () => {
  it('an item that a page leaves out, but exists, stays', async () => {
    await withRewritten(async (run, proxy) => {
      const before = await tableOf(run, 'tasks')
      proxy.rewrite = (operation, body) => {
        const page = operation === 'FirstPage' ? itemsOf(body) : undefined
        if (page !== undefined) page.items = page.items.filter(({ id }) => id !== String(FIRST_TASK))
        return body
      }
      await run.sync()
      expect(await tableOf(run, 'tasks')).toEqual(before)
    })
  })

  it('an item that a partial page leaves out is not even asked for', async () => {
    await withRewritten(async (run, proxy) => {
      const before = await tableOf(run, 'tasks')
      proxy.rewrite = (operation, body) => {
        const page = operation === 'FirstPage' ? itemsOf(body) : undefined
        if (page === undefined) return body
        page.items = page.items.slice(1)
        return {
          ...body,
          errors: [{ message: 'User unauthorized', extensions: { code: 'USER_UNAUTHORIZED' } }],
        }
      }
      const asked = run.sim.requests.byOperation['Items'] ?? 0
      await run.sync()
      expect(run.sim.requests.byOperation['Items'] ?? 0).toBe(asked)
      expect(await tableOf(run, 'tasks')).toEqual(before)
    })
  })

  it('partial pages delete nothing and overwrite nothing, and the run says partial', async () => {
    await withTasks(async (run) => {
      const before = await tableOf(run, 'tasks')
      const subitems = await tableOf(run, 'subtasks')
      run.sim.faults.partialData = 1
      for (let i = 0; i < 4; i++) {
        const { runs, failures } = await run.sync()
        for (const { status } of runs) expect(status).not.toBe('completed')
        for (const { error } of failures) expect(error).toMatch(/monday/)
      }
      expect(await tableOf(run, 'tasks')).toEqual(before)
      expect(await tableOf(run, 'subtasks')).toEqual(subitems)
    })
  })

  it.each([
    ['state', { state: null }],
    ['group', { group: null }],
    ['parent', { parent_item: null }],
    ['board', { board: null }],
    ['name', { name: null }],
  ])('an item whose %s is withheld keeps what it had', async (_what, withheld) => {
    await withRewritten(async (run, proxy) => {
      const before = [await tableOf(run, 'tasks'), await tableOf(run, 'subtasks')]
      proxy.rewrite = (_operation, body) => {
        const items = itemsOf(body)?.items ?? []
        if (items.length === 0) return body
        for (const item of items) Object.assign(item, withheld)
        return {
          ...body,
          errors: [{ message: 'User unauthorized', extensions: { code: 'USER_UNAUTHORIZED' } }],
        }
      }
      const { runs } = await run.sync()
      expect(runs.length).toBeGreaterThan(2)
      for (const { status, error } of runs) {
        expect({ status, error }).toEqual({
          status: 'partial',
          error: expect.stringContaining('unauthorized'),
        })
      }
      expect([await tableOf(run, 'tasks'), await tableOf(run, 'subtasks')]).toEqual(before)
    })
  })

  it('a board that the token may no longer see: nothing is deleted, and the remedy is told', async () => {
    await withTasks(async (run) => {
      const before = [await tableOf(run, 'tasks'), await tableOf(run, 'subtasks')]
      run.sim.hiddenBoards.add(TASKS).add(SUBITEMS)
      const { failures } = await run.sync()
      expect(new Set(failures.map(({ stream }) => stream))).toEqual(new Set(['Tasks', 'Subitems of Tasks']))
      for (const { error } of failures) expect(error).toContain('share the board')
      expect([await tableOf(run, 'tasks'), await tableOf(run, 'subtasks')]).toEqual(before)
    })
  })

  it('a formula over the limit is answered empty: the good value stays', async () => {
    await withTasks(async (run) => {
      const before = await tableOf(run, 'tasks')
      expect(await rowOf(run.db, 'tasks', FIRST_TASK + 1)).toMatchObject({ c_formula: expect.any(Number) })
      run.sim.limits.formulaCellsPerMinute = 0
      await run.sync()
      expect(await tableOf(run, 'tasks')).toEqual(before)
    })
  })
})

it('a formula of an item that a pass over formulas did not meet is asked for by its id', async () => {
  await withRewritten(async ({ db, sync }, proxy) => {
    const before = await rowOf(db, 'tasks', FIRST_TASK)
    expect(before?.['c_formula']).not.toBeNull()
    await db.query('update tasks set c_formula = null where monday_id = $1', [String(FIRST_TASK)])
    let left = 0
    proxy.rewrite = (operation, body, { columns }) => {
      const formulas = operation === 'FirstPage' && (columns as string[]).includes('formula')
      const page = formulas ? itemsOf(body) : undefined
      if (page !== undefined) page.items = page.items.filter(({ id }) => id !== String(FIRST_TASK))
      if (page !== undefined) left++
      return body
    }
    await sync()
    expect(left).toBeGreaterThan(0)
    expect(await rowOf(db, 'tasks', FIRST_TASK)).toEqual(before)
  })
})

it('rows at the top that a lagging replica shows as they were do not end a delta', async () => {
  await withTasks(
    async ({ db, sim, sync }) => {
      await sync({ full: false })
      const rename = (n: number): void =>
        void sim.edit.rename(TASKS, FIRST_TASK + n, `Silent ${n}`, { silent: true, unlogged: true })
      for (const n of [10, 11]) rename(n)
      sim.faults.replicaLagMs = 600_000
      for (const n of [0, 1, 2]) rename(n)
      await sync({ full: false })
      expect(await rowOf(db, 'tasks', FIRST_TASK + 10)).toMatchObject({ c_name: 'Silent 10' })
      expect(await rowOf(db, 'tasks', FIRST_TASK + 11)).toMatchObject({ c_name: 'Silent 11' })
    },
    { pageSize: 4 },
  )
})
