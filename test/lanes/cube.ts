import { expect } from 'vitest'
import { boardMappings } from '../../src/apps/datacube/boards.ts'
import type { Database } from '../../src/db/database.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { syncApp, type SyncResult } from '../../src/lanes/sync.ts'
import type { MondaySim, MondaySimOptions } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { datacubeOn, openPipeline } from '../support/node.ts'
import { compareBoard } from '../support/oracle.ts'

export const PROJECTS = '1825117125'
export const HIDDEN = '1825138260'
export const SUBITEMS = '1825117144'
type Options = Parameters<typeof datacubeOn>[1]

/** A simulator, an empty database, and the app opened as often as a test restarts it. */
export const withCube = (
  test: (sim: MondaySim, db: Database, open: (options?: Options) => Promise<Pipeline>) => Promise<void>,
  options: MondaySimOptions = {},
): Promise<void> =>
  withSim({ projects: 40, limits: { formulaCellsPerMinute: 1e9 }, ...options }, (sim) =>
    withDatabase((db) =>
      test(sim, db, (own = {}) => openPipeline(db, datacubeOn(sim, { pageSize: 20, ...own }))),
    ),
  )

export const sync = (db: Database, pipeline: Pipeline, full = true): Promise<SyncResult> =>
  syncApp(db, pipeline, { signal: AbortSignal.timeout(50_000), full, drain: true })

export async function expectEqual(db: Database, sim: MondaySim): Promise<void> {
  for (const mapping of boardMappings()) {
    expect((await compareBoard(db, sim, mapping)).differences.slice(0, 5)).toEqual([])
  }
}

export const firstOf = (sim: MondaySim, board: string): number =>
  sim.world.boards.get(board)?.items.keys().next().value ?? 0
