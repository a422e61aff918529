import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { Database } from '../../src/db/database.ts'
import { startEmbedded } from '../../src/db/embedded/embedded.ts'
import { end, root, type Simulator, startSimulator, withFolder } from '../world.ts'
import { percentile } from './figures.ts'

const P50_MAX_MS = 50
const PROJECTS_BOARD = '1825117125'
const NAME_COLUMN = 'text3__1'

/**
 * From an edit at monday's simulator to the changed row, one after the other, on a machine that does nothing else: p50,
 * p95, p99, and the calls to the vendor that it took (none, for plain columns). False where that is too slow.
 */
export async function measureMonday(edits: number): Promise<boolean> {
  const sim = await startSimulator(200)
  try {
    return await withFolder(sim, async (folder, env) => {
      const server = await startEmbedded({ home: join(folder, 'db') })
      const db = new Database({ url: server.url, poolSize: 2 })
      const node = await startNode(folder, { ...env, DATABASE_URL: server.url, PORT: '0' })
      try {
        await ready(db)
        const register = ['webhooks', 'register', 'datacube', '--url', node.url]
        await command(folder, { ...env, DATABASE_URL: server.url }, register)
        await settled(db)
        const callsBefore = await calls(db)
        const sorted = (await measure(db, sim, edits)).toSorted((a, b) => a - b)
        const [p50 = Infinity, p95, p99] = [0.5, 0.95, 0.99].map((share) => percentile(sorted, share))
        console.log(
          `monday, ${sorted.length} edits   p50 ${p50.toFixed(1)} ms   p95 ${p95?.toFixed(1)} ms   p99 ${p99?.toFixed(1)} ms   calls to the vendor ${(await calls(db)) - callsBefore}`,
        )
        return p50 <= P50_MAX_MS
      } finally {
        await node.stop()
        await db.close()
        await server.stop()
      }
    })
  } finally {
    await sim.stop()
  }
}

async function measure(db: Database, simulator: Simulator, edits: number): Promise<number[]> {
  const { rows } = await db.query<{ monday_id: string }>(
    `select monday_id from projects order by monday_id limit 50`,
  )
  const latencies: number[] = []
  for (let i = 0; i < edits; i++) {
    const id = rows[i % rows.length]?.monday_id ?? ''
    const name = `Edited ${i}`
    const startedAt = performance.now()
    await simulator.control('edit', { op: 'setColumn', args: [PROJECTS_BOARD, id, NAME_COLUMN, name] })
    for (;;) {
      const seen = await db.query('select 1 from projects where monday_id = $1 and project_name = $2', [
        id,
        name,
      ])
      if (seen.rowCount === 1) break
      if (performance.now() - startedAt > 10_000) throw new Error(`edit ${i} of item ${id} did not arrive`)
    }
    latencies.push(performance.now() - startedAt)
    await sleep(10)
  }
  return latencies
}

async function startNode(
  cwd: string,
  env: NodeJS.ProcessEnv,
): Promise<{ url: string; stop(): Promise<void> }> {
  const child = spawn(process.execPath, [join(root, 'bin/lockstep.js'), 'up'], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const url = await new Promise<string>((resolve, reject) => {
    const lines = createInterface({ input: child.stderr })
    lines.on('line', (line) => {
      const found = /is up: (\S+)/.exec(line)?.[1]
      if (found === undefined) console.error(line)
      else resolve(found)
    })
    child.once('exit', (code) => reject(new Error(`up ended with ${code}`)))
  })
  return { url, stop: () => end(child, 'SIGTERM') }
}

async function command(cwd: string, env: NodeJS.ProcessEnv, args: string[]): Promise<void> {
  const child = spawn(process.execPath, [join(root, 'bin/lockstep.js'), ...args], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  if (code !== 0) throw new Error(`lockstep ${args.join(' ')} ended with ${code}`)
}

async function calls(db: Database): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    'select coalesce(sum(calls), 0)::int as n from lockstep.api_usage',
  )
  return rows[0]?.n ?? 0
}

async function ready(db: Database): Promise<void> {
  for (let i = 0; i < 600; i++) {
    const { rows } = await db.query<{ n: number }>(
      'select count(*)::int as n from lockstep.freshness where full_pass_at is not null',
    )
    if (rows[0]?.n === 3) return
    await sleep(100)
  }
  throw new Error('the first sync did not end')
}

async function settled(db: Database): Promise<void> {
  for (let i = 0; i < 600; i++) {
    const { rows } = await db.query<{ n: number }>(`select count(*)::int as n from lockstep.refetch`)
    const running = await db.query(`select 1 from lockstep.runs where status = 'running'`)
    if (rows[0]?.n === 0 && running.rowCount === 0) return
    await sleep(100)
  }
}
