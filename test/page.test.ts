import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { chromium, type Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { withSim } from '../sim/monday/with-sim.ts'
import { withDatabase } from './support/database.ts'
import { datacubeOn, until, untilIdle, untilWhole, withNode } from './support/node.ts'

const CHROMIUM = process.env['CHROMIUM'] ?? '/usr/bin/chromium'
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] // prettier-ignore

async function withPage(test: (page: Page) => Promise<void>): Promise<void> {
  const profile = await mkdtemp(join(tmpdir(), 'lockstep-chromium-'))
  const context = await chromium.launchPersistentContext(profile, { executablePath: CHROMIUM, args: FLAGS })
  try {
    await test(await context.newPage())
  } finally {
    await context.close()
    await rm(profile, { recursive: true, force: true })
  }
}

// `npm test` must pass where nothing but Node is installed; `.ci/run` installs Chromium first.
it.skipIf(!existsSync(CHROMIUM))(
  'the status page shows the tables and, live, an event as it comes',
  async () => {
    await withSim({ projects: 20, limits: { formulaCellsPerMinute: 1e9 } }, async (sim) => {
      await withDatabase(async (db) => {
        await withNode(db, datacubeOn(sim), async ({ server, pipeline }) => {
          await untilWhole(db, pipeline)
          await untilIdle(db)
          await withPage(async (page) => {
            const errors: string[] = []
            page.on('pageerror', (error) => errors.push(error.message))
            await page.goto(server.url)
            await page.getByRole('cell', { name: 'hidden_items' }).waitFor()
            expect(await page.getByRole('cell', { name: 'update_column_value' }).count()).toBe(0)
            const [item] = sim.world.truth('1825117125')
            sim.edit.setColumn('1825117125', item?.id ?? '', 'text3__1', '<b>Renamed</b> & co')
            await page.getByRole('cell', { name: 'update_column_value' }).first().waitFor()
            await until(
              'the event to be shown as processed',
              () => page.innerText('main'),
              (text) => text.includes('processed'),
            )
            expect(errors).toEqual([])
          })
        })
      })
    })
  },
)
