import { type ChildProcess, spawn } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Real nodes as processes of their own, for tests and scripts alike: nothing here needs the test runner. */

const root = join(import.meta.dirname, '../..')

export const PATH_SECRET = 'process-path-secret'

export interface NodeProcess {
  readonly child: ChildProcess
  /** Its address, once it says that it is up. Rejects where it ends before. */
  readonly ready: Promise<string>
  readonly stderr: () => string
  /** Sends a signal and waits for the end; the exit code, or null where the signal ended it. */
  kill(signal: NodeJS.Signals): Promise<number | null>
}

export interface NodeFolder {
  readonly path: string
  /** `lockstep up` in this folder. */
  start(options?: { role?: string; env?: Record<string, string> }): NodeProcess
}

/** A folder with a configuration of DataCube against a simulator; nodes that still run at the end are killed. */
export async function withNodeFolder<T>(
  env: Readonly<Record<string, string>>,
  run: (folder: NodeFolder) => Promise<T>,
  /** Lines for the configuration. */
  config = '',
): Promise<T> {
  const path = await mkdtemp(join(tmpdir(), 'lockstep-node-'))
  const nodes: NodeProcess[] = []
  await chmod(path, 0o755)
  await mkdir(join(path, 'node_modules'))
  await symlink(root, join(path, 'node_modules/lockstep'))
  await writeFile(
    join(path, 'lockstep.config.ts'),
    `import { datacube, defineConfig } from 'lockstep'\n\nexport default defineConfig({\n  apps: [datacube({ plan: 'enterprise', callsPerDay: 0, formulaCellsPerMinute: 1e12 })],\n  ${config}\n})\n`,
  )
  const folder: NodeFolder = {
    path,
    start({ role = 'all', env: more = {} } = {}) {
      const node = spawnNode(path, role, { ...cleanEnvironment(), ...env, ...more })
      nodes.push(node)
      return node
    },
  }
  try {
    return await run(folder)
  } finally {
    await Promise.all(nodes.map((node) => node.kill('SIGKILL')))
    await rm(path, { recursive: true, force: true })
  }
}

/** Ours without what configures Lockstep or the test runner. */
function cleanEnvironment(): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] =>
      entry[1] !== undefined && !/^(MONDAY|LOCKSTEP|DATABASE_URL|PORT|HOST|NODE_|VITEST)/.test(entry[0]),
  )
  const defaults = {
    MONDAY_TOKEN: 'sim-token',
    MONDAY_WEBHOOK_SECRET: PATH_SECRET,
    LOCKSTEP_LOG: 'warn',
    PORT: '0',
  }
  return { ...Object.fromEntries(inherited), ...defaults }
}

function spawnNode(cwd: string, role: string, env: Record<string, string>): NodeProcess {
  const child = spawn(process.execPath, [join(root, 'bin/lockstep.js'), 'up', '--role', role], {
    cwd,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  const ended = new Promise<number | null>((done) => child.once('close', done))
  const ready = new Promise<string>((resolve, reject) => {
    child.stderr?.on('data', (chunk: Buffer) => {
      stderr += chunk.toString()
      const url = /is up: (\S+)\n/.exec(stderr)?.[1]
      if (url !== undefined) resolve(url)
    })
    void ended.then((code) => reject(new Error(`the node ended with ${code}: ${stderr.slice(-2000)}`)))
  })
  // Whoever kills a node before it is up does not wait for it.
  ready.catch(() => {})
  return {
    child,
    ready,
    stderr: () => stderr,
    async kill(signal) {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal)
      return ended
    },
  }
}

/** A port that nothing listens on now, for a node that must come back at the same address. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  await new Promise((done) => server.close(done))
  return port
}
