import { describe, expect, it } from 'vitest'
import { mayVerify, restMs, streamDue } from '../../src/lanes/verify-schedule.ts'
import { verifySlice, type SliceOptions } from '../../src/lanes/verify.ts'
import type { Verification } from '../../src/lanes/verify-pass.ts'
import type { TasksRun } from '../monday/tasks-app.ts'
import { FIRST_TASK, rowOf, TASKS, withTasks } from '../monday/tasks-app.ts'

const UNSEEN = { silent: true, unlogged: true } as const
const HOUR_MS = 3_600_000

const slice = (
  { db, pipeline }: Pick<TasksRun, 'db' | 'pipeline'>,
  options: Partial<SliceOptions> = {},
): Promise<Verification | undefined> =>
  verifySlice(db, pipeline, {
    signal: AbortSignal.timeout(30_000),
    now: new Date(),
    settleMs: 100,
    patienceMs: 1_000,
    pagesMin: 2,
    ...options,
  })

/** Slices until no more is due; what each brought. */
async function slices(run: TasksRun, options: Partial<SliceOptions> = {}): Promise<Verification[]> {
  const all: Verification[] = []
  for (let i = 0; i < 40; i++) {
    const one = await slice(run, { now: new Date(Date.now() + i * HOUR_MS), ...options })
    if (one === undefined) break
    all.push(one)
    if (new Set(all.filter(({ done }) => done).map(({ table }) => table)).size === 3) break
  }
  return all
}

const SMALL = { pageSize: 5, tasks: 40 }

describe('verification in slices', () => {
  it('slices that end go on where they stopped, in a new process too, and cover the whole board', async () => {
    await withTasks(async (run) => {
      const { sim, db } = run
      for (let i = 0; i < 40; i += 8) sim.edit.setColumn(TASKS, FIRST_TASK + i, 'text', `silent ${i}`, UNSEEN)
      sim.edit.delete(TASKS, FIRST_TASK + 33, UNSEEN)
      sim.edit.createItem(TASKS, { name: 'Nobody told' }, UNSEEN)
      const seen: Verification[] = []
      for (let i = 0; i < 40; i++) {
        const pipeline = await run.reopen()
        const now = new Date(Date.now() + i * HOUR_MS)
        const one = await slice({ db, pipeline }, { now, tolerance: 1 })
        if (one?.table !== 'tasks') continue
        seen.push(one)
        if (one.done) break
      }
      // 8 pages of rows and 8 of formulas, two a slice, and the slice that finds the end.
      expect(seen.length).toBeGreaterThanOrEqual(8)
      expect(new Set(seen.map(({ run }) => run.id)).size).toBe(1)
      const last = seen.at(-1)
      expect(last).toMatchObject({ rows: 40, missing: 1, extra: 1, different: 5, repaired: 7, done: true })
      expect(last?.run).toMatchObject({ lane: 'sweep', status: 'completed', processed: 40 })
      expect(await rowOf(db, 'tasks', FIRST_TASK + 32)).toMatchObject({ c_text: 'silent 32' })
      expect(await rowOf(db, 'tasks', FIRST_TASK + 33)).toBeUndefined()
      const kept = await db.query(
        `select 1 from lockstep.pass_keys union all select 1 from lockstep.checkpoints where lane = 'sweep' and stream = $1`,
        [TASKS],
      )
      expect(kept.rowCount).toBe(0)
    }, SMALL)
  })

  it('a cursor that ended between two slices begins the lap anew, and the lap still ends', async () => {
    await withTasks(async (run) => {
      await run.db.query(`update lockstep.freshness set full_pass_at = null where stream <> $1`, [TASKS])
      expect(await slice(run)).toMatchObject({ table: 'tasks', rows: 10, done: false })
      run.sim.faults.cursorExpired = 1
      expect(await slice(run)).toMatchObject({ rows: 5, done: false })
      run.sim.faults.cursorExpired = 0
      let last: Verification | undefined
      while (last?.done !== true) last = await slice(run)
      expect(last).toMatchObject({ rows: 40, different: 0, run: { status: 'completed' } })
    }, SMALL)
  })

  it('a vendor that is away leaves the lap at its checkpoint; one that refuses ends it', async () => {
    await withTasks(async (run) => {
      const { sim, db } = run
      await db.query(`update lockstep.freshness set full_pass_at = null where stream <> $1`, [TASKS])
      const first = await slice(run)
      const abort = new AbortController()
      abort.abort(new Error('the node stops'))
      const due = await streamDue(db, run.pipeline, new Date())
      expect(due).toMatchObject({ isNewLap: false, stream: { table: 'tasks' } })
      const stopped = await slice(run, { signal: abort.signal }).catch(() => undefined)
      expect(stopped?.run.status ?? 'partial').toBe('partial')
      expect(await slice(run)).toMatchObject({ rows: 20, run: { id: first?.run.id } })
      sim.hiddenBoards.add(TASKS)
      const refused = await slice(run)
      expect(refused?.run.id).toBe(first?.run.id)
      const { rows } = await db.query(`select count(*)::int as n from tasks`)
      expect(rows).toEqual([{ n: 40 }])
    }, SMALL)
  })

  it('drift over the tolerance starts a full pass, once a lap', async () => {
    await withTasks(async (run) => {
      const { sim, db } = run
      await db.query(`update lockstep.freshness set full_pass_at = null where stream <> $1`, [TASKS])
      for (let i = 0; i < 40; i++) sim.edit.setColumn(TASKS, FIRST_TASK + i, 'text', `silent ${i}`, UNSEEN)
      const passes = async (): Promise<number> =>
        (await db.query(`select from lockstep.runs where lane = 'backfill' and stream = $1`, [TASKS]))
          .rowCount ?? 0
      const before = await passes()
      let last = await slice(run)
      expect(last).toMatchObject({ different: 10, repaired: 10, reconciled: true })
      while (last?.done === false) last = await slice(run)
      expect(await passes()).toBe(before + 2)
      expect(last).toMatchObject({ rows: 40, different: 10, repaired: 10 })
    }, SMALL)
  })

  it('every stream has its turn, the one that waited longest first', async () => {
    await withTasks(async (run) => {
      const done = (await slices(run, { pagesMin: 100 })).map(({ table }) => table)
      expect(done.toSorted()).toEqual(['clients', 'subtasks', 'tasks'])
    })
  })

  it('rests after a lap for as long as its calls are worth', async () => {
    await withTasks(async (run) => {
      const { db, pipeline } = run
      expect(await slice(run, { pagesMin: 100 })).toMatchObject({ done: true })
      expect(await streamDue(db, pipeline, new Date())).toBeUndefined()
      await db.query(`update lockstep.runs set api_calls = 250 where lane = 'sweep'`)
      // A tenth of 25,000 calls a day: 250 are worth a tenth of a day.
      expect(await streamDue(db, pipeline, new Date(Date.now() + 2.3 * HOUR_MS))).toBeUndefined()
      expect(await streamDue(db, pipeline, new Date(Date.now() + 2.5 * HOUR_MS))).toBeDefined()
    })
  })
})

describe('the share of calls', () => {
  it('a tenth of the daily cap', () => {
    expect(restMs(100, 1_000)).toBe(24 * HOUR_MS)
    expect(restMs(210, 10_000)).toBeCloseTo(0.21 * 24 * HOUR_MS)
    expect(restMs(250, undefined)).toBeCloseTo(2.4 * HOUR_MS)
  })

  it('nothing past four fifths of a day', () => {
    expect(mayVerify(799, 1_000)).toBe(true)
    expect(mayVerify(800, 1_000)).toBe(false)
    expect(mayVerify(1e6, undefined)).toBe(true)
  })
})
