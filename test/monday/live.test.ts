import { expect, it } from 'vitest'
import { setTimeout as sleep } from 'node:timers/promises'
import { boardMappings } from '../../src/apps/datacube/boards.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { datacubeOn, untilIdle, untilWhole, withNode } from '../support/node.ts'
import { compareBoard } from '../support/oracle.ts'

it('live traffic, with duplicates, reordering and repeated deliveries, ends equal to the vendor', async () => {
  const options = { projects: 60, limits: { formulaCellsPerMinute: 1e9 }, retryDelayMs: 200 }
  await withSim(options, async (sim) => {
    await withDatabase(async (db) => {
      await withNode(db, datacubeOn(sim), async ({ pipeline }) => {
        await untilWhole(db, pipeline)
        Object.assign(sim.faults.webhook, { duplicateRate: 0.3, reorderMs: 100 })
        const traffic = sim.traffic(100)
        await sleep(3_000)
        traffic.stop()
        await sim.deliveries.idle()
        await untilIdle(db)
        for (const mapping of boardMappings()) {
          const { differences } = await compareBoard(db, sim, mapping)
          expect(differences.slice(0, 5)).toEqual([])
        }
        const { rows } = await db.query(
          `select count(*)::int as events, sum(deliveries)::int as deliveries,
             count(*) filter (where status <> 'processed')::int as unsettled from lockstep.inbox`,
        )
        expect(rows[0]).toMatchObject({ unsettled: 0 })
        expect(rows[0]?.['deliveries']).toBeGreaterThan(rows[0]?.['events'] as number)
      })
    })
  })
})
