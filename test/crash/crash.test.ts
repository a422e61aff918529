import { chmod, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Database } from '../../src/db/database.ts'
import { embeddedUrl } from '../../src/db/embedded/embedded.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { createRandom } from '../../sim/monday/world/random.ts'
import { cloneDatabase } from '../support/database.ts'
import { until } from '../support/node.ts'
import { freePort, withNodeFolder } from '../support/node-process.ts'
import { bookEffects, describeAccount, takeAccount, untilMirrored, untilSettled } from './account.ts'
import { crashRun, loadOn } from './run.ts'

const KILLS = 8

it('the server killed again and again under load: each acknowledged delivery has its effect exactly once', async () => {
  const seed = Date.now() % 1e6
  const random = createRandom(seed)
  const { url, drop } = await cloneDatabase()
  try {
    const account = await crashRun({ databaseUrl: url, kills: KILLS, random: () => random.next() })
    console.log(`${describeAccount(account, KILLS)}   seed ${seed}`)
    expect(account.acknowledged).toBeGreaterThan(KILLS)
    expect(account).toMatchObject({ lost: 0, doubled: 0, unsettled: 0, wrong: [] })
  } finally {
    await drop()
  }
})

it('Postgres itself killed under load: 503 until it is back, and nothing acknowledged is lost', async () => {
  const home = await mkdtemp(join(tmpdir(), 'lockstep-crash-'))
  await chmod(home, 0o755)
  const port = await freePort()
  try {
    await withSim({ projects: 20 }, async (sim) => {
      const env = { LOCKSTEP_HOME: home, MONDAY_API_ENDPOINT: sim.url, PORT: String(port) }
      await withNodeFolder(env, async (folder) => {
        const first = folder.start()
        await first.ready
        const url = (await embeddedUrl(home)) ?? ''
        await withOwn(url, async (db) => {
          await untilMirrored(db)
          await bookEffects(db)
        })
        const load = loadOn(sim, `http://127.0.0.1:${port}`, Math.random).start()
        await until(
          'deliveries',
          async () => load.acknowledged,
          (n) => n > 100,
        )
        process.kill(await postmaster(home), 'SIGKILL')
        await until(
          'answers of 503',
          async () => load.answers.get(503) ?? 0,
          (n) => n > 10,
        )
        expect(await withinTenSeconds(first.kill('SIGTERM'))).toBe('ended')

        const second = folder.start()
        await second.ready
        const before = load.acknowledged
        await until(
          'deliveries again',
          async () => load.acknowledged,
          (n) => n > before + 50,
        )
        await load.stop()
        expect([...load.answers.keys()].filter((status) => ![0, 200, 503].includes(status))).toEqual([])
        await withOwn((await embeddedUrl(home)) ?? '', async (db) => {
          await untilSettled(db)
          const account = await takeAccount(db, load.sent)
          expect(account).toMatchObject({ lost: 0, doubled: 0, unsettled: 0, wrong: [] })
        })
        expect(await second.kill('SIGTERM')).toBe(0)
      })
    })
  } finally {
    await rm(home, { recursive: true, force: true })
  }
})

async function withOwn(url: string, use: (db: Database) => Promise<void>): Promise<void> {
  const db = new Database({ url, poolSize: 2, applicationName: 'lockstep-crash-test' })
  try {
    await use(db)
  } finally {
    await db.close()
  }
}

async function postmaster(home: string): Promise<number> {
  const { folder } = JSON.parse(await readFile(join(home, 'postgres.json'), 'utf8')) as { folder: string }
  return Number((await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n')[0])
}

const withinTenSeconds = (end: Promise<unknown>): Promise<string> =>
  Promise.race([end.then(() => 'ended'), sleep(10_000, 'still running', { ref: false })])
