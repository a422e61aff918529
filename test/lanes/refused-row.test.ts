import { expect, it } from 'vitest'
import { syncApp } from '../../src/lanes/sync.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { datacubeOn, openPipeline } from '../support/node.ts'

it('a row that the database refuses is named, and keeps none of the others out', async () => {
  await withSim({ projects: 30, limits: { formulaCellsPerMinute: 1e9 } }, async (sim) => {
    await withDatabase(async (db) => {
      const pipeline = await openPipeline(db, datacubeOn(sim))
      const [poison] = sim.world.truth('1825117125')
      await db.query(`alter table projects add check (monday_id <> '${poison?.id}')`)
      const result = await syncApp(db, pipeline, {
        signal: AbortSignal.timeout(60_000),
        full: true,
        drain: true,
      })
      expect(result.failures).toEqual([])
      const run = result.runs.find((r) => r.stream === '1825117125')
      expect(run).toMatchObject({
        status: 'partial',
        error: expect.stringContaining(`row ${poison?.id} was refused`),
      })
      const active = [...sim.world.truth('1825117125')].filter((item) => item.state === 'active')
      const { rows } = await db.query('select count(*)::int as n from projects')
      expect(rows).toEqual([{ n: active.length - 1 }])
      // Nothing was proven absent, so nothing may be asked for as missing.
      expect((await db.query(`select key from lockstep.refetch where reason like 'not met%'`)).rows).toEqual(
        [],
      )
    })
  })
})
