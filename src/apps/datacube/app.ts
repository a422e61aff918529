import { join } from 'node:path'
import type { BoardMapping } from '../../sources/monday/mapping.ts'
import type { App } from '../contract.ts'
import { type BoardIds, boardMappings, defaultBoards } from './boards.ts'
import { checkDataConsistency } from './checks.ts'
import { derive } from './derive/derive.ts'
import { applyWonStages } from './settings.ts'
import { datacubeTables } from './tables.ts'

export interface DatacubeOptions {
  /** Ids of the boards, where they are not the original ones. */
  readonly boards?: Partial<BoardIds>
  /** Pipeline stages that count as won. Without it what `lockstep.settings` says holds, or the three won stages. */
  readonly wonStages?: readonly string[]
}

/** Three CRM boards in Postgres, with what follows from them. `source` makes the source of the given boards. */
export function datacube(options: DatacubeOptions, source: (mappings: BoardMapping[]) => App['source']): App {
  return {
    name: 'datacube',
    tables: datacubeTables,
    migrations: [{ set: 'datacube', folder: join(import.meta.dirname, 'migrations') }],
    source: source(boardMappings({ ...defaultBoards, ...options.boards })),
    derive,
    start: async (db) => {
      await applyWonStages(db, options.wonStages)
    },
    jobs: [
      {
        name: 'datacube-refresh-analytics',
        cron: '*/30 * * * *',
        run: async (db) => {
          await db.query('select public.refresh_analytics_views()')
        },
      },
    ],
    checks: checkDataConsistency,
  }
}
