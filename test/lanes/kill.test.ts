import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { once } from 'node:events'
import { expect, it } from 'vitest'
import { boardMappings } from '../../src/apps/datacube/boards.ts'
import type { Database } from '../../src/db/database.ts'
import type { MondaySim } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { until } from '../support/node.ts'
import { compareBoard } from '../support/oracle.ts'

const ROOT = join(import.meta.dirname, '../..')
const PAGE = 10
const CONFIG = `import { datacube, defineConfig } from 'lockstep'
export default defineConfig({
  apps: [datacube({ plan: 'enterprise', pageSize: ${PAGE}, formulaCellsPerMinute: 1e9 })],
})
`

/** A folder as a user has it: a configuration, and the package under node_modules. */
async function withInstallation<T>(test: (cwd: string) => Promise<T>): Promise<T> {
  const cwd = await mkdtemp(join(tmpdir(), 'lockstep-kill-'))
  try {
    await mkdir(join(cwd, 'node_modules'))
    await symlink(ROOT, join(cwd, 'node_modules/lockstep'))
    await writeFile(join(cwd, 'package.json'), '{"type":"module"}')
    await writeFile(join(cwd, 'lockstep.config.ts'), CONFIG)
    return await test(cwd)
  } finally {
    await rm(cwd, { recursive: true })
  }
}

function startSync(cwd: string, db: Database, sim: MondaySim): { child: ChildProcess; output: () => string } {
  const env = {
    ...process.env,
    DATABASE_URL: db.url,
    MONDAY_TOKEN: 'sim-token',
    MONDAY_API_ENDPOINT: sim.url,
    LOCKSTEP_HOME: join(cwd, '.lockstep'),
  }
  const args = [join(ROOT, 'bin/lockstep.js'), 'sync', 'datacube', '--full', '--json']
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return { child, output: () => text }
}

const pagesRead = (sim: MondaySim): number =>
  (sim.requests.byOperation['FirstPage'] ?? 0) + (sim.requests.byOperation['NextPage'] ?? 0)
const rowsHere = async (db: Database): Promise<number> =>
  (
    await db.query<{ n: number }>(
      `select (select count(*) from projects)::int + (select count(*) from subitems)::int
         + (select count(*) from hidden_items)::int as n`,
    )
  ).rows[0]?.n ?? 0

it('killed again and again amid a full sync, it goes on where it was, and ends equal to the vendor', async () => {
  const limits = { formulaCellsPerMinute: 1e9 }
  await withSim({ projects: 120, limits, faults: { latencyMs: 25 } }, async (sim) => {
    await withDatabase(async (db) => {
      await withInstallation(async (cwd) => {
        const kills = 3
        for (let kill = 0; kill < kills; kill++) {
          const { child, output } = startSync(cwd, db, sim)
          const before = await rowsHere(db)
          const enough = (rows: number): boolean => rows >= before + 6 * PAGE || child.exitCode !== null
          await until(`rows of run ${kill}`, () => rowsHere(db), enough)
          expect({ exit: child.exitCode, output: output() }).toMatchObject({ exit: null })
          child.kill('SIGKILL')
          await once(child, 'exit')
        }
        sim.faults.latencyMs = 0
        const { child, output } = startSync(cwd, db, sim)
        const [code] = (await once(child, 'exit')) as [number]
        expect({ code, output: output() }).toMatchObject({ code: 0 })

        for (const mapping of boardMappings()) {
          expect((await compareBoard(db, sim, mapping)).differences.slice(0, 5)).toEqual([])
        }
        // One run a board, each of whose rows was read and written once: nothing before a checkpoint is read again.
        const { rows } = await db.query<{ status: string; processed: number; pages: number }>(
          `select status, processed::int, api_calls as pages from lockstep.runs
           where lane = 'backfill' and metadata ->> 'part' = 'row' order by processed`,
        )
        const sizes = boardMappings().map(({ board }) => sim.world.boards.get(board)?.items.size ?? 0)
        expect(rows.map(({ processed }) => processed)).toEqual(sizes.toSorted((a, b) => a - b))
        expect(new Set(rows.map(({ status }) => status))).toEqual(new Set(['completed']))
        const all = await db.query<{ n: number }>(
          `select sum(api_calls)::int as n from lockstep.runs where lane = 'backfill'`,
        )
        // A kill costs what was read ahead while the last transaction was under way: some pages, never the pass.
        expect(pagesRead(sim)).toBeLessThanOrEqual((all.rows[0]?.n ?? 0) + 8 * kills)
      })
    })
  })
}, 60_000)
