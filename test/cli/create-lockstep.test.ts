import { expect, test } from 'vitest'
import { withSim } from '../../sim/monday/with-sim.ts'
import { createLockstep, datacube, defineConfig } from '../../src/index.ts'
import { cloneDatabase } from '../support/database.ts'
import { eventually } from './support/folder.ts'

test('a program runs a node inside itself through the public API', async () => {
  await withSim({ projects: 5 }, async (sim) => {
    const clone = await cloneDatabase()
    const app = datacube({ token: 'sim-token', endpoint: sim.url, plan: 'enterprise' })
    const settings = { port: 0, databaseUrl: clone.url, logLevel: 'silent' } as const
    const lockstep = await createLockstep({ config: defineConfig({ apps: [app] }), settings })
    try {
      expect((await fetch(`${lockstep.url}/readyz`)).status).toBe(200)
      await eventually(async () => {
        const { rows } = await lockstep.db.query<{ n: number }>('select count(*)::int as n from projects')
        return (rows[0]?.n ?? 0) >= 5 ? true : undefined
      })
    } finally {
      await lockstep.stop()
      await clone.drop()
    }
  })
})
