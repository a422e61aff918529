import type { App } from '../apps/contract.ts'
import { isLoopback } from '../config/environment.ts'
import type { Database } from '../db/database.ts'
import { sourceStore } from '../db/source-store.ts'
import { describeError, VendorUnavailableError } from '../engine/errors.ts'
import { readStatus } from '../http/status.ts'
import { createMirror, type Mirror } from '../mirror/apply.ts'
import { checkTables } from '../mirror/mirror-table.ts'
import type { Source } from '../sources/contract.ts'
import type { Findings } from './findings.ts'
import type { Ground } from './doctor-ground.ts'
import { publicWebhookUrl } from './context.ts'
import { ago } from './output.ts'

const VENDOR_TIMEOUT_MS = 60_000
const BUDGET_WARN = 0.8
const STALE_MS = 26 * 3_600_000

/** Everything about one app: its tables, its vendor, its door, its data. */
export async function checkApp(findings: Findings, ground: Ground, app: App): Promise<void> {
  const { db } = ground.database
  const name = (what: string): string => `${app.name}: ${what}`
  if (!ground.migrated) {
    findings.warn(name('all'), 'not looked at, because migrations are missing')
    return
  }
  const tables = await findings.attempt(name('tables'), () => checkTables(db, app.tables))
  if (tables !== undefined) findings.ok(name('tables'), `${tables.length} fit their definitions`)
  const source = await findings.attempt(name('settings'), () => openSource(ground, app))
  if (source === undefined) return
  const reached = await checkVendor(findings, app, source)
  checkDoor(findings, ground, app, source)
  if (reached) await findings.attempt(name('webhooks'), () => checkWebhooks(findings, app, source))
  await findings.attempt(name('budget'), () => checkBudget(findings, app, source))
  if (tables === undefined) return
  const mirror = createMirror(tables)
  await findings.attempt(name('state'), () => checkState(findings, db, app, source, mirror))
  await findings.attempt(name('data'), () => checkData(findings, db, app))
}

function openSource({ database, context }: Ground, app: App): Source {
  return app.source(sourceStore(database.db, app.name, context.settings.encryptionKey), {
    webhookUrl: () => publicWebhookUrl(context.settings)(app, undefined),
  })
}

/** The token, and whether what is configured is there; false where the vendor told nothing. */
async function checkVendor(findings: Findings, app: App, source: Source): Promise<boolean> {
  const name = `${app.name}: ${source.vendor}`
  try {
    const { problems } = await source.prepare({ fresh: true, signal: AbortSignal.timeout(VENDOR_TIMEOUT_MS) })
    for (const problem of problems) findings.fail(name, problem)
    if (problems.length === 0)
      findings.ok(name, `the token works, and all ${source.streams.length} streams can be read`)
    return true
  } catch (error) {
    if (error instanceof VendorUnavailableError) {
      findings.warn(
        name,
        describeError(error),
        'Passes and refetches wait for it and go on by themselves; try doctor again later',
      )
    } else findings.fail(name, describeError(error))
    return false
  }
}

function checkDoor(findings: Findings, { context }: Ground, app: App, source: Source): void {
  const { host, publicUrl } = context.settings
  const name = `${app.name}: door`
  const local = isLoopback(host) && (publicUrl === undefined || isLoopback(new URL(publicUrl).hostname))
  if (source.door.guarded) findings.ok(name, 'deliveries must prove that they are genuine')
  else {
    const remedy = `Set a secret; for monday MONDAY_WEBHOOK_SECRET, MONDAY_SIGNING_SECRET or MONDAY_HMAC_SECRET`
    const detail = 'webhooks are accepted from anybody who can reach this machine'
    if (local) findings.warn(name, detail, remedy)
    else findings.fail(name, detail, remedy)
  }
  const address = `${app.name}: public address`
  if (publicUrl === undefined) {
    findings.warn(
      address,
      'LOCKSTEP_PUBLIC_URL is not set, so changes come by polling alone',
      'Set it to the https address at which the vendor reaches this installation',
    )
  } else if (!publicUrl.startsWith('https://') && !isLoopback(new URL(publicUrl).hostname)) {
    findings.warn(
      address,
      `${publicUrl} is not encrypted: path secrets and data can be read on the way`,
      'Use https',
    )
  } else findings.ok(address, publicUrl)
}

async function checkWebhooks(findings: Findings, app: App, source: Source): Promise<void> {
  const name = `${app.name}: webhooks`
  const { wanted } = source.webhooks
  const found = await source.webhooks.list(AbortSignal.timeout(VENDOR_TIMEOUT_MS))
  const ours = new Set(found.filter((w) => w.ours).map((w) => `${w.stream} ${w.event}`))
  const missing = wanted.filter(({ stream, event }) => !ours.has(`${stream} ${event}`))
  if (missing.length === 0) {
    findings.ok(name, `all ${wanted.length} are at ${source.vendor}`)
    return
  }
  const shown = missing.slice(0, 3).map(({ stream, event }) => `${event} on ${stream}`)
  const rest = missing.length > shown.length ? ' and others' : ''
  findings.warn(
    name,
    `${missing.length} of ${wanted.length} are missing (${shown.join(', ')}${rest}): those changes wait for the next poll`,
    `Run "lockstep webhooks register ${app.name}"`,
  )
}

async function checkBudget(findings: Findings, app: App, source: Source): Promise<void> {
  const name = `${app.name}: budget`
  const { calls, dailyCap, blockedUntilMs, blockedBy } = await source.usage()
  const detail = dailyCap === undefined ? `${calls} calls today` : `${calls} of ${dailyCap} calls today`
  if (blockedUntilMs !== undefined) {
    findings.warn(
      name,
      `${detail}; blocked until ${new Date(blockedUntilMs).toISOString()}: ${blockedBy ?? ''}`,
    )
  } else if (dailyCap !== undefined && calls >= dailyCap * BUDGET_WARN) {
    findings.warn(
      name,
      detail,
      'At the cap nothing is read before 00:00 UTC: poll less often, or raise the plan',
    )
  } else findings.ok(name, detail)
}

async function checkState(
  findings: Findings,
  db: Database,
  app: App,
  source: Source,
  mirror: Mirror,
): Promise<void> {
  const now = Date.now()
  const { inbox, tables } = await readStatus(db, {
    app: app.name,
    source,
    mirror,
    derive: app.derive,
    record: app.record,
  })
  const letters = `${app.name}: dead letters`
  if (inbox.dead === 0) findings.ok(letters, 'none')
  else
    findings.warn(
      letters,
      `${inbox.dead} events failed for good`,
      `See "lockstep events dead"; once mended, "lockstep events replay --app ${app.name}"`,
    )
  for (const { table, name, full_pass_at, confirmed_at } of tables) {
    const freshness = `${app.name}: ${table}`
    if (full_pass_at === null) {
      findings.warn(
        freshness,
        `${name} was never read to its end`,
        `Run "lockstep sync ${app.name} --full", or let "lockstep up" do it`,
      )
    } else if (now - Date.parse(confirmed_at ?? full_pass_at) > STALE_MS) {
      findings.warn(
        freshness,
        `last confirmed ${ago(confirmed_at, now)}`,
        'Does a node run? "lockstep up" polls every 15 minutes',
      )
    } else findings.ok(freshness, `confirmed ${ago(confirmed_at, now)}`)
  }
}

async function checkData(findings: Findings, db: Database, app: App): Promise<void> {
  for (const { name, count, level, detail, examples } of (await app.checks?.(db)) ?? []) {
    const label = `${app.name}: ${name}`
    if (level !== 'warning') findings.ok(label, count === 0 ? 'none' : `${count}. ${detail}`)
    else findings.warn(label, `${count}, such as ${examples.slice(0, 3).join(', ')}`, detail)
  }
}
