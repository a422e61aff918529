import { type Finding, openStreams } from '../alerts/alerts.ts'
import { describeDuration } from '../alerts/messages.ts'
import { settleAlerts } from '../alerts/settle.ts'
import type { Database } from '../db/database.ts'
import type { Log } from '../jobs/log.ts'
import { withLease } from '../lanes/lease.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { readStandings, type Standing } from '../lanes/standing.ts'

const CONDITION = 'stale'
/** A vendor that is away for a while is no news yet. */
const STALE_MIN_MS = 10 * 60_000
const CRITICAL_MS = 3_600_000
/** More accounts than this, and more than half of them, are one matter: the vendor's, not theirs. */
const MANY = 3
const NAMES_MAX = 5

export interface StreamWatchOptions {
  readonly db: Database
  readonly log: Log
  /** Younger than this nothing is worth an alert; default 10 minutes. */
  readonly staleMinMs?: number | undefined
  /** Past this it is critical; default an hour. */
  readonly criticalMs?: number | undefined
}

/** What one account's streams are known by: where several fill a table, the beginning of their keys. */
const accountOf = ({ stream }: Standing): string => stream.keyPrefix?.replace(/\/+$/, '') ?? stream.id

/** Since when each app is watched here, on the database's clock. What is older than that nobody could have read. */
const watchedSince = new WeakMap<Pipeline, number>()

/**
 * An alert for each account whose streams are much older than they may be, one for all where most of them fail, and
 * the end of each when they are read again. What was read before stays as it is.
 */
export async function watchStreams(
  { db, log, staleMinMs = STALE_MIN_MS, criticalMs = CRITICAL_MS }: StreamWatchOptions,
  pipeline: Pipeline,
): Promise<void> {
  const { app, source } = pipeline
  if (source.streams.every(({ maxAgeMs }) => maxAgeMs === undefined)) return
  const sinceMs = watchedSince.get(pipeline) ?? (await clock(db))
  watchedSince.set(pipeline, sinceMs)
  // One node does it for all.
  await withLease(db, `streams ${app}`, async () => {
    const standings = await readStandings(db, app, source.streams, { sinceMs, staleMinMs })
    const accounts = Map.groupBy(standings, accountOf)
    const open = new Set(await openStreams(db, app, CONDITION))
    const findings = findAll(pipeline, accounts, { open, criticalMs })
    await db.transaction((tx) => settleAlerts(tx, { app, condition: CONDITION }, { found: findings }))
    for (const [stream, { detail }] of findings) if (!open.has(stream)) log.warn({ app, stream }, detail)
    for (const stream of open)
      if (!findings.has(stream)) log.info({ app, stream }, 'it is read as often as it should be again')
  })
}

/** What is to be said of which account; the empty name stands for all together. */
function findAll(
  pipeline: Pipeline,
  accounts: ReadonlyMap<string, readonly Standing[]>,
  { open, criticalMs }: { readonly open: ReadonlySet<string>; readonly criticalMs: number },
): Map<string, Finding> {
  const levelOf = (standings: readonly Standing[]): Finding['level'] =>
    standings.some(({ stale, ageMs }) => stale && ageMs > criticalMs) ? 'critical' : 'warning'
  const stale = [...accounts].filter(([, standings]) => standings.some((one) => one.stale))
  const failing = [...accounts.values()].filter((standings) => standings.some((one) => one.failing))
  const most = failing.length > MANY && failing.length * 2 > accounts.size
  // They come back one after another: what was told as one matter ends as one.
  const together = stale.length > 0 && (most || (open.has('') && stale.length > MANY))
  const alone = together ? stale.filter(([account]) => open.has(account)) : stale
  const findings = new Map<string, Finding>(
    alone.map(([account, all]) => [account, { level: levelOf(all), detail: describeOne(pipeline, all) }]),
  )
  if (together) {
    const level = levelOf(stale.flatMap(([, all]) => all))
    findings.set('', { level, detail: describeAll(pipeline, accounts.size, stale) })
  }
  return findings
}

const oldestOf = (standings: readonly Standing[]): string =>
  describeDuration(Math.max(...standings.map(({ ageMs }) => ageMs)) / 1000)

const STAYS = 'What was read before is kept as it is.'

function whyOf(pipeline: Pipeline, standings: readonly Standing[]): string {
  const error = standings.find((one) => one.error !== undefined)?.error
  if (error !== undefined) return error
  return `nothing failed, but its turn did not come: more is asked of ${pipeline.source.vendor} than its budget of calls allows, or the node is too slow`
}

function describeOne(pipeline: Pipeline, all: readonly Standing[]): string {
  const standings = all.filter((one) => one.stale)
  const names = standings.map(({ stream }) => stream.name).join(', ')
  return `${names}: not read for ${oldestOf(standings)}. ${whyOf(pipeline, standings)}. ${STAYS}`
}

function describeAll(
  pipeline: Pipeline,
  total: number,
  accounts: readonly (readonly [string, readonly Standing[]])[],
): string {
  const standings = accounts.flatMap(([, all]) => all.filter((one) => one.stale))
  const names = accounts.slice(0, NAMES_MAX).map(([, all]) => all.find((one) => one.stale)?.stream.name)
  const rest = accounts.length - names.length
  const list = `${names.join(', ')}${rest > 0 ? ` and ${rest} more` : ''}`
  const what = `${accounts.length} of ${total} accounts of ${pipeline.source.vendor} were not read for up to ${oldestOf(standings)}`
  return `${what} (${list}). ${whyOf(pipeline, standings)}. ${STAYS}`
}

async function clock(db: Database): Promise<number> {
  const { rows } = await db.query<{ ms: number }>(
    'select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms',
  )
  return rows[0]?.ms ?? 0
}
