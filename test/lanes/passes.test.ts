import { describe, expect, it } from 'vitest'
import { boardMappings } from '../../src/apps/datacube/boards.ts'
import { backfill } from '../../src/lanes/backfill.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { ROW } from '../../src/sources/contract.ts'
import { datacubeOn, until, withNode } from '../support/node.ts'
import { expectEqual, firstOf, HIDDEN, PROJECTS, SUBITEMS, sync, withCube } from './cube.ts'

describe('a cursor that dies', () => {
  it('amid a pass: it begins again and completes', async () => {
    await withCube(async (sim, db, open) => {
      const pipeline = await open()
      const pages = { seen: 0 }
      const stream = pipeline.source.streams.find(({ id }) => id === HIDDEN)
      if (stream === undefined) throw new Error('no stream')
      await pipeline.source.prepare({ fresh: true, signal: AbortSignal.timeout(5_000) })
      // Slower than the database, so that what is read is written before the next page is here.
      sim.faults.latencyMs = 250
      const run = await backfill(db, pipeline, stream, ROW, {
        signal: AbortSignal.timeout(30_000),
        onProgress: () => {
          // Three pages in, the hour of this chain is over.
          sim.faults.cursorExpired = ++pages.seen === 3 ? 1 : 0
        },
      })
      expect(run).toMatchObject({ status: 'completed', metadata: { restarts: 1 } })
      const mapping = boardMappings().filter(({ board }) => board === HIDDEN)
      for (const one of mapping) {
        const ours = await db.query<{ n: number }>(`select count(*)::int as n from ${one.table}`)
        expect(ours.rows[0]?.n).toBe(sim.world.boards.get(one.board)?.items.size)
      }
    })
  })

  it('for ever: it gives up with a clear error', async () => {
    await withCube(async (sim, db, open) => {
      sim.faults.cursorExpired = 1
      const { failures } = await sync(db, await open())
      expect(failures.length).toBeGreaterThan(0)
      for (const { error } of failures) expect(error).toMatch(/cursor/i)
      expect(sim.requests.calls).toBeLessThan(60)
    })
  })

  it('between two runs: the resumed pass begins again and completes', async () => {
    await withCube(async (sim, db, open) => {
      const pipeline = await open()
      const stop = new AbortController()
      const progress = { pages: 0 }
      await syncApp(db, pipeline, {
        signal: stop.signal,
        full: true,
        onProgress: () => (++progress.pages === 3 ? stop.abort() : undefined),
      }).catch(() => undefined)
      sim.faults.clockOffsetMs = 2 * 3_600_000
      const { failures, runs } = await sync(db, await open())
      expect(failures).toEqual([])
      expect(runs.map(({ status }) => status)).toEqual(runs.map(() => 'completed'))
      await expectEqual(db, sim)
    })
  })
})

describe('the daily cap', () => {
  it('of ours: the pass stops with a clear state, does not spin, and goes on from there the next day', async () => {
    await withCube(async (sim, db, open) => {
      const { runs, failures } = await sync(db, await open({ callsPerDay: 6 }))
      expect(sim.requests.calls).toBe(6)
      expect(runs).toEqual([])
      for (const { error } of failures) expect(error).toMatch(/daily cap of 6 calls.*00:00 UTC/)
      const paused = await db.query(
        `select status, error, processed::int from lockstep.runs order by started_at`,
      )
      expect(paused.rows[0]).toMatchObject({
        status: 'partial',
        error: expect.stringContaining('daily cap'),
        processed: expect.any(Number),
      })
      const done = paused.rows[0]?.['processed'] as number
      expect(done).toBeGreaterThan(0)

      await db.query(`update lockstep.api_usage set day = day - 1`)
      sim.requests.reset()
      expect((await sync(db, await open())).failures).toEqual([])
      await expectEqual(db, sim)
      const { rows } = await db.query(
        `select count(*)::int as n from lockstep.runs where stream = $1
        and metadata ->> 'part' = 'row'`,
        [HIDDEN],
      )
      expect(rows).toEqual([{ n: 1 }])
    })
  })

  it('of the vendor: a handful of calls, then none', async () => {
    await withCube(async (sim, db, open) => {
      const pipeline = await open()
      expect((await sync(db, pipeline)).failures).toEqual([])
      sim.limits.callsPerDay = 0
      sim.requests.reset()
      for (let i = 0; i < 10; i++)
        await expect(sync(db, pipeline)).rejects.toThrow(/nothing more is asked before 00:00 UTC/)
      expect(sim.requests.calls).toBeLessThanOrEqual(3)
    })
  })
})

describe('a first sync', () => {
  it('asks for pages alone: nothing that it reads is a change', async () => {
    await withCube(async (sim, db, open) => {
      expect((await sync(db, await open())).failures).toEqual([])
      expect(sim.requests.byOperation).toMatchObject({ FirstPage: expect.any(Number) })
      expect(sim.requests.byOperation).not.toHaveProperty('Items')
      await expectEqual(db, sim)
    })
  })

  // The commission goes into the quote, which the subitem shows as well; it shows the transport cost itself.
  it.each([
    ['a formula that became another before it was read', 'numbers55__1', [HIDDEN, SUBITEMS]],
    ['a formula that became another before its row was read', 'numbers55__1', [SUBITEMS, 'edit', HIDDEN]],
    ['a value that became another before its row was read', 'numbers9__1', [SUBITEMS, 'edit', HIDDEN]],
    ['a value that a replica did not have yet', 'numbers9__1', ['edit', SUBITEMS, HIDDEN]],
  ])('reads again what shows %s', async (_what, column, order) => {
    await withCube(async (sim, db, open) => {
      const pipeline = await open()
      const signal = AbortSignal.timeout(30_000)
      await pipeline.source.prepare({ fresh: true, signal })
      const { streams } = pipeline.source
      const pass = async (board: string, part: string): Promise<void> => {
        const stream = streams.find(({ id, parts }) => id === board && parts.includes(part))
        if (stream !== undefined) await backfill(db, pipeline, stream, part, { signal })
      }
      const linked = [...sim.world.truth(SUBITEMS)].find(
        ({ values }) => values['connect_boards8__1']?.linked_item_ids?.[0] !== undefined,
      )
      const shown = Number(linked?.values['connect_boards8__1']?.linked_item_ids?.[0])
      await pass(PROJECTS, ROW)
      for (const step of [...order, ...(order.includes('edit') ? [] : ['edit'])]) {
        if (step === 'edit') sim.edit.setColumn(HIDDEN, shown, column, '23', { silent: true })
        else await pass(step, ROW)
      }
      for (const { id } of streams) await pass(id, 'formula')
      const { rows } = await db.query('select part, key from lockstep.refetch')
      expect(rows).toContainEqual({ part: ROW, key: linked?.id })
      expect(rows.length).toBeLessThan(5)
      await sync(db, pipeline, false)
      await expectEqual(db, sim)
    })
  })
})

describe('a delta', () => {
  it('picks up silent edits, also those just before its watermark, and reads no more than it must', async () => {
    await withCube(async (sim, db, open) => {
      const pipeline = await open()
      await sync(db, pipeline)
      await sync(db, pipeline, false)
      const item = firstOf(sim, PROJECTS)
      sim.edit.setColumn(PROJECTS, item, 'text3__1', 'edited in silence', { silent: true, unlogged: true })
      sim.requests.reset()
      const { runs } = await sync(db, pipeline, false)
      expect(runs.map(({ lane, status }) => `${lane} ${status}`)).toEqual(runs.map(() => 'delta completed'))
      const { rows } = await db.query('select project_name from projects where monday_id = $1', [
        String(item),
      ])
      expect(rows).toEqual([{ project_name: 'edited in silence' }])
      expect(sim.requests.byOperation).toMatchObject({ FirstPage: 3 })
      await expectEqual(db, sim)
    })
  })

  it('reads again what a lagging replica did not have yet', async () => {
    await withCube(async (sim, db, open) => {
      const pipeline = await open()
      await sync(db, pipeline)
      const item = firstOf(sim, PROJECTS)
      sim.faults.replicaLagMs = 1_000
      sim.edit.setColumn(PROJECTS, item, 'text3__1', 'behind', { silent: true })
      await sync(db, pipeline, false)
      const name = async (): Promise<unknown> => {
        const { rows } = await db.query('select project_name from projects where monday_id = $1', [
          String(item),
        ])
        return rows[0]?.['project_name']
      }
      expect(await name()).not.toBe('behind')
      const again = async (): Promise<unknown> => {
        await sync(db, pipeline, false)
        return name()
      }
      await until('the value of the change', again, (seen) => seen === 'behind', 10_000)
      await expectEqual(db, sim)
    })
  })

  it.each([-600_000, 600_000])(
    'the first one, with the vendor’s clock %d ms from ours',
    async (clockOffsetMs) => {
      await withCube(
        async (sim, db, open) => {
          const pipeline = await open()
          await sync(db, pipeline)
          sim.edit.setColumn(PROJECTS, firstOf(sim, PROJECTS), 'text3__1', 'after the pass', { silent: true })
          await sync(db, pipeline, false)
          await expectEqual(db, sim)
        },
        { faults: { clockOffsetMs } },
      )
    },
  )
})

describe('several at one time', () => {
  it('two passes over one stream: one of them reads, the other is told that it is busy', async () => {
    await withCube(async (sim, db, open) => {
      sim.faults.latencyMs = 20
      const pipeline = await open()
      const results = await Promise.all([sync(db, pipeline), sync(db, pipeline)])
      expect(results.flatMap(({ failures }) => failures)).toEqual([])
      expect(results.reduce((sum, { busy }) => sum + busy.length, 0)).toBeGreaterThan(0)
      await expectEqual(db, sim)
      const { rows } = await db.query(`select count(*)::int as n from lockstep.leases`)
      expect(rows).toEqual([{ n: 0 }])
    })
  })

  it('a node that is told to stop while the vendor hangs stops within its ten seconds', async () => {
    await withCube(
      async (sim, db) => {
        let stopping = 0
        await withNode(
          db,
          datacubeOn(sim, { timeoutMs: 60_000, pageSize: 20 }),
          async () => {
            await until(
              'pages',
              () => Promise.resolve(sim.requests.byOperation['NextPage'] ?? 0),
              (n) => n > 0,
            )
            sim.faults.timeout = 1
            const calls = async (): Promise<number> => Promise.resolve(sim.requests.calls)
            const before = await calls()
            await until(
              'a call that hangs',
              async () => (await calls()) - before,
              () => true,
            )
            stopping = Date.now()
          },
          { register: false },
        )
        expect(Date.now() - stopping).toBeLessThan(10_000)
      },
      { faults: { latencyMs: 30 } },
    )
  })
})
