import type { Config } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import type { Findings } from './findings.ts'
import { type Context, openDatabase, type OpenDatabase, readContext } from './context.ts'
import { pendingAll } from './node.ts'

/** What the checks of an app stand on. */
export interface Ground {
  readonly context: Context
  readonly config: Config
  readonly database: OpenDatabase
  /** False where the engine's tables are missing or old: what needs them cannot be looked at. */
  readonly migrated: boolean
}

const NODE_MAJOR_MIN = 24
const POSTGRES_MIN = 150_000
/** Stamps compare times of several clocks; a few seconds are within what the merge rule allows for. */
const CLOCK_WARN_MS = 5_000

export function checkNode(findings: Findings): void {
  const { node } = process.versions
  if (Number(node.split('.')[0]) >= NODE_MAJOR_MIN) findings.ok('node', `v${node}`)
  else
    findings.fail(
      'node',
      `v${node} is too old`,
      `Install Node ${NODE_MAJOR_MIN}, or run "npm ci", which brings it`,
    )
}

/** The environment and the configuration; undefined where nothing further can be looked at. */
export async function checkEnvironment(
  findings: Findings,
): Promise<{ context: Context; config: Config } | undefined> {
  const context = await findings.attempt('environment', readContext)
  if (context === undefined) return undefined
  findings.ok('environment', 'every variable that is set can be read')
  const config = await findings.attempt('configuration', context.config)
  if (config === undefined) return undefined
  findings.ok('configuration', `apps: ${config.apps.map(({ name }) => name).join(', ')}`)
  return { context, config }
}

/** The database; the caller closes it. */
export async function checkDatabase(
  findings: Findings,
  { context, config }: { context: Context; config: Config },
): Promise<Ground | undefined> {
  const database = await findings.attempt('database', () => openDatabase(context, 'lockstep-doctor'))
  if (database === undefined) return undefined
  const { db, owned } = database
  await findings.attempt('database', () => checkVersion(findings, db, owned))
  await findings.attempt('clock', () => checkClock(findings, db))
  const migrated = await findings.attempt('migrations', () => checkMigrations(findings, db, config))
  return { context, config, database, migrated: migrated === true }
}

async function checkVersion(findings: Findings, db: Database, owned: boolean): Promise<void> {
  const { rows } = await db.query<{ number: number; version: string }>(
    `select current_setting('server_version_num')::int as number, current_setting('server_version') as version`,
  )
  const { number = 0, version = '' } = rows[0] ?? {}
  const where = owned ? 'embedded; no node runs, so this command started it' : new URL(db.url).host
  if (number >= POSTGRES_MIN) findings.ok('database', `Postgres ${version} (${where})`)
  else findings.fail('database', `Postgres ${version} (${where}) is too old`, 'Use Postgres 15 or newer')
}

async function checkClock(findings: Findings, db: Database): Promise<void> {
  const sent = Date.now()
  const { rows } = await db.query<{ ms: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
  )
  const offset = Math.round((rows[0]?.ms ?? 0) - (sent + Date.now()) / 2)
  const detail = `the database's is ${Math.abs(offset)} ms ${offset < 0 ? 'behind' : 'ahead of'} ours`
  if (Math.abs(offset) <= CLOCK_WARN_MS) findings.ok('clock', detail)
  else
    findings.warn(
      'clock',
      detail,
      'Set both machines by NTP: times of both decide which of two values is newer',
    )
}

async function checkMigrations(findings: Findings, db: Database, { apps }: Config): Promise<boolean> {
  const pending = await pendingAll(db, apps)
  if (pending.length === 0) {
    findings.ok('migrations', 'all applied')
    return true
  }
  const names = pending.map(({ id }) => id).join(', ')
  findings.fail('migrations', `not applied: ${names}`, 'Run "lockstep db migrate", or "lockstep up"')
  return false
}
