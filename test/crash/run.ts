import { setTimeout as sleep } from 'node:timers/promises'
import { allMigrations } from '../../src/apps/migrations.ts'
import { Database } from '../../src/db/database.ts'
import { migrate } from '../../src/db/migrate.ts'
import type { MondaySim } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { freePort, type NodeFolder, PATH_SECRET, withNodeFolder } from '../support/node-process.ts'
import { type Account, bookEffects, takeAccount, untilMirrored, untilSettled } from './account.ts'
import { Load } from './load.ts'

export interface CrashOptions {
  readonly databaseUrl: string
  readonly kills: number
  readonly random: () => number
  readonly onKill?: (kill: number, load: Load) => void
}

export const PROJECTS = '1825117125'
/** A plain text column of the projects; nothing else shows it. */
const COLUMN = 'text3__1'

/** Share of the kills that are timed from the spawn, and so fall into the start. */
const EARLY = 0.25
const EARLY_MS = 1_500
const ALIVE_MS = 1_200

/**
 * The real server under load from this process, killed with SIGKILL at random moments and started again; then what
 * was answered 200 is compared with what is in the database.
 */
export async function crashRun(options: CrashOptions): Promise<Account> {
  const { databaseUrl, random } = options
  return withSim({ projects: 20 }, async (sim) => {
    const db = new Database({ url: databaseUrl, poolSize: 2, applicationName: 'lockstep-crash-test' })
    const port = await freePort()
    const env = { DATABASE_URL: databaseUrl, MONDAY_API_ENDPOINT: sim.url, PORT: String(port) }
    try {
      await migrate(db, await allMigrations())
      await bookEffects(db)
      return await withNodeFolder(env, async (folder) => {
        await firstPass(folder, db)
        const load = loadOn(sim, `http://127.0.0.1:${port}`, random).start()
        await killAgainAndAgain(folder, load, options)
        const node = folder.start()
        await node.ready
        await load.stop()
        await untilSettled(db)
        const code = await node.kill('SIGTERM')
        if (code !== 0) throw new Error(`the last node ended with ${code}: ${node.stderr()}`)
        return takeAccount(db, load.sent)
      })
    } finally {
      await db.close()
    }
  })
}

async function firstPass(folder: NodeFolder, db: Database): Promise<void> {
  const node = folder.start()
  await node.ready
  await untilMirrored(db)
  await node.kill('SIGKILL')
}

async function killAgainAndAgain(folder: NodeFolder, load: Load, options: CrashOptions): Promise<void> {
  const { kills, random, onKill } = options
  for (let kill = 1; kill <= kills; kill++) {
    const node = folder.start()
    const early = random() < EARLY
    if (!early) await node.ready
    await sleep(random() * (early ? EARLY_MS : ALIVE_MS))
    await node.kill('SIGKILL')
    onKill?.(kill, load)
  }
}

/** Deliveries about the simulated projects. */
export function loadOn(
  sim: MondaySim,
  base: string,
  random: () => number,
  more: { concurrency?: number; restMs?: number } = {},
): Load {
  const items = [...(sim.world.boards.get(PROJECTS)?.items.keys() ?? [])].map(String)
  const hook = `${base}/webhooks/datacube/${PATH_SECRET}`
  return new Load({ hook: () => hook, board: PROJECTS, column: COLUMN, items, random, ...more })
}
