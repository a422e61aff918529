import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { App } from '../apps/contract.ts'
import { type Config, loadConfig } from '../config/config.ts'
import { isLoopback, readSettings, type Settings } from '../config/environment.ts'
import { Database } from '../db/database.ts'
import { embeddedUrl, startEmbedded } from '../db/embedded/embedded.ts'
import { readHolder } from '../db/embedded/lock.ts'
import { ConfigError, DatabaseError } from '../engine/errors.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { demoConfig, type DemoSession, demoSettings } from './demo/config.ts'
import { migrateAll, openPipelines } from './node.ts'

/** What every command starts from. */
export interface Context {
  readonly settings: Settings
  /** Folder of the embedded database and of what the demo keeps. */
  readonly home: string
  readonly config: () => Promise<Config>
}

export const HOME = '.lockstep'
export const DEMO_HOME = '.lockstep/demo'

/** Reads `.env` and the environment. */
export function readEnvironment(): Settings {
  if (existsSync('.env')) process.loadEnvFile('.env')
  return readSettings(process.env)
}

/** What every command starts from. While a demo runs, commands without a LOCKSTEP_HOME speak of the demo. */
export async function readContext(): Promise<Context> {
  const settings = readEnvironment()
  const demoRuns = settings.home === undefined && !(await isHeld(HOME)) && (await isHeld(DEMO_HOME))
  const home = settings.home ?? (demoRuns ? DEMO_HOME : HOME)
  const session = settings.configFile === undefined ? await readSession(home) : undefined
  if (session === undefined) return { settings, home, config: () => loadConfig(settings.configFile) }
  return { settings: demoSettings(settings, session), home, config: async () => demoConfig(session) }
}

const isHeld = async (home: string): Promise<boolean> => (await readHolder(home)) !== undefined

async function readSession(home: string): Promise<DemoSession | undefined> {
  const text = await readFile(join(home, 'session.json'), 'utf8').catch(() => undefined)
  return text === undefined ? undefined : (JSON.parse(text) as DemoSession)
}

export interface OpenDatabase {
  readonly db: Database
  /** True where this process runs the embedded server itself. */
  readonly owned: boolean
  readonly close: () => Promise<void>
}

/**
 * Opens DATABASE_URL, or the embedded database: the server of the `up` or `demo` that runs in this home folder, or,
 * where none does, one of our own until `close`.
 */
export async function openDatabase(
  { settings, home }: Context,
  applicationName: string,
): Promise<OpenDatabase> {
  const { poolSize } = settings
  const running = settings.databaseUrl ?? (await embeddedUrl(home))
  if (running !== undefined) {
    const db = new Database({ url: running, poolSize, applicationName })
    await probe(db, settings.databaseUrl !== undefined)
    return { db, owned: false, close: () => db.close() }
  }
  const server = await startEmbedded({ home })
  const db = new Database({ url: server.url, poolSize, applicationName })
  const close = async (): Promise<void> => {
    await db.close()
    await server.stop()
  }
  return { db, owned: true, close }
}

async function probe(db: Database, given: boolean): Promise<void> {
  try {
    await db.query('select 1')
  } catch (cause) {
    await db.close()
    const { host } = new URL(db.url)
    const what = given
      ? 'Check DATABASE_URL, and that the server runs and lets this machine in'
      : 'Stop the process that holds it and try again'
    throw new DatabaseError(`the database at ${host} does not answer. ${what}`, { cause })
  }
}

export interface Opened extends OpenDatabase {
  readonly config: Config
  readonly pipelines: readonly Pipeline[]
}

/** Opens the database, migrates it, and makes the configured apps ready, for commands that work with their data. */
export async function openAll(context: Context, applicationName: string): Promise<Opened> {
  const config = await context.config()
  const database = await openDatabase(context, applicationName)
  try {
    await migrateAll(database.db, config.apps)
    const url = publicWebhookUrl(context.settings)
    const pipelines = await openPipelines(database.db, config.apps, {
      webhookUrl: url,
      secretKey: context.settings.encryptionKey,
    })
    return { ...database, config, pipelines }
  } catch (error) {
    await database.close()
    throw error
  }
}

/** How vendors call an app's webhook, from LOCKSTEP_PUBLIC_URL; undefined where that is not set. */
export const publicWebhookUrl =
  ({ publicUrl }: Settings) =>
  (app: App, pathSecret: string | undefined): string | undefined =>
    publicUrl === undefined ? undefined : webhookUrl(publicUrl, app.name, pathSecret)

export const webhookUrl = (base: string, app: string, pathSecret: string | undefined): string =>
  `${base}/webhooks/${app}${pathSecret === undefined ? '' : `/${pathSecret}`}`

/** The app that a command names. Throws a ConfigError that lists the others. */
export function findPipeline(pipelines: readonly Pipeline[], name: string): Pipeline {
  const found = pipelines.find(({ app }) => app === name)
  if (found === undefined) {
    throw new ConfigError(`no app "${name}"; configured: ${pipelines.map(({ app }) => app).join(', ')}`)
  }
  return found
}

/** Refuses to listen where strangers can reach a door that checks nothing. */
export function refuseOpenDoors({ host, publicUrl }: Settings, pipelines: readonly Pipeline[]): void {
  const exposed = !isLoopback(host) || (publicUrl !== undefined && !isLoopback(new URL(publicUrl).hostname))
  const open = pipelines.filter(({ source }) => !source.door.guarded).map(({ app }) => app)
  if (!exposed || open.length === 0) return
  throw new ConfigError(
    `webhooks of ${open.join(', ')} would be accepted from anybody: HOST or LOCKSTEP_PUBLIC_URL is public and nothing proves who calls. For monday set MONDAY_SIGNING_SECRET (app webhooks), MONDAY_WEBHOOK_SECRET (a long random path part), or MONDAY_HMAC_SECRET (a signing proxy)`,
  )
}
