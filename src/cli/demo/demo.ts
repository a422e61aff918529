import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { ROW } from '../../sources/contract.ts'
import { type Context, DEMO_HOME, openAll, readEnvironment, webhookUrl } from '../context.ts'
import { progressBar, say } from '../output.ts'
import { createLog, startServer, untilSignal } from '../server.ts'
import { demoConfig, type DemoSession, demoSettings } from './config.ts'
import { type Simulator, startEmailBison, startMonday } from './simulators.ts'

export interface DemoOptions {
  readonly projects: number
  readonly workspaces: number
  readonly mailboxes: number
  /** Edits and events a second, at each vendor. */
  readonly traffic: number
  readonly seed: number
}

/** Of cold mail one in two hundred is answered; a demo would show nothing for minutes. */
const LIVELY = { reply: 60 }

/** `lockstep demo`: the bundled simulators with live traffic, and Lockstep against them. */
export async function demo(options: DemoOptions): Promise<void> {
  const given = readEnvironment()
  const home = given.home ?? DEMO_HOME
  await mkdir(home, { recursive: true })
  const log = createLog(process.env['LOCKSTEP_LOG'] === undefined ? 'warn' : given.logLevel)
  const where = { home, seed: options.seed }
  const simulators = await Promise.all([
    startMonday(where, options.projects),
    startEmailBison(where, options),
  ])
  const [monday, bison] = simulators
  try {
    const { host } = given
    const port = await pickPort(host, given.port)
    const session: DemoSession = {
      url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
      monday: { endpoint: monday.url, token: monday.token },
      bison: { url: bison.url, token: bison.token },
      pathSecret: await keepSecret(home),
    }
    await writeFile(join(home, 'session.json'), `${JSON.stringify(session)}\n`, { mode: 0o600 })
    if (given.databaseUrl !== undefined) {
      say(`  DATABASE_URL is left alone: the demo keeps its data in ${home}`)
    }
    const settings = { ...demoSettings(given, session), databaseUrl: undefined, port }
    const context: Context = { settings, home, config: async () => demoConfig(session) }
    await run(context, simulators, session, options.traffic, log)
  } finally {
    await Promise.all(simulators.map((simulator) => simulator.stop()))
  }
}

async function run(
  context: Context,
  simulators: readonly [monday: Simulator, bison: Simulator],
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
      // And what is read in many small parts is told in one line at the end.
      onProgress: (_app, { stream, part, ...counts }) =>
        part === ROW && stream.keyPrefix === undefined && bar.update({ stream, part, ...counts }),
    })
    try {
      for (const line of greeting(server.url, simulators, opened.db.url)) say(line)
      await registerWebhooks(opened.pipelines, server.url, session.pathSecret)
      const whole = await isWhole(opened)
      const stopping = untilSignal()
      while (!(await isWhole(opened))) {
        if (await Promise.race([stopping.then(() => true), sleep(100, false)])) break
      }
      bar.end()
      await setTraffic(simulators, traffic)
      say(hints(simulators[0], server.url, traffic, whole))
      say(`\n${await stopping}: stopping`)
      await setTraffic(simulators, 0).catch(() => {})
    } finally {
      await server.stop()
    }
  } finally {
    await opened.close()
  }
}

const greeting = (url: string, simulators: readonly Simulator[], database: string): string[] => [
  `\nLockstep demo: ${url}`,
  ...simulators.map(
    (simulator) =>
      `  ${`the simulated ${simulator.vendor}`.padEnd(26)} ${simulator.url}${simulator.resumed ? ' (as the last demo left it)' : ''}`,
  ),
  `  ${'database'.padEnd(26)} ${database}\n`,
]

async function setTraffic(
  [monday, bison]: readonly [Simulator, Simulator],
  perSecond: number,
): Promise<void> {
  await Promise.all([monday.setTraffic(perSecond), bison.setTraffic(perSecond, LIVELY)])
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
    // A vendor that has a path for each of its workspaces makes them itself.
    const base = webhookUrl(url, app, source.door.pathSecret === undefined ? undefined : secret)
    const changes = await source.webhooks.register(base, AbortSignal.timeout(60_000))
    const failed = changes.filter((change) => change.action === 'failed')
    say(
      `  ${`webhooks of ${app}`.padEnd(26)} ${changes.length - failed.length} of ${changes.length} registered`,
    )
    for (const { stream, event, error } of failed) say(`    ${event} of ${stream}: ${error ?? ''}`)
  }
}

function hints({ origin }: Simulator, url: string, traffic: number, resumed: boolean): string {
  const edit = JSON.stringify({ op: 'rename', args: ['1825117125', 'ITEM_ID', 'Renamed by me'] })
  return [
    '',
    resumed
      ? 'Resumed: the mirror is there already; what changed meanwhile is being caught up.'
      : 'Everything is in Postgres.',
    `About ${traffic} edits a second at each vendor now arrive by webhook. To try, in another terminal in this folder:`,
    `  npx lockstep status --watch`,
    `  psql "$(npx lockstep db url)" -c "select status_category, count(*), sum(new_enquiry_value) from projects group by 1"`,
    `  psql "$(npx lockstep db url)" -c "select * from data_health_summary"`,
    `  curl -X POST ${origin}/control/edit -H 'content-type: application/json' -d '${edit}'`,
    `  npx lockstep events list`,
    `Open ${url} to watch. Ctrl-C stops everything; the next demo goes on where this one ended.`,
  ].join('\n')
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
  const wanted = await tryPort(host, port)
  if (wanted !== undefined) return wanted
  const free = await tryPort(host, 0)
  say(`  port ${port} is in use; ${free} is taken`)
  return free ?? 0
}

function tryPort(host: string, port: number): Promise<number | undefined> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined))
    server.listen(port, host, () => {
      const { port: got } = server.address() as AddressInfo
      server.close(() => resolve(got))
    })
  })
}
