import { type ChildProcess, spawn } from 'node:child_process'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { DEFAULT_TIME_ZONE } from '../../apps/portal/settings.ts'
import { LockstepError } from '../../engine/errors.ts'
import { projectRoot } from '../node.ts'

/** A vendor's simulator as a child process. */
export interface Simulator {
  /** The vendor, as people call it. */
  readonly vendor: string
  /** Where its API is. */
  readonly url: string
  /** Where it is driven from. */
  readonly origin: string
  readonly token: string
  /** It goes on with the world that the last demo left. */
  readonly resumed: boolean
  setTraffic(perSecond: number, mix?: object): Promise<void>
  stop(): Promise<void>
}

/** Each is some ten thousand events, all of which are taken in and counted: more would be waiting, not showing. */
const HISTORY_DAYS = 3

export const MONDAY_TOKEN = 'sim-token'

export interface SimulatorOptions {
  /** Where its world is kept. */
  readonly home: string
  readonly seed: number
}

export const startMonday = ({ home, seed }: SimulatorOptions, projects: number): Promise<Simulator> =>
  start('monday', 'sim/monday/main.ts', {
    projects,
    seed,
    token: MONDAY_TOKEN,
    state: join(home, `monday-${projects}-${seed}.jsonl`),
  })

export const startEmailBison = (
  { home, seed }: SimulatorOptions,
  { workspaces, mailboxes }: { readonly workspaces: number; readonly mailboxes: number },
): Promise<Simulator> =>
  start('Email Bison', 'sim/email-bison/main.ts', {
    workspaces,
    mailboxes,
    seed,
    weekends: true,
    // Its statistics are by days: they must be those that the portal compares them with.
    'time-zone': DEFAULT_TIME_ZONE,
    'history-days': HISTORY_DAYS,
    state: join(home, `email-bison-${workspaces}-${mailboxes}-${seed}.json`),
  })

async function start(
  vendor: string,
  script: string,
  options: Readonly<Record<string, string | number | boolean>>,
): Promise<Simulator> {
  const all: typeof options = { port: 0, traffic: 0, ...options }
  const args = Object.entries(all).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, String(value)],
  )
  // Its own process group: Ctrl-C is ours to pass on, after the last webhook was taken in.
  const child = spawn(process.execPath, [join(projectRoot, script), ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  const ready = JSON.parse(await firstLine(child)) as {
    url: string
    origin?: string
    token?: string
    resumed?: boolean
  }
  const origin = ready.origin ?? ready.url
  return {
    vendor,
    url: ready.url,
    origin,
    token: ready.token ?? String(options['token'] ?? ''),
    resumed: ready.resumed ?? false,
    async setTraffic(perSecond, mix) {
      const response = await fetch(`${origin}/control/traffic`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ perSecond, ...(mix === undefined ? {} : { mix }) }),
      })
      if (!response.ok)
        throw new LockstepError(`the simulated ${vendor} refused the traffic: ${await response.text()}`)
    },
    async stop() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const ended = new Promise((done) => child.once('exit', done))
      child.kill('SIGTERM')
      await ended
    },
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  const { stdout } = child
  if (stdout === null) throw new LockstepError('the simulator has no output')
  const lines = createInterface({ input: stdout })
  return new Promise((resolve, reject) => {
    lines.once('line', resolve)
    child.once('error', reject)
    child.once('exit', (code) => reject(new LockstepError(`the simulator ended at start with ${code}`)))
  })
}
