// A full sync of the whole simulated CRM by the real command line, with the simulator in a process of its own: time,
// peak memory of the sync process, and a comparison of every mapped cell. Options: --projects N (default 13708).
import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { boardMappings } from '../src/apps/datacube/boards.ts'
import { Database } from '../src/db/database.ts'
import { startEmbedded } from '../src/db/embedded/embedded.ts'
import { compareWithTruth } from '../test/support/oracle.ts'
import { root, startSimulator, withFolder } from './world.ts'

const RSS_MAX_MB = 350
const SAMPLE_MS = 100

const { values } = parseArgs({ options: { projects: { type: 'string', default: '13708' } } })

const sim = await startSimulator(Number(values.projects))
const failed = await withFolder(sim, async (folder, env) => {
  const server = await startEmbedded({ home: join(folder, 'db') })
  const db = new Database({ url: server.url, poolSize: 2 })
  try {
    const first = await runSync(folder, { ...env, DATABASE_URL: server.url })
    const second = await runSync(folder, { ...env, DATABASE_URL: server.url })
    let [rows, cells, differences] = [0, 0, 0]
    for (const mapping of boardMappings()) {
      const result = await compareWithTruth(db, sim.truth(mapping.board), mapping)
      rows += result.rows
      cells += result.cells
      differences += result.differences.length
      for (const difference of result.differences.slice(0, 5)) console.log(`  ${difference}`)
    }
    console.log(
      `first sync   ${seconds(first)}  peak RSS ${first.peakMb} MB, at a quarter of the time ${first.quarterMb} MB, at the end ${first.endMb} MB`,
    )
    console.log(`second sync  ${seconds(second)}  peak RSS ${second.peakMb} MB`)
    console.log(`compared     ${rows} rows, ${cells} cells, ${differences} differences`)
    return first.code !== 0 || differences > 0 || first.peakMb > RSS_MAX_MB
  } finally {
    await db.close()
    await server.stop()
  }
})
await sim.stop()
if (failed) process.exitCode = 1

interface SyncRun {
  readonly code: number | null
  readonly ms: number
  readonly peakMb: number
  readonly quarterMb: number
  readonly endMb: number
}

function seconds({ ms }: SyncRun): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`
}

async function runSync(cwd: string, env: NodeJS.ProcessEnv): Promise<SyncRun> {
  const startedAt = performance.now()
  const args = [join(root, 'bin/lockstep.js'), 'sync', 'datacube', '--full']
  const child = spawn(process.execPath, args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
  const samples: number[] = []
  const timer = setInterval(
    () => void residentMb(child.pid ?? 0).then((mb) => mb > 0 && samples.push(mb)),
    SAMPLE_MS,
  )
  const code = await new Promise<number | null>((resolve) => child.once('exit', resolve))
  clearInterval(timer)
  return {
    code,
    ms: performance.now() - startedAt,
    peakMb: Math.max(...samples),
    quarterMb: samples[Math.floor(samples.length / 4)] ?? 0,
    endMb: samples.at(-2) ?? 0,
  }
}

async function residentMb(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(text)?.[1] ?? 0) / 1024)
}
