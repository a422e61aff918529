import { laneOf } from '../lanes/runs.ts'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Check } from '../apps/contract.ts'
import { isOutage } from '../db/database.ts'
import { type AppStatus, readStatus } from '../http/status.ts'
import { type Opened, openAll, readContext } from './context.ts'
import { abortOnSignal } from './interrupt.ts'
import { ago, print, say, table } from './output.ts'

const REDRAW_MS = 1_000
const PREPARE_MS = 5_000
/** The checks read whole tables: not each second. */
const CHECK_EVERY_MS = 30_000
/** Streams of one table that are named; a vendor that is away has them all ail. */
const AILING_MAX = 3
const EXAMPLES_MAX = 5

interface FullStatus extends AppStatus {
  readonly checks: readonly Check[]
}

/** `lockstep status`: how each app stands, from the database, whether or not a node runs. */
export async function status(options: { watch?: boolean; json?: boolean }): Promise<void> {
  const opened = await openAll(await readContext(), 'lockstep-status')
  try {
    const checks = new Checks(opened)
    if (opened.owned) say('No node runs here: this is what the last one left. Start one with "lockstep up".')
    if (opened.owned && options.watch === true) say('Until Ctrl-C this command holds the embedded database.')
    if (options.watch === true) await watch(opened, checks, options.json === true)
    else show(await readAll(opened, checks), options.json === true, Date.now())
  } finally {
    await opened.close()
  }
}

async function readAll({ db, pipelines }: Opened, checks: Checks): Promise<FullStatus[]> {
  const found = await checks.read(Date.now())
  const all: FullStatus[] = []
  for (const pipeline of pipelines) {
    // Which streams there are, some sources know only from what they kept, or from their vendor.
    const signal = AbortSignal.timeout(PREPARE_MS)
    await pipeline.source.prepare({ fresh: false, signal }).catch(() => undefined)
    all.push({ ...(await readStatus(db, pipeline)), checks: found.get(pipeline.app) ?? [] })
  }
  return all
}

/** Draws again until Ctrl-C; a database that is away is said and waited for. */
async function watch(opened: Opened, checks: Checks, json: boolean): Promise<void> {
  const signal = abortOnSignal()
  while (!signal.aborted) {
    try {
      const all = await readAll(opened, checks)
      if (process.stdout.isTTY && !json) process.stdout.write('\u001b[H\u001b[2J')
      if (json) print(JSON.stringify({ apps: all }))
      else show(all, false, Date.now())
    } catch (error) {
      if (!isOutage(error)) throw error
      say('the database does not answer; asking again (Ctrl-C ends)')
    }
    await sleep(REDRAW_MS, undefined, { signal }).catch(() => {})
  }
}

class Checks {
  private readonly opened: Opened
  private readAt = -Infinity
  private found: ReadonlyMap<string, readonly Check[]> = new Map()

  constructor(opened: Opened) {
    this.opened = opened
  }

  async read(now: number): Promise<ReadonlyMap<string, readonly Check[]>> {
    if (now - this.readAt < CHECK_EVERY_MS) return this.found
    const { db, config } = this.opened
    const entries: [string, readonly Check[]][] = []
    for (const app of config.apps) entries.push([app.name, (await app.checks?.(db)) ?? []])
    this.found = new Map(entries)
    this.readAt = now
    return this.found
  }
}

function show(all: readonly FullStatus[], json: boolean, now: number): void {
  if (json) return print(JSON.stringify({ apps: all }, null, 2))
  for (const app of all) print(`${describe(app, now)}\n`)
}

function describe(app: FullStatus, now: number): string {
  const tables = table(
    ['table', 'of', 'rows', 'deleted', 'state', 'confirmed', 'verified', 'drift'],
    app.tables.map((t) => [
      t.table,
      t.name,
      t.rows,
      t.tombstones,
      t.ailing.length > 0 && t.streams > 1 ? `${t.state}, without ${t.ailing.length}` : t.state,
      ago(t.confirmed_at, now),
      t.drift === null ? 'never' : `${ago(t.drift.verified_at, now)}, ${t.drift.status}`,
      describeDrift(t.drift),
    ]),
  )
  const runs = table(
    ['last runs', 'stream', 'status', 'started', 'rows', 'created', 'updated', 'deleted'],
    app.runs.map((r) => [
      laneOf(r),
      r.stream_name ?? r.stream,
      r.status,
      ago(r.started_at, now),
      r.processed,
      r.created,
      r.updated,
      r.deleted,
    ]),
  )
  const parts = [
    `${app.app} (${app.vendor})`,
    indent(tables),
    indent(describeInbox(app)),
    indent(describeBudget(app, now)),
  ]
  if (app.webhooks.length > 0) parts.push(indent(describeWebhooks(app, now)))
  if (app.runs.length > 0) parts.push(indent(runs))
  for (const { table: name, ailing } of app.tables)
    for (const { name: stream, error } of ailing.slice(0, AILING_MAX))
      parts.push(`  ! ${name}, ${stream}: its last pass was not whole: ${error}`)
  for (const { purpose, pending, dead24h, lastError } of app.notifications.filter((path) => !path.healthy))
    parts.push(
      `  ! messages for ${purpose}: ${pending} wait, ${dead24h} given up in 24 h: ${lastError ?? ''}`,
    )
  for (const { detail, opened_at } of app.alerts) parts.push(`  ! ${ago(opened_at, now)}: ${detail}`)
  const found = app.checks.filter((check) => check.level === 'warning')
  for (const { name, count, detail, examples } of found)
    parts.push(`  ! ${name}: ${count} (${examples.slice(0, EXAMPLES_MAX).join(', ')}). ${detail}`)
  return parts.join('\n\n')
}

function describeWebhooks({ webhooks }: AppStatus, now: number): string {
  return table(
    [
      'webhooks, 24 h',
      'status',
      'events',
      'duplicates',
      'failed',
      'p50',
      'p95',
      'last event',
      'polls',
      'unannounced',
    ],
    webhooks.map((w) => [
      w.name,
      w.status,
      w.events,
      w.duplicates,
      w.failed,
      ms(w.p50_ms),
      ms(w.p95_ms),
      ago(w.last_event_at, now),
      w.polls,
      w.polls_found_changes_unannounced,
    ]),
  )
}

/** What was found and not mended by the last verification. */
function describeDrift(drift: AppStatus['tables'][number]['drift']): string {
  if (drift === null) return '–'
  const found = drift.missing + drift.extra + drift.different
  if (found === 0) return 'none'
  return `${found.toLocaleString('en-GB')} rows, ${drift.repaired.toLocaleString('en-GB')} repaired`
}

const indent = (text: string): string => text.replace(/^/gm, '  ')
const ms = (value: number | null): string => (value === null ? '–' : `${Math.round(value)} ms`)

function describeInbox({ inbox, refetches }: AppStatus): string {
  const oldest =
    inbox.oldest_pending_s === null ? '' : `, the oldest for ${inbox.oldest_pending_s.toFixed(1)} s`
  return [
    `inbox     ${inbox.pending} pending${oldest}; ${inbox.dead} dead; ${inbox.processed_24h} processed in 24 h`,
    `lag       p50 ${ms(inbox.p50_ms)}, p95 ${ms(inbox.p95_ms)} from receipt to commit, over 24 h`,
    `refetch   ${refetches} rows to read again`,
  ].join('\n')
}

function describeBudget({ usage }: AppStatus, now: number): string {
  const cap = usage.dailyCap === undefined ? 'no daily cap' : `of ${usage.dailyCap.toLocaleString('en-GB')}`
  const blocked =
    usage.blockedUntilMs === undefined
      ? ''
      : `; blocked for ${Math.max(0, Math.ceil((usage.blockedUntilMs - now) / 1000))} s: ${usage.blockedBy ?? ''}`
  return `budget    ${usage.calls.toLocaleString('en-GB')} calls today, ${cap}; ${usage.rejected} rejected${blocked}`
}
