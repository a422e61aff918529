import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { everyColumnWorld, type MondaySim, type MondaySimOptions } from '../../../sim/monday/index.ts'
import { withSim } from '../../../sim/monday/with-sim.ts'
import { Database } from '../../../src/db/database.ts'
import { cloneDatabase } from '../../support/database.ts'

const root = join(import.meta.dirname, '../../..')

export interface CliResult {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A command that goes on until it is told to stop. */
export interface Running {
  readonly child: ChildProcess
  stderr(): string
  /** Resolves with the match once stderr has one. Rejects where the process ends before. */
  until(pattern: RegExp): Promise<RegExpExecArray>
  stop(): Promise<number | null>
}

/** A user's project folder, and the real command line in it. */
export class Folder {
  readonly path: string
  private readonly env: Record<string, string>
  private readonly running: Running[] = []

  constructor(path: string, env: Record<string, string>) {
    this.path = path
    this.env = env
  }

  /** Runs a command to its end. */
  async cli(args: string, env: Record<string, string> = {}): Promise<CliResult> {
    const child = this.spawn(args, env)
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    const code = await ended(child)
    return { code, stdout: stdout(), stderr: stderr() }
  }

  /** Each of these ends with 2 and prints nothing on stdout. */
  async expectUsageErrors(commands: readonly string[]): Promise<void> {
    const results = await Promise.all(commands.map((args) => this.cli(args)))
    const wrong = results.flatMap(({ code, stdout, stderr }, i) =>
      code === 2 && stdout === '' && stderr !== '' ? [] : [`${commands[i]}: ${code} ${stdout}${stderr}`],
    )
    if (wrong.length > 0) throw new Error(`not refused as wrong usage:\n${wrong.join('\n')}`)
  }

  async json<T>(args: string, env: Record<string, string> = {}): Promise<T> {
    const { stdout, stderr } = await this.cli(`${args} --json`, env)
    try {
      return JSON.parse(stdout) as T
    } catch (cause) {
      throw new Error(`${args} printed no JSON: ${stdout}${stderr}`, { cause })
    }
  }

  start(args: string, env: Record<string, string> = {}): Running {
    const child = this.spawn(args, env)
    const stderr = collect(child.stderr)
    const end = ended(child)
    const running: Running = {
      child,
      stderr,
      until: (pattern) =>
        new Promise((resolve, reject) => {
          const look = (): void => {
            const match = pattern.exec(stderr())
            if (match !== null) resolve(match)
          }
          child.stderr?.on('data', look)
          look()
          void end.then((code) => reject(new Error(`${args} ended with ${code}: ${stderr()}`)))
        }),
      async stop() {
        if (child.exitCode === null) child.kill('SIGINT')
        return end
      },
    }
    this.running.push(running)
    return running
  }

  async close(): Promise<void> {
    await Promise.all(this.running.map((running) => running.stop()))
    await rm(this.path, { recursive: true, force: true })
  }

  read = (file: string): Promise<string> => readFile(join(this.path, file), 'utf8')
  write = (file: string, text: string): Promise<void> => writeFile(join(this.path, file), text)

  private spawn(args: string, env: Record<string, string>): ChildProcess {
    const inherited = Object.entries(process.env).filter(
      ([name]) => !/^(MONDAY|LOCKSTEP|DATABASE_URL|PORT|HOST|NODE_|VITEST)/.test(name),
    )
    const all = { ...Object.fromEntries(inherited), LOCKSTEP_LOG: 'warn', ...this.env, ...env }
    const words = args.split(' ').filter((word) => word !== '')
    return spawn(process.execPath, [join(root, 'bin/lockstep.js'), ...words], {
      cwd: this.path,
      env: all,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  }
}

function collect(stream: NodeJS.ReadableStream | null): () => string {
  let text = ''
  stream?.on('data', (chunk: Buffer) => (text += chunk.toString()))
  return () => text
}

const ended = (child: ChildProcess): Promise<number | null> =>
  new Promise((done) => child.once('close', done))

/** A folder in which `lockstep` resolves, as after an install. */
export async function withFolder<T>(
  env: Record<string, string>,
  run: (folder: Folder) => Promise<T>,
): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'lockstep-cli-'))
  await mkdir(join(path, 'node_modules'))
  await symlink(root, join(path, 'node_modules/lockstep'))
  await writeFile(join(path, 'package.json'), '{ "type": "module", "private": true }\n')
  const folder = new Folder(path, env)
  try {
    return await run(folder)
  } finally {
    await folder.close()
  }
}

export const TOKEN = 'sim-token'
export const TASKS = '7786783342'
export const SUBTASKS = '8400809115'
export const CLIENTS = '7786790001'

export interface Project {
  readonly sim: MondaySim
  readonly folder: Folder
  /** The same database as the commands use. */
  readonly db: Database
}

/** A simulated account with a column of every type, a database of its own, and a folder whose environment has both. */
export async function withProject<T>(
  run: (project: Project) => Promise<T>,
  options: MondaySimOptions = {},
): Promise<T> {
  return withSim({ world: everyColumnWorld(1), retryDelayMs: 200, ...options }, async (sim) => {
    const clone = await cloneDatabase()
    const db = new Database({ url: clone.url, poolSize: 2, applicationName: 'lockstep-test' })
    try {
      const env = { DATABASE_URL: clone.url, MONDAY_API_ENDPOINT: sim.url, PORT: '0' }
      return await withFolder(env, (folder) => run({ sim, folder, db }))
    } finally {
      await db.close()
      await clone.drop()
    }
  })
}

/** The same after `init` of the boards and one full sync. */
export const withSyncedProject = <T>(
  run: (project: Project) => Promise<T>,
  boards = `${TASKS},${CLIENTS}`,
): Promise<T> =>
  withProject(async (project) => {
    for (const args of [`init --token ${TOKEN} --boards ${boards} --yes`, 'sync monday --full']) {
      const { code, stderr } = await project.folder.cli(args)
      if (code !== 0) throw new Error(`${args} ended with ${code}: ${stderr}`)
    }
    return run(project)
  })

const WAIT_MS = 10_000

/** Waits until `look` gives something, and gives that. */
export async function eventually<T>(look: () => Promise<T | undefined>): Promise<T> {
  for (const end = Date.now() + WAIT_MS; ;) {
    const found = await look()
    if (found !== undefined) return found
    if (Date.now() > end) throw new Error(`nothing came within ${WAIT_MS} ms`)
    await new Promise((done) => setTimeout(done, 25))
  }
}
