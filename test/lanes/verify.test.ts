import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { stamp } from '../../src/engine/stamp.ts'
import { absorb } from '../../src/lanes/pipeline.ts'
import { collapseAll } from '../../src/mirror/apply.ts'
import { Metrics } from '../../src/http/metrics.ts'
import { readStatus } from '../../src/http/status.ts'
import { catchUp } from '../../src/lanes/sync.ts'
import { requestRefetch } from '../../src/lanes/refetch-queue.ts'
import { verifyApp, type VerifyOptions, type VerifyResult } from '../../src/lanes/verify.ts'
import type { Verification } from '../../src/lanes/verify-pass.ts'
import { ROW } from '../../src/sources/contract.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { type Proxy, withProxy } from '../monday/proxy.ts'
import {
  CLIENTS,
  FIRST_CLIENT,
  FIRST_TASK,
  rowOf,
  startTasks,
  SUBITEMS,
  TASKS,
  type TasksRun,
  withTasks,
  withTasksApp,
} from '../monday/tasks-app.ts'
import { everyColumnWorld } from '../../sim/monday/index.ts'
import { withDatabase } from '../support/database.ts'
import { until, withNode } from '../support/node.ts'

const TABLES = ['clients', 'tasks', 'subtasks']
const UNSEEN = { silent: true, unlogged: true } as const

const verify = (
  { db, pipeline }: Pick<TasksRun, 'db' | 'pipeline'>,
  options: Partial<VerifyOptions> = {},
): Promise<VerifyResult> =>
  verifyApp(db, pipeline, {
    signal: AbortSignal.timeout(50_000),
    repair: false,
    settleMs: 200,
    patienceMs: 1_000,
    ...options,
  })

const tableOf = ({ verifications }: VerifyResult, table: string): Verification | undefined =>
  verifications.find((v) => v.table === table)

/** Figures of one table, as [missing, extra, different, repaired]. */
function found(result: VerifyResult, table: string): number[] {
  const { missing, extra, different, repaired } = tableOf(result, table) ?? {}
  return [missing, extra, different, repaired].map((n) => n ?? NaN)
}

/** Every row with its version: any write shows. */
async function versions(db: Database): Promise<string[]> {
  const all: string[] = []
  for (const table of TABLES) {
    const { rows } = await db.query<{ row: string }>(
      `select t::text || t.xmin::text as row from ${table} as t order by 1`,
    )
    all.push(...rows.map(({ row }) => row))
  }
  return all
}

async function expectClean(run: TasksRun): Promise<void> {
  const again = await verify(run)
  for (const table of TABLES) expect([table, ...found(again, table)]).toEqual([table, 0, 0, 0, 0])
}

describe('verify', () => {
  it('an equal world: no drift, every column looked at, and nothing written', async () => {
    await withTasks(async (run) => {
      const before = await versions(run.db)
      const calls = run.sim.requests.calls
      const result = await verify(run, { repair: true })
      expect(result).toMatchObject({ failures: [], busy: [], problems: [] })
      for (const table of TABLES) expect([table, ...found(result, table)]).toEqual([table, 0, 0, 0, 0])
      expect(tableOf(result, 'tasks')).toMatchObject({ rows: 12, unsettled: 0, run: { status: 'completed' } })
      // 24 mapped columns and what lies in extra, each of 12 rows.
      expect(tableOf(result, 'tasks')?.cells).toBeGreaterThan(12 * 24)
      expect(await versions(run.db)).toEqual(before)
      // Boards and people; a page of each board; formulas of two.
      expect(run.sim.requests.calls - calls).toBe(7)
      const { rows } = await run.db.query(
        `select table_name, d.status, r.lane, r.processed from lockstep.drift as d
         join lockstep.runs as r on r.id = d.run_id order by 1`,
      )
      expect(rows).toEqual([
        { table_name: 'clients', status: 'completed', lane: 'sweep', processed: 12 },
        { table_name: 'subtasks', status: 'completed', lane: 'sweep', processed: 12 },
        { table_name: 'tasks', status: 'completed', lane: 'sweep', processed: 12 },
      ])
    })
  })

  it('silent edits, deletes and new rows are found exactly, and repaired', async () => {
    await withTasks(async (run) => {
      const { sim, db } = run
      await db.query(`update tasks set note = 'ours ' || monday_id`)
      sim.edit.setColumn(TASKS, FIRST_TASK + 1, 'text', 'silent', UNSEEN)
      sim.edit.setColumn(TASKS, FIRST_TASK + 2, 'numbers', '987.25', UNSEEN)
      sim.edit.rename(SUBITEMS, (await subitemOf(run, FIRST_TASK + 3)).monday_id, 'renamed', UNSEEN)
      sim.edit.delete(TASKS, FIRST_TASK + 5, UNSEEN)
      sim.edit.createItem(TASKS, { name: 'Nobody told' }, UNSEEN)
      const before = await versions(db)
      const seen = await verify(run)
      expect(await versions(db)).toEqual(before)
      expect(found(seen, 'clients')).toEqual([0, 0, 0, 0])
      expect(found(seen, 'tasks')).toEqual([1, 1, 2, 0])
      // Two went with their parent.
      expect(found(seen, 'subtasks')).toEqual([0, 2, 1, 0])
      expect(tableOf(seen, 'tasks')?.examples).toContainEqual(
        expect.objectContaining({ key: String(FIRST_TASK + 1), column: 'c_text', theirs: 'silent' }),
      )
      const mended = await verify(run, { repair: true, tolerance: 1 })
      expect(found(mended, 'tasks')).toEqual([1, 1, 2, 4])
      // Children follow their parent, so they are no longer there to be found.
      expect(found(mended, 'subtasks')).toEqual([0, 0, 1, 1])
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toMatchObject({ c_text: 'silent' })
      expect(await rowOf(db, 'tasks', FIRST_TASK + 5)).toBeUndefined()
      const { rows } = await db.query(`select distinct note = 'ours ' || monday_id as kept from tasks`)
      expect(rows).toEqual(expect.arrayContaining([{ kept: true }]))
      expect(rows).not.toContainEqual({ kept: false })
      await expectClean(run)
    })
  })

  it('the last verification is a status and a metric', async () => {
    await withTasks(async (run) => {
      const { db, pipeline, sim } = run
      const told = async (): Promise<string> =>
        new Metrics().render([await readStatus(db, pipeline)], Date.now())
      expect(await told()).not.toMatch(/^lockstep_drift_rows\{/m)
      sim.edit.setColumn(TASKS, FIRST_TASK, 'text', 'silent', UNSEEN)
      await verify(run)
      const text = await told()
      expect(text).toContain('lockstep_drift_rows{app="monday",table="tasks",kind="different"} 1')
      expect(text).toContain('lockstep_drift_rows{app="monday",table="clients",kind="missing"} 0')
      expect(text).toMatch(/^lockstep_verified_age_seconds\{app="monday",table="tasks"\} \d/m)
      const { tables } = await readStatus(db, pipeline)
      expect(tables.find(({ table }) => table === 'tasks')?.drift).toMatchObject({
        status: 'completed',
        different: 1,
        repaired: 0,
      })
    })
  })

  it('what was changed here by hand is found in columns and in extra, and mended; local columns stay', async () => {
    await withTasks(
      async (run) => {
        const { db } = run
        await db.query(`update tasks set c_name = 'wrong', note = 'mine' where monday_id = $1`, [
          String(FIRST_TASK),
        ])
        await db.query(
          `update tasks set extra = extra || '{"text": "wrong", "invented": 1}' where monday_id = $1`,
          [String(FIRST_TASK + 1)],
        )
        await db.query(`update tasks set extra = extra - 'status' where monday_id = $1`, [
          String(FIRST_TASK + 2),
        ])
        await db.query(`delete from tasks where monday_id = $1`, [String(FIRST_TASK + 3)])
        const result = await verify(run, { repair: true, tolerance: 1 })
        expect(found(result, 'tasks')).toEqual([1, 0, 3, 4])
        const columns = tableOf(result, 'tasks')?.examples.map(({ column }) => column)
        expect(new Set(columns)).toEqual(
          new Set(['c_name', 'extra.text', 'extra.invented', 'extra.status', null]),
        )
        expect(await rowOf(db, 'tasks', FIRST_TASK)).toMatchObject({ c_name: 'Task 1', note: 'mine' })
        await expectClean(run)
      },
      { map: 'extra' },
    )
  })

  it('a row that is deleted here and alive there is found, and read until it outranks the delete', async () => {
    await withTasks(async (run) => {
      const { db, pipeline } = run
      const key = String(FIRST_TASK)
      const at = (Date.now() - 27_000) * 1000
      const gone = {
        table: 'tasks',
        key,
        kind: 'delete',
        stamp: stamp({ at, seen: at, n: 1 }),
        values: {},
      } as const
      await db.transaction((tx, attempt) =>
        absorb(tx, pipeline, collapseAll(pipeline.mirror, [gone]), { attempt }),
      )
      expect(await rowOf(db, 'tasks', key)).toBeUndefined()
      const result = await verify(run, { repair: true, tolerance: 1, settleMs: 100 })
      expect(found(result, 'tasks')).toEqual([1, 0, 0, 1])
      // Its subitems were hidden with it, and came back with it.
      expect(found(result, 'subtasks')).toEqual([0, 0, 0, 0])
      expect(await rowOf(db, 'tasks', key)).toMatchObject({ c_name: 'Task 1' })
      await expectClean(run)
    })
  })

  it('a key that a page left out is asked for by id, and is not called extra', async () => {
    await withRewritten(async (run, proxy) => {
      proxy.rewrite = (operation, body) => {
        const page = operation === 'FirstPage' ? itemsOf(body) : undefined
        if (page !== undefined) page.items = page.items.filter(({ id }) => id !== String(FIRST_TASK))
        return body
      }
      const before = await versions(run.db)
      const result = await verify(run, { repair: true })
      expect(found(result, 'tasks')).toEqual([0, 0, 0, 0])
      expect(tableOf(result, 'tasks')).toMatchObject({ rows: 11, run: { status: 'completed' } })
      expect(await versions(run.db)).toEqual(before)
    })
  })

  it('an item that moved to a board that is read too', async () => {
    await withTasks(async (run) => {
      run.sim.edit.moveToBoard(TASKS, FIRST_TASK + 1, CLIENTS)
      const result = await verify(run, { repair: true, tolerance: 1 })
      expect(found(result, 'clients')).toEqual([1, 0, 0, 1])
      expect(found(result, 'tasks')).toEqual([0, 1, 0, 1])
      expect(await rowOf(run.db, 'clients', FIRST_TASK + 1)).toMatchObject({ c_name: 'Task 2' })
    })
  })

  it('a subitem that left a deleted parent unheard is missing, not hidden with it', async () => {
    await withTasks(async (run) => {
      const child = [...(run.sim.world.boards.get(SUBITEMS)?.items.values() ?? [])][0]
      if (child?.parentId == null) throw new Error('no subitem')
      const from = child.parentId
      const other = from === FIRST_TASK ? FIRST_TASK + 1 : FIRST_TASK
      run.sim.edit.moveSubitem(SUBITEMS, child.id, other, UNSEEN)
      run.sim.edit.delete(TASKS, from, UNSEEN)
      const result = await verify(run, { repair: true, tolerance: 1 })
      expect(found(result, 'subtasks')).toEqual([1, 0, 0, 1])
      expect(await rowOf(run.db, 'subtasks', child.id)).toMatchObject({ c_parent_item_id: String(other) })
    })
  })

  it('formulas: an empty answer is no difference, a wrong value is', async () => {
    await withTasks(async (run) => {
      const { db, sim } = run
      const allowed = sim.limits.formulaCellsPerMinute
      sim.limits.formulaCellsPerMinute = 0
      expect(found(await verify(run, { repair: true }), 'tasks')).toEqual([0, 0, 0, 0])
      sim.limits.formulaCellsPerMinute = allowed
      await db.query(`update tasks set c_formula = c_formula + 1 where monday_id = $1`, [
        String(FIRST_TASK + 1),
      ])
      expect(found(await verify(run, { formulas: false }), 'tasks')).toEqual([0, 0, 0, 0])
      expect(found(await verify(run, { repair: true, tolerance: 1 }), 'tasks')).toEqual([0, 0, 1, 1])
      await expectClean(run)
    })
  })

  it('a precision that the table gives a column is no difference', async () => {
    await withTasks(async (run) => {
      await run.db.query('alter table tasks alter column c_numbers type numeric(12,1)')
      run.sim.edit.setColumn(TASKS, FIRST_TASK + 1, 'numbers', '12.34')
      await run.settle()
      expect(found(await verify(run), 'tasks')).toEqual([0, 0, 0, 0])
    })
  })

  it('drift over the tolerance makes the table be read anew, and says so', async () => {
    await withTasks(async (run) => {
      const { db, sim } = run
      for (let i = 0; i < 4; i++) sim.edit.setColumn(TASKS, FIRST_TASK + i, 'text', `silent ${i}`, UNSEEN)
      const passes = async (): Promise<number> => {
        const { rows } = await db.query<{ n: number }>(
          `select count(*)::int as n from lockstep.runs where lane = 'backfill' and stream = $1 and status = 'completed'`,
          [TASKS],
        )
        return rows[0]?.n ?? 0
      }
      const before = await passes()
      await verify(run)
      await verify(run, { repair: true, tables: ['clients'] })
      expect(await passes()).toBe(before)
      const result = await verify(run, { repair: true })
      expect(found(result, 'tasks')).toEqual([0, 0, 4, 4])
      expect(tableOf(result, 'tasks')).toMatchObject({ reconciled: true })
      expect(tableOf(result, 'clients')).toMatchObject({ reconciled: false })
      // The rows, and the formulas.
      expect(await passes()).toBe(before + 2)
      const { rows } = await db.query(`select table_name from lockstep.drift where reconciled`)
      expect(rows).toEqual([{ table_name: 'tasks' }])
      await expectClean(run)
    })
  })
})

it('a reconcile whose node died over it is made by the next catch-up', async () => {
  await withTasks(async ({ db, pipeline, sim }) => {
    sim.edit.rename(CLIENTS, FIRST_CLIENT, 'Silent', UNSEEN)
    // As the reconcile leaves it when it begins.
    await db.query(`update lockstep.freshness set full_pass_at = null where stream = $1`, [CLIENTS])
    const result = await catchUp(db, pipeline, { signal: AbortSignal.timeout(20_000) })
    expect(result?.runs.map(({ stream, status }) => [stream, status])).toEqual([[CLIENTS, 'completed']])
    expect(await rowOf(db, 'clients', FIRST_CLIENT)).toMatchObject({ c_name: 'Silent' })
    expect(await catchUp(db, pipeline, { signal: AbortSignal.timeout(20_000) })).toBeUndefined()
  })
})

describe('verify does not mistake a system that is alive for one that drifted', () => {
  it('a change whose event waits is not counted, and the run says that it is partial', async () => {
    await withTasks(async (run) => {
      const { sim, db } = run
      sim.edit.setColumn(TASKS, FIRST_TASK, 'text', 'on its way')
      await sim.deliveries.idle()
      const waiting = await verify(run, { tables: ['tasks'] })
      expect(found(waiting, 'tasks')).toEqual([0, 0, 0, 0])
      expect(tableOf(waiting, 'tasks')).toMatchObject({ unsettled: 1, run: { status: 'partial' } })
      await run.settle()
      const settled = await verify(run, { tables: ['tasks'] })
      expect(tableOf(settled, 'tasks')).toMatchObject({ unsettled: 0, run: { status: 'completed' } })
      expect((await db.query(`select from lockstep.drift where different > 0`)).rowCount).toBe(0)
    })
  })

  it('a row that was asked for is not counted before it was read', async () => {
    await withTasks(async (run) => {
      const { sim, db, pipeline } = run
      sim.edit.setColumn(TASKS, FIRST_TASK, 'text', 'asked for', UNSEEN)
      const keys = [String(FIRST_TASK)]
      await requestRefetch(db, pipeline.app, [{ stream: TASKS, part: ROW, keys, reason: 'test' }])
      expect(tableOf(await verify(run, { tables: ['tasks'] }), 'tasks')).toMatchObject({
        different: 0,
        unsettled: 1,
      })
    })
  })

  it('a computed column of a row that the next delta will read is late, not lost', async () => {
    await withTasks(async (run) => {
      run.sim.edit.setColumn(TASKS, FIRST_TASK, 'text', 'told by an event')
      await run.settle()
      const stored = await rowOf(run.db, 'tasks', FIRST_TASK)
      expect(stored).toMatchObject({ c_text: 'told by an event' })
      expect(found(await verify(run), 'tasks')).toEqual([0, 0, 0, 0])
    })
  })

  it('live traffic while it verifies: no drift, and nothing repaired', async () => {
    await withSim({ world: everyColumnWorld(1, { tasks: 60 }), retryDelayMs: 200 }, (sim) =>
      withDatabase((db) =>
        withTasksApp(db, sim, (app) =>
          withNode(db, app, async ({ pipeline, hook }) => {
            const run = await startTasks({ sim, db, pipeline, hook }, app)
            Object.assign(sim.faults.webhook, { duplicateRate: 0.2, reorderMs: 100, delayMs: 300 })
            const traffic = sim.traffic(15)
            try {
              const arrived = async (): Promise<number> =>
                (await db.query('select from lockstep.inbox')).rowCount ?? 0
              await until('traffic', arrived, (n) => n > 20)
              for (let i = 0; i < 3; i++) {
                const result = await verify(run, { repair: true, settleMs: 1_000, patienceMs: 4_000 })
                expect(result.failures).toEqual([])
                for (const { table, missing, extra, different, examples } of result.verifications) {
                  expect([table, extra, different]).toEqual([table, 0, 0])
                  // monday tells nobody that a subitem was restored: that is drift indeed.
                  expect(table === 'subtasks' ? 0 : missing).toBe(0)
                  for (const { key } of examples) expect(await wasRemoved(db, key)).toBe(true)
                }
              }
            } finally {
              traffic.stop()
            }
            await sim.deliveries.idle()
            // There was something to be mistaken about: rows were looked at twice.
            const { rows } = await db.query<{ calls: number }>(
              `select sum(api_calls)::int as calls from lockstep.runs where lane = 'sweep'`,
            )
            expect(rows[0]?.calls).toBeGreaterThan(3 * 5)
          }),
        ),
      ),
    )
  })
})

describe('verify and answers that are not whole', () => {
  it('partial pages delete nothing and change nothing, and the run says partial', async () => {
    await withTasks(async (run) => {
      const before = await versions(run.db)
      run.sim.faults.partialData = 1
      const { verifications } = await verify(run, { repair: true })
      expect(verifications.length).toBeGreaterThan(0)
      for (const { run, missing, extra, different } of verifications) {
        expect(['partial', 'failed']).toContain(run.status)
        expect([missing, extra, different]).toEqual([0, 0, 0])
      }
      expect(await versions(run.db)).toEqual(before)
    })
  })

  it('a board that the token may no longer see: failed with the remedy, and the others are verified', async () => {
    await withTasks(async (run) => {
      const before = await versions(run.db)
      run.sim.hiddenBoards.add(TASKS).add(SUBITEMS)
      const result = await verify(run, { repair: true })
      expect(tableOf(result, 'tasks')?.run).toMatchObject({ status: 'failed' })
      expect(tableOf(result, 'tasks')?.run.error).toContain('share the board')
      expect(tableOf(result, 'clients')?.run).toMatchObject({ status: 'completed' })
      expect(await versions(run.db)).toEqual(before)
    })
  })

  it('an answer without rows for a table that has some proves nothing', async () => {
    await withRewritten(async (run, proxy) => {
      const before = await versions(run.db)
      proxy.rewrite = (operation, body) => {
        const page = operation === 'FirstPage' ? itemsOf(body) : undefined
        if (page !== undefined) page.items = []
        return body
      }
      const result = await verify(run, { repair: true })
      expect(found(result, 'tasks')).toEqual([0, 0, 0, 0])
      expect(tableOf(result, 'tasks')?.run).toMatchObject({ status: 'partial' })
      expect(tableOf(result, 'tasks')?.run.error).toContain('12 rows are here')
      expect(await versions(run.db)).toEqual(before)
    })
  })

  it('an error amid a pass: partial, and what was not reached is not called extra', async () => {
    await withRewritten(
      async (run, proxy) => {
        const before = await versions(run.db)
        let pages = 0
        proxy.rewrite = (operation, body) =>
          operation === 'NextPage' && ++pages > 1
            ? { errors: [{ message: 'refused', extensions: { code: 'USER_UNAUTHORIZED' } }] }
            : body
        const result = await verify(run, { repair: true, tables: ['tasks'] })
        expect(tableOf(result, 'tasks')).toMatchObject({ rows: 10, extra: 0, run: { status: 'partial' } })
        expect(await versions(run.db)).toEqual(before)
      },
      { pageSize: 5 },
    )
  })

  it('a cursor that ends begins the pass anew; one that always does ends it, partial', async () => {
    await withTasks(
      async (run) => {
        run.sim.faults.cursorExpired = 0.3
        const result = await verify(run, { tables: ['tasks'], repair: true })
        expect(found(result, 'tasks')).toEqual([0, 0, 0, 0])
        run.sim.faults.cursorExpired = 1
        const never = await verify(run, { tables: ['tasks'], repair: true })
        expect(tableOf(never, 'tasks')?.run).toMatchObject({ status: 'partial' })
        expect(found(never, 'tasks')).toEqual([0, 0, 0, 0])
      },
      { pageSize: 6 },
    )
  })

  it('a value that its column cannot hold leaves the others compared and mended', async () => {
    await withTasks(async (run) => {
      const { db, sim } = run
      await db.query(`alter table tasks add constraint short check (length(c_text) < 50)`)
      sim.edit.setColumn(TASKS, FIRST_TASK, 'text', 'x'.repeat(60), UNSEEN)
      sim.edit.setColumn(TASKS, FIRST_TASK + 1, 'text', 'fits', UNSEEN)
      const result = await verify(run, { repair: true, tolerance: 1, mendMs: 100 })
      expect(found(result, 'tasks')).toEqual([0, 0, 2, 1])
      expect(await rowOf(db, 'tasks', FIRST_TASK + 1)).toMatchObject({ c_text: 'fits' })
    })
  })

  it('a table that was never read whole is not verified', async () => {
    await withTasks(async (run) => {
      await run.db.query(`update lockstep.freshness set full_pass_at = null where stream = $1`, [TASKS])
      const { failures, verifications } = await verify(run)
      expect(failures).toEqual([{ stream: 'Tasks', error: expect.stringContaining('sync monday --full') }])
      expect(verifications).toHaveLength(2)
    })
  })
})

/** Whether an event told of the row's delete or archiving. */
const wasRemoved = async (db: Database, key: string): Promise<boolean> =>
  ((
    await db.query(
      `select from lockstep.inbox where entity = $1 and event_type in ('archive_pulse', 'delete_pulse')`,
      [key],
    )
  ).rowCount ?? 0) > 0

async function subitemOf({ db }: TasksRun, parent: number): Promise<{ monday_id: string }> {
  const { rows } = await db.query<{ monday_id: string }>(
    'select monday_id from subtasks where c_parent_item_id = $1 order by 1 limit 1',
    [String(parent)],
  )
  return rows[0] ?? { monday_id: '' }
}

interface Items {
  items: { id: string }[]
}
function itemsOf(body: Record<string, unknown>): Items | undefined {
  const data = body['data'] as Record<string, unknown> | undefined
  return (data?.['boards'] as { items_page?: Items }[] | undefined)?.[0]?.items_page
}

/** Like `withTasks`, with a proxy between Lockstep and the simulator. */
const withRewritten = (
  test: (run: TasksRun, proxy: Proxy) => Promise<void>,
  options: { pageSize?: number } = {},
): Promise<void> =>
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
          { endpoint: proxy.url, ...options },
        ),
      ),
    ),
  )
