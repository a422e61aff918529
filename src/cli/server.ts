import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { isLoopback, type Settings } from '../config/environment.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import { isOutage } from '../db/database.ts'
import { ConfigError, describeError } from '../engine/errors.ts'
import { openApis } from '../http/api.ts'
import { createHttp } from '../http/app.ts'
import { listen, type Listening } from '../http/listen.ts'
import { Metrics } from '../http/metrics.ts'
import { Receiver } from '../inbox/receive.ts'
import type { Log } from '../jobs/log.ts'
import { Announcer } from '../jobs/wake-up.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import type { Progress, SyncResult } from '../lanes/sync.ts'
import { webhookUrl as webhookUrlOf } from './context.ts'
import { pendingAll } from './node.ts'
import type { WatchTimes } from './webhook-watch.ts'
import { startWorkers, type Workers } from './workers.ts'

export type Role = 'all' | 'ingest' | 'worker'

export interface ServerOptions {
  readonly db: Database
  readonly config: Config
  readonly pipelines: readonly Pipeline[]
  readonly settings: Settings
  readonly role: Role
  readonly log: Log
  readonly watchTimes?: Partial<WatchTimes> | undefined
  readonly onProgress?: (app: string, progress: Progress) => void
  readonly onSynced?: (app: string, result: SyncResult) => void
}

export interface Server {
  readonly url: string
  readonly workers: Workers | undefined
  /** Answers what is under way, gives back what is claimed, and ends: within ten seconds. */
  stop(): Promise<void>
}

const GRACE_MS = 4_000

/** A logger for this process. Secrets never reach it: what is logged is chosen field by field. */
export const createLog = (level: Settings['logLevel']): Log =>
  pino({ level, base: null }, pino.destination(2))

/** Serves one node: the door and the API first, so that the page is there at once, then the workers. */
export async function startServer(options: ServerOptions): Promise<Server> {
  const { db, config, pipelines, settings, role, log } = options
  const metrics = new Metrics()
  let workers: Workers | undefined
  // Where nobody here processes events, those who do are told.
  const announcer = new Announcer(db)
  const onCommit = (apps: ReadonlySet<string>): void =>
    role === 'ingest' ? announcer.announce(apps) : workers?.wake(apps)
  const receiver = new Receiver(db, { onCommit })
  const apis = await openApis({ apps: config.apps, db, log })
  const http = createHttp({
    db,
    apis,
    pipelines,
    receiver,
    metrics,
    log,
    trustProxy: settings.trustProxy,
    apiKey: settings.apiKey,
    local: isPrivate(settings),
    notReady: () => whyNotReady(db, config),
  })
  const listening: Listening = await listen(http, { host: settings.host, port: settings.port, log })
  await prepareSources(pipelines, log)
  if (role !== 'ingest') {
    const webhookUrl = ({ app, source }: Pipeline): string | undefined =>
      settings.publicUrl === undefined
        ? undefined
        : webhookUrlOf(settings.publicUrl, app, source.door.pathSecret)
    workers = await startWorkers({ ...options, webhookUrl, metrics })
    workers.wake(new Set(pipelines.map(({ app }) => app)))
  }
  return {
    url: listening.url,
    workers,
    async stop() {
      await listening.close(GRACE_MS)
      await Promise.all([apis.stop(), workers?.stop()])
    },
  }
}

/**
 * Loads what parsing needs. A vendor that cannot be reached now must not keep the node from starting: its
 * deliveries are taken in and wait.
 */
async function prepareSources(pipelines: readonly Pipeline[], log: Log): Promise<void> {
  for (const { app, source } of pipelines) {
    try {
      const { problems } = await source.prepare({ fresh: false, signal: AbortSignal.timeout(20_000) })
      for (const problem of problems) log.warn({ app }, problem)
    } catch (error) {
      if (error instanceof ConfigError) throw error
      log.error({ app, error: describeError(error) }, `${source.vendor} could not be asked; its events wait`)
    }
  }
}

/** A pooler or a dead link may hold a query for minutes; whoever asks whether we are ready asks again sooner. */
const READY_MAX_MS = 3_000

async function whyNotReady(db: Database, config: Config): Promise<string | undefined> {
  try {
    const late = sleep(READY_MAX_MS, undefined, { ref: false })
    const pending = await Promise.race([pendingAll(db, config.apps), late])
    if (pending === undefined) return 'the database does not answer'
    return pending.length === 0 ? undefined : `${pending.length} migrations are not applied`
  } catch (error) {
    return isOutage(error) ? 'the database does not answer' : describeError(error)
  }
}

/** Reachable from this machine alone: a tunnel or proxy in front, told by the public URL, counts as public. */
const isPrivate = ({ host, publicUrl }: Settings): boolean =>
  isLoopback(host) && (publicUrl === undefined || isLoopback(new URL(publicUrl).hostname))

/** Resolves with the first signal to end; a second one, later, ends the process at once. */
export function untilSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let first = 0
    const onSignal = (signal: NodeJS.Signals): void => {
      // A terminal's Ctrl-C may reach us twice, directly and through npm; only a later one means "now".
      if (first !== 0 && Date.now() - first > 1_500) process.exit(130)
      if (first === 0) first = Date.now()
      resolve(signal)
    }
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal)
  })
}
