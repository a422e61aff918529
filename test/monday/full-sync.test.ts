import { expect, it } from 'vitest'
import { boardMappings } from '../../src/apps/datacube/boards.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { datacubeOn, openPipeline } from '../support/node.ts'
import { compareBoard } from '../support/oracle.ts'

const REAL_PROJECTS = 13_708

it('a full sync at a twentieth of the real volume equals the vendor in every mapped cell', async () => {
  await withSim(
    { projects: Math.round(REAL_PROJECTS / 20), limits: { formulaCellsPerMinute: 1e9 } },
    async (sim) => {
      await withDatabase(async (db) => {
        const pipeline = await openPipeline(db, datacubeOn(sim))
        const signal = AbortSignal.timeout(120_000)
        const first = await syncApp(db, pipeline, { signal, full: true, drain: true })
        expect(first.failures).toEqual([])
        expect(first.problems).toEqual([])
        expect(first.runs.map((run) => run.status)).toEqual(first.runs.map(() => 'completed'))
        for (const mapping of boardMappings()) {
          const { rows, cells, differences } = await compareBoard(db, sim, mapping)
          expect(differences.slice(0, 5)).toEqual([])
          expect(rows).toBeGreaterThan(600)
          expect(cells).toBeGreaterThan(rows)
        }

        const again = await syncApp(db, pipeline, { signal, full: true, drain: true })
        const sum = (key: 'created' | 'updated' | 'deleted'): number =>
          again.runs.reduce((n, run) => n + run[key], 0)
        expect([sum('created'), sum('updated'), sum('deleted')]).toEqual([0, 0, 0])
      })
    },
  )
})
