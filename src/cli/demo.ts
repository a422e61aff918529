import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { LockstepError } from '../engine/errors.ts'
import { ROW } from '../sources/contract.ts'
import { type Context, DEMO_HOME, openAll, readContext, webhookUrl } from './context.ts'
import type { DemoSession } from './demo-config.ts'
import { projectRoot } from './node.ts'
import { progressBar, say } from './output.ts'
import { createLog, startServer, untilSignal } from './server.ts'

const TOKEN = 'sim-token'

/** `lockstep demo`: the bundled monday simulator with live traffic, and Lockstep against it. */
export async function demo(options: { projects: number; traffic: number; seed: number }): Promise<void> {
  const given = await readContext()
  const home = given.settings.home ?? DEMO_HOME
  await mkdir(home, { recursive: true })
  const log = createLog(process.env['LOCKSTEP_LOG'] === undefined ? 'warn' : given.settings.logLevel)
  const simulator = await startSimulator(home, options)
  try {
    const session: DemoSession = { endpoint: simulator.url, token: TOKEN, pathSecret: await keepSecret(home) }
    await writeFile(join(home, 'session.json'), `${JSON.stringify(session)}\n`, { mode: 0o600 })
    if (given.settings.databaseUrl !== undefined) {
      say(`  DATABASE_URL is left alone: the demo keeps its data in ${home}`)
    }
    const settings = {
      ...given.settings,
      databaseUrl: undefined,
      port: await pickPort(given.settings.host, given.settings.port),
    }
    const { demoConfig } = await import('./demo-config.ts')
    const context: Context = { settings, home, config: async () => demoConfig(session) }
    await run(context, simulator, session, options.traffic, log)
  } finally {
    await simulator.stop()
  }
}

async function run(
  context: Context,
  simulator: Simulator,
  session: DemoSession,
  traffic: number,
  log: ReturnType<typeof createLog>,
): Promise<void> {
  const { settings } = context
  const opened = await openAll(context, 'lockstep-demo')
  try {
    const bar = progressBar()
    const server = await startServer({
      ...opened,
      settings,
      role: 'all',
      log,
      // Formulas come after the rows, at the pace that monday allows: minutes, for which nobody need wait.
      onProgress: (_app, progress) => progress.part === ROW && bar.update(progress),
    })
    say(`\nLockstep demo: ${server.url}`)
    say(`  the simulated monday   ${simulator.url}${simulator.resumed ? ' (as the last demo left it)' : ''}`)
    say(`  database               ${opened.db.url}\n`)
    await registerWebhooks(opened.pipelines, server.url, session.pathSecret)
    const whole = await isWhole(opened)
    const stopping = untilSignal()
    while (!(await isWhole(opened))) {
      if (await Promise.race([stopping.then(() => true), sleep(100, false)])) break
    }
    bar.end()
    await simulator.setTraffic(traffic)
    say(hints(simulator, server.url, traffic, whole))
    say(`\n${await stopping}: stopping`)
    await simulator.setTraffic(0).catch(() => {})
    await server.stop()
  } finally {
    await opened.close()
  }
}

async function isWhole({ db, pipelines }: Awaited<ReturnType<typeof openAll>>): Promise<boolean> {
  const streams = pipelines.flatMap(({ source }) => source.streams)
  const { rowCount } = await db.query('select 1 from lockstep.freshness where full_pass_at is not null')
  return (rowCount ?? 0) >= streams.length
}

async function registerWebhooks(
  pipelines: Awaited<ReturnType<typeof openAll>>['pipelines'],
  url: string,
  secret: string,
): Promise<void> {
  for (const { app, source } of pipelines) {
    const changes = await source.webhooks.register(webhookUrl(url, app, secret), AbortSignal.timeout(60_000))
    const failed = changes.filter((change) => change.action === 'failed')
    say(`  webhooks               ${changes.length - failed.length} of ${changes.length} registered`)
    for (const { stream, event, error } of failed) say(`    ${event} on board ${stream}: ${error ?? ''}`)
  }
}

function hints({ origin }: Simulator, url: string, traffic: number, resumed: boolean): string {
  const edit = JSON.stringify({ op: 'rename', args: ['1825117125', 'ITEM_ID', 'Renamed by me'] })
  return [
    '',
    resumed
      ? 'Resumed: the mirror is there already; what changed meanwhile is being caught up.'
      : 'Everything is in Postgres.',
    `About ${traffic} edits a second now arrive by webhook. To try, in another terminal in this folder:`,
    `  npx lockstep status --watch`,
    `  psql "$(npx lockstep db url)" -c "select status_category, count(*), sum(new_enquiry_value) from projects group by 1"`,
    `  curl -X POST ${origin}/control/edit -H 'content-type: application/json' -d '${edit}'`,
    `  npx lockstep events list`,
    `Open ${url} to watch. Ctrl-C stops everything; the next demo goes on where this one ended.`,
  ].join('\n')
}

interface Simulator {
  readonly url: string
  readonly origin: string
  readonly resumed: boolean
  setTraffic(perSecond: number): Promise<void>
  stop(): Promise<void>
}

async function startSimulator(
  home: string,
  { projects, seed }: { projects: number; seed: number },
): Promise<Simulator> {
  const script = join(projectRoot, 'sim/monday/main.ts')
  const state = join(home, `monday-${projects}-${seed}.jsonl`)
  const args = [
    '--port',
    '0',
    '--projects',
    String(projects),
    '--seed',
    String(seed),
    '--traffic',
    '0',
    '--token',
    TOKEN,
    '--state',
    state,
  ]
  // Its own process group: Ctrl-C is ours to pass on, after the last webhook was taken in.
  const child = spawn(process.execPath, [script, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  })
  const ready = await firstLine(child)
  const { url, origin, resumed } = JSON.parse(ready) as { url: string; origin: string; resumed?: boolean }
  return {
    url,
    origin,
    resumed: resumed ?? false,
    async setTraffic(perSecond) {
      const response = await fetch(`${origin}/control/traffic`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ perSecond }),
      })
      if (!response.ok) throw new LockstepError(`the simulator refused the traffic: ${await response.text()}`)
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

/** The same secret at each demo, so that webhooks of the last one are known again. */
async function keepSecret(home: string): Promise<string> {
  const file = join(home, 'secret')
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (kept !== undefined) return kept.trim()
  const secret = randomBytes(18).toString('base64url')
  await writeFile(file, `${secret}\n`, { mode: 0o600 })
  return secret
}

/** The wanted port, or, where it is taken, any free one: a demo should just start. */
async function pickPort(host: string, port: number): Promise<number> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => {
      say(`  port ${port} is in use; another is taken`)
      resolve(0)
    })
    server.listen(port, host, () => server.close(() => resolve(port)))
  })
}
