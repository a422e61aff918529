import { checkEventLog, proveDelivery, scopesDue } from '../inbox/event-log.ts'
import { closeAlert, openAlert } from '../alerts/alerts.ts'
import type { Database } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Log } from '../jobs/log.ts'
import { delta } from '../lanes/delta.ts'
import { withLease } from '../lanes/lease.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import {
  type IllStream,
  illStreams,
  type Judgement,
  judgeWebhooks,
  noteRegistered,
  streamsToJudge,
} from '../lanes/webhook-health.ts'

export interface WatchTimes {
  /** An event may come this long after a poll has found its change: vendors try again each minute. */
  readonly graceMs: number
  /** Rest between two looks; longer while all is well and only polls can tell. */
  readonly lookMs: number
  /** Streams whose webhooks are ill are polled this often; five times as seldom after the first hour. */
  readonly pollMs: number
  /** And their webhooks registered again this often. */
  readonly registerMs: number
  /** How often a vendor's own record of its events is read; that of an ill scope each `pollMs`. */
  readonly logMs: number
  /** How often a vendor is asked to deliver an old event again, where an ill scope has nothing new to tell. */
  readonly proofMs: number
}

const TIMES: WatchTimes = {
  graceMs: 90_000,
  lookMs: 15_000,
  pollMs: 60_000,
  registerMs: 600_000,
  logMs: 300_000,
  proofMs: 300_000,
}
/** Records that are read side by side. */
const LOGS_AT_ONCE = 4
const AT_LEISURE = 4
const HASTE_S = 3_600
const SLOWER = 5

export interface WatchOptions {
  readonly db: Database
  readonly log: Log
  /** Where the vendor reaches us, with the path's secret; undefined where that is not known. */
  readonly webhookUrl?: ((pipeline: Pipeline) => string | undefined) | undefined
  readonly watchTimes?: Partial<WatchTimes> | undefined
  /** Milliseconds since 1970; the machine's clock unless a simulation brings its own. */
  readonly now?: (() => number) | undefined
}

/**
 * Judges each stream's webhooks after its polls. Where they fail to tell of changes: an alert, once; polls every
 * minute; and the webhooks registered anew. All ends by itself when changes are announced again. Returns the
 * milliseconds until the next look.
 */
export async function watchWebhooks(
  options: WatchOptions,
  pipeline: Pipeline,
  { signal, onFilled }: { readonly signal: AbortSignal; readonly onFilled?: () => void },
): Promise<number> {
  const times = { ...TIMES, ...options.watchTimes }
  // One node does it for all.
  const found = await withLease(options.db, `webhooks ${pipeline.app}`, async () => {
    if (pipeline.source.eventLog === undefined) await judgeByPolls(options, pipeline, times)
    else await judgeByLog(options, pipeline, { times, signal, onFilled })
    const ill = await illStreams(options.db, pipeline.app)
    if (ill.length > 0) await treat(options, pipeline, { ill, times, signal })
    return ill.length
  })
  const well = found === 0 && pipeline.source.eventLog === undefined
  return times.lookMs * (well ? AT_LEISURE : 1)
}

async function judgeByPolls(options: WatchOptions, pipeline: Pipeline, times: WatchTimes): Promise<void> {
  const due = await streamsToJudge(options.db, pipeline.app, times.graceMs)
  for (const { id } of pipeline.source.streams) {
    if (!due.has(id)) continue
    const judged = await judgeWebhooks(options.db, pipeline.app, id, times.graceMs)
    if (judged !== undefined) await tell(options, pipeline, id, judged)
  }
}

interface LogWatch extends Pick<Treatment, 'times' | 'signal'> {
  readonly onFilled: (() => void) | undefined
}

/** Scopes whose record could not be read the last time: they come last, and hold nobody. */
const unreadable = new WeakMap<Pipeline, Set<string>>()

/** Where the vendor keeps what it told, that is compared with what arrived, and what did not is taken from there. */
async function judgeByLog(options: WatchOptions, pipeline: Pipeline, watch: LogWatch): Promise<void> {
  const { db, log } = options
  const { signal } = watch
  const failed = unreadable.get(pipeline) ?? new Set()
  unreadable.set(pipeline, failed)
  const due = await scopesDue(db, pipeline, watch.times)
  const next = due.toSorted((a, b) => Number(failed.has(a)) - Number(failed.has(b))).values()
  const work = async (): Promise<void> => {
    for (const scope of next) {
      if (signal.aborted) return
      try {
        await checkScope(options, pipeline, scope, watch)
        failed.delete(scope)
      } catch (error) {
        if (signal.aborted) return
        failed.add(scope)
        log.warn({ app: pipeline.app, scope, error: describeError(error) }, 'the event log could not be read')
      }
    }
  }
  await Promise.all(Array.from({ length: LOGS_AT_ONCE }, work))
}

async function checkScope(
  options: WatchOptions,
  pipeline: Pipeline,
  scope: string,
  { times, signal, onFilled }: LogWatch,
): Promise<void> {
  const { db, log, now = Date.now } = options
  const check = await checkEventLog(db, pipeline, scope, { signal, nowMs: now(), graceMs: times.graceMs })
  if (check === undefined) return
  const { filled, askedFor, judgement } = check
  if (filled > 0) onFilled?.()
  if (askedFor > 0)
    log.warn({ app: pipeline.app, scope, askedFor }, 'events without a body were asked for again')
  if (judgement === undefined) return
  await tell(options, pipeline, scope, judgement)
  const silent = judgement.announced + judgement.unannounced === 0
  if (judgement.after.healthy || !silent) return
  if (await proveDelivery(db, pipeline, scope, { everyMs: times.proofMs, signal }))
    log.info({ app: pipeline.app, scope }, 'an old event was asked for again, to see whether deliveries come')
}

async function tell(
  { db, log }: WatchOptions,
  { app, source }: Pipeline,
  stream: string,
  { after, announced, unannounced, examples }: Judgement,
): Promise<void> {
  const key = { app, stream, condition: 'webhooks' }
  const name = nameOf(source, stream)
  if (after.healthy) {
    // Also where it was well before: the node that found it well may have died before it said so.
    if (await closeAlert(db, key)) log.info({ app, stream }, `webhooks of ${name} tell of changes again`)
    return
  }
  if (unannounced === 0) return
  const found =
    source.eventLog === undefined
      ? `the last poll found ${unannounced} changed rows of ${name} that no webhook told of, and ${announced} that one did`
      : `${unannounced} events of ${name} did not arrive, and ${announced} did; they were taken from ${source.vendor}'s own record`
  const detail = `${found} (${examples.join(', ')}). It is polled more often now. Check that ${source.vendor} reaches this installation ("lockstep doctor"), and make webhooks anew with "lockstep webhooks register ${app}"`
  if (await openAlert(db, key, { level: 'critical', detail })) log.warn({ app, stream }, detail)
}

const nameOf = ({ streams, eventLog }: Pipeline['source'], id: string): string =>
  eventLog?.scopes().find((scope) => scope.id === id)?.name ?? streams.find((s) => s.id === id)?.name ?? id

interface Treatment {
  readonly ill: readonly IllStream[]
  readonly times: WatchTimes
  readonly signal: AbortSignal
}

async function treat(options: WatchOptions, pipeline: Pipeline, treatment: Treatment): Promise<void> {
  const { ill, times, signal } = treatment
  const unregistered = ill.filter((s) => (s.registered_s ?? Infinity) * 1000 >= times.registerMs)
  if (unregistered.length > 0) await registerAgain(options, pipeline, { ...treatment, ill: unregistered })
  for (const { stream: id, ill_s, polled_s } of ill) {
    const every = times.pollMs * (ill_s > HASTE_S ? SLOWER : 1)
    const stream = pipeline.source.streams.find((s) => s.id === id)
    if (stream === undefined || (polled_s ?? Infinity) * 1000 < every) continue
    await delta(options.db, pipeline, stream, { signal })
  }
}

/** Webhooks that were removed at the vendor, or switched off with their user, are made again; others are kept. */
async function registerAgain(
  { db, log, webhookUrl }: WatchOptions,
  pipeline: Pipeline,
  { ill, signal }: Treatment,
): Promise<void> {
  const { app, source } = pipeline
  const url = webhookUrl?.(pipeline)
  if (url === undefined) return
  await noteRegistered(
    db,
    app,
    ill.map(({ stream }) => stream),
  )
  try {
    const changes = await source.webhooks.register(url, signal)
    const count = (action: string): number => changes.filter((change) => change.action === action).length
    const fields = { app, created: count('created'), kept: count('kept'), failed: count('failed') }
    log.warn(fields, 'webhooks were registered again')
  } catch (error) {
    log.warn({ app, error: describeError(error) }, 'webhooks could not be registered again')
  }
}
