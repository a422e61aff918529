import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { TruthItem } from '../test/support/oracle.ts'

/** What the scripts here share: a simulator in a process of its own, and a folder to run the command line in. */

export const root = join(import.meta.dirname, '..')

export interface Simulator {
  readonly url: string
  control(path: string, body: unknown): Promise<void>
  truth(board: string): AsyncIterable<TruthItem>
  stop(): Promise<void>
}

export async function startSimulator(projects: number): Promise<Simulator> {
  const args = [
    join(root, 'sim/monday/main.ts'),
    '--port',
    '0',
    '--projects',
    String(projects),
    '--traffic',
    '0',
  ]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve)
    child.once('exit', (code) => reject(new Error(`the simulator ended with ${code}`)))
  })
  const { url, origin } = JSON.parse(line) as { url: string; origin: string }
  const control = async (path: string, body: unknown): Promise<void> => {
    const headers = { 'content-type': 'application/json' }
    const response = await fetch(`${origin}/control/${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    if (!response.ok) throw new Error(`${path}: ${await response.text()}`)
  }
  // The vendor's limits on formulas would make a full pass last ten minutes, asleep for most of it.
  const plenty = 1e12
  await control('limits', {
    formulaCellsPerMinute: plenty,
    callsPerMinute: plenty,
    complexityPerMinute: plenty,
    callsPerDay: plenty,
    ipCallsPer10s: plenty,
  })
  return {
    url,
    control,
    truth: (board) => readTruth(`${origin}/control/truth/${board}`),
    stop: () => end(child, 'SIGTERM'),
  }
}

async function* readTruth(url: string): AsyncIterable<TruthItem> {
  const response = await fetch(url)
  let rest = ''
  const decoder = new TextDecoder()
  for await (const chunk of response.body ?? []) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n')
    rest = lines.pop() ?? ''
    for (const text of lines) if (text !== '') yield JSON.parse(text) as TruthItem
  }
  if (rest !== '') yield JSON.parse(rest) as TruthItem
}

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill(signal)
  await ended
}

const PATH_SECRET = 'bench-path-secret'

/** A folder as a user has it: a configuration of the DataCube app against the simulator. */
export async function withFolder<T>(
  sim: Simulator,
  run: (folder: string, env: NodeJS.ProcessEnv) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-bench-'))
  await chmod(folder, 0o755)
  try {
    await mkdir(join(folder, 'node_modules'))
    await symlink(root, join(folder, 'node_modules/lockstep'))
    await writeFile(
      join(folder, 'lockstep.config.ts'),
      `import { datacube, defineConfig } from 'lockstep'\n\nexport default defineConfig({\n  apps: [datacube({ plan: 'enterprise', callsPerDay: 0, formulaCellsPerMinute: 1e12 })],\n})\n`,
    )
    const env = {
      ...process.env,
      MONDAY_TOKEN: 'sim-token',
      MONDAY_API_ENDPOINT: sim.url,
      MONDAY_WEBHOOK_SECRET: PATH_SECRET,
      LOCKSTEP_LOG: 'warn',
    }
    return await run(folder, env)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
