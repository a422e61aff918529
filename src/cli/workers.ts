import type { Config } from '../config/config.ts'
import type { Settings } from '../config/environment.ts'
import { isOutage } from '../db/database.ts'
import { DailyCapError, describeError, VendorUnavailableError } from '../engine/errors.ts'
import { processBacklog, type Processed } from '../inbox/process.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Log } from '../jobs/log.ts'
import { type Loop, startLoop } from '../jobs/loop.ts'
import { takePulse } from '../jobs/pulse.ts'
import { type Scheduler, startScheduler } from '../jobs/scheduler.ts'
import { startListening } from '../jobs/wake-up.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { refetchOnce } from '../lanes/refetch.ts'
import { nextRefetchInMs, type Share } from '../lanes/refetch-queue.ts'
import { catchUp, type Progress, syncApp, type SyncResult } from '../lanes/sync.ts'
import { startAging } from './aging-loop.ts'
import { messagesLoop } from './messages.ts'
import { scheduledJobs } from './schedules.ts'
import { watchStreams } from './stream-watch.ts'
import { watchWebhooks, type WatchOptions } from './webhook-watch.ts'

export interface WorkersOptions extends WatchOptions {
  readonly config: Config
  readonly settings: Pick<Settings, 'slack'>
  readonly pipelines: readonly Pipeline[]
  readonly metrics: Metrics
  readonly onProgress?: ((app: string, progress: Progress) => void) | undefined
  readonly onSynced?: ((app: string, result: SyncResult) => void) | undefined
}

export interface Workers {
  /** New events were committed for these apps. */
  wake(apps: ReadonlySet<string>): void
  stop(): Promise<void>
}

const EVENTS_PER_BATCH = 4_000
/** A queue that was found empty is looked at again when this process, another node, or the pulse says so. */
const IDLE_MS = 60_000
/** How often it is asked what is due: retries, and what was left by others. */
const PULSE_MS = 5_000
/** The same where other nodes cannot make themselves heard. */
const PULSE_DEAF_MS = 1_000
/** Between two looks at whether streams are as old as they may not be. */
const STREAMS_MS = 30_000
const CATCH_UP_MS = 60_000
const CATCH_UP_MS_MAX = 3_600_000

/** Starts what a worker node does: events, refetches, passes that are due, schedules. */
export async function startWorkers(options: WorkersOptions): Promise<Workers> {
  const loops: Loop[] = []
  const byApp = new Map<string, Queues>()
  for (const pipeline of options.pipelines) {
    const readers = (['rows', 'parts'] as const).map((share) =>
      startLoop(refetchLoop(options, pipeline, share)),
    )
    const refetch = { wake: () => readers.forEach((reader) => reader.wake()) }
    const inbox = startLoop(inboxLoop(options, pipeline, () => refetch.wake()))
    const passes = startLoop(catchUpLoop(options, pipeline, () => refetch.wake()))
    const aging = startAging(
      agingOptions(options, pipeline, () => refetch.wake()),
      pipeline,
    )
    const watch = startLoop(watchLoop(options, pipeline, () => inbox.wake()))
    const streams = startLoop(streamsLoop(options, pipeline))
    loops.push(inbox, ...readers, passes, aging, watch, streams)
    byApp.set(pipeline.app, { events: inbox, refetches: refetch })
  }
  const messages = startLoop(messagesLoop(options))
  const ending = new AbortController()
  const jobs = scheduledJobs(options, ending.signal)
  const scheduler: Scheduler = await startScheduler(options.db, jobs, options.log)
  const wake = (apps: ReadonlySet<string>): void => {
    for (const app of apps) byApp.get(app)?.events.wake()
  }
  let hearing = false
  const pulse = startLoop(pulseLoop(options, byApp, messages, () => (hearing ? PULSE_MS : PULSE_DEAF_MS)))
  const listening = startListening(
    options.db,
    {
      onWake: wake,
      onHearing: (heard) => {
        hearing = heard
        pulse.wake()
      },
    },
    options.log,
  )
  loops.push(messages, pulse, listening)
  return {
    wake,
    async stop() {
      // Passes on a schedule stop after their page, and go on from there.
      ending.abort(new Error('the node stops'))
      await Promise.all([scheduler.stop(), ...loops.map((loop) => loop.stop())])
    },
  }
}

/** What of an app is to be woken where something is due. */
interface Queues {
  readonly events: Pick<Loop, 'wake'>
  readonly refetches: Pick<Loop, 'wake'>
}

function pulseLoop(
  { db, log }: WorkersOptions,
  queues: ReadonlyMap<string, Queues>,
  messages: Loop,
  everyMs: () => number,
) {
  return {
    async step() {
      const found = await takePulse(db, [...queues.keys()])
      for (const { app, events, refetches } of found.apps) {
        if (events) queues.get(app)?.events.wake()
        if (refetches) queues.get(app)?.refetches.wake()
      }
      if (found.messages) messages.wake()
      return everyMs()
    },
    onError: (error: unknown, inARow: number) =>
      outageDelay(log, '', 'looking for what is due', error, inARow),
  }
}

const preparing = new WeakMap<Pipeline, Promise<unknown>>()

/**
 * Events are parsed and rows are read only with the boards known: where the vendor could not be asked at the start,
 * this asks again, and deliveries wait meanwhile.
 */
function prepared(pipeline: Pipeline, signal: AbortSignal): Promise<unknown> {
  const known = preparing.get(pipeline)
  if (known !== undefined) return known
  const asked = pipeline.source.prepare({ fresh: false, signal })
  preparing.set(pipeline, asked)
  asked.catch(() => preparing.delete(pipeline))
  return asked
}

function inboxLoop({ db, metrics, log }: WorkersOptions, pipeline: Pipeline, onRefetch: () => void) {
  const { app } = pipeline
  return {
    async step(signal: AbortSignal) {
      await prepared(pipeline, signal)
      let all = 0
      const onBatch = ({ settled, failed, refetches }: Processed, ms: number): void => {
        if (settled + failed === 0) return
        all += settled + failed
        metrics.batch.observe({ app }, ms / 1000)
        metrics.events.inc({ app, result: 'settled' }, settled)
        metrics.events.inc({ app, result: 'failed' }, failed)
        if (failed > 0) log.warn({ app, failed }, 'events failed; see "lockstep events list"')
        if (refetches > 0) onRefetch()
      }
      await processBacklog(db, pipeline, { limit: EVENTS_PER_BATCH, signal, onBatch })
      return all === 0 ? IDLE_MS : 0
    },
    onError: (error: unknown, inARow: number) => outageDelay(log, app, 'processing events', error, inARow),
  }
}

function refetchLoop({ db, log }: WorkersOptions, pipeline: Pipeline, share: Share) {
  const { app } = pipeline
  return {
    async step(signal: AbortSignal) {
      await prepared(pipeline, signal)
      if ((await refetchOnce(db, pipeline, signal, share)) > 0) return 0
      const due = await nextRefetchInMs(db, app, share)
      return due === undefined ? IDLE_MS : Math.min(IDLE_MS, Math.max(50, due))
    },
    onError: (error: unknown, inARow: number) => outageDelay(log, app, 'reading rows again', error, inARow),
  }
}

function watchLoop(options: WorkersOptions, pipeline: Pipeline, onFilled: () => void) {
  const { app } = pipeline
  return {
    async step(signal: AbortSignal) {
      await prepared(pipeline, signal)
      return watchWebhooks(options, pipeline, { signal, onFilled })
    },
    onError: (error: unknown, inARow: number) =>
      outageDelay(options.log, app, 'watching the webhooks', error, inARow),
  }
}

function agingOptions({ db, log }: WorkersOptions, pipeline: Pipeline, onRefetch: () => void) {
  return {
    db,
    log,
    prepared: (signal: AbortSignal) => prepared(pipeline, signal),
    onRefetch,
    onError: (error: unknown, inARow: number) =>
      outageDelay(log, pipeline.app, 'reading streams again', error, inARow),
  }
}

function streamsLoop(options: WorkersOptions, pipeline: Pipeline) {
  return {
    async step(signal: AbortSignal) {
      await prepared(pipeline, signal)
      await watchStreams(options, pipeline)
      return STREAMS_MS
    },
    onError: (error: unknown, inARow: number) =>
      outageDelay(options.log, pipeline.app, 'watching the streams', error, inARow),
  }
}

/** Carries on passes that were interrupted and makes those that never came to an end. */
function catchUpLoop(
  { db, log, onProgress, onSynced }: WorkersOptions,
  pipeline: Pipeline,
  onRefetch: () => void,
) {
  const { app } = pipeline
  let startedUp = false
  let inVain = 0
  return {
    async step(signal: AbortSignal) {
      // Another node may have read the boards anew.
      await pipeline.source.prepare({ fresh: false, signal })
      const progress = (p: Progress): void => onProgress?.(app, p)
      const result = await catchUp(db, pipeline, { signal, onProgress: progress })
      if (signal.aborted) return 0
      if (result === undefined) {
        // Webhooks of the time that we were away may be lost: what changed is asked for at once, not in a while.
        if (!startedUp) await syncApp(db, pipeline, { signal, full: false })
        startedUp = true
        return CATCH_UP_MS
      }
      for (const problem of result.problems) log.warn({ app }, problem)
      for (const failure of result.failures) log.error({ app, ...failure }, 'a pass failed')
      onSynced?.(app, result)
      onRefetch()
      const whole = result.runs.every((run) => run.status === 'completed')
      inVain = whole && result.failures.length + result.busy.length === 0 ? 0 : inVain + 1
      // What keeps a pass from being whole seldom goes away within the minute, and each pass costs calls.
      return inVain === 0 ? 0 : Math.min(CATCH_UP_MS_MAX, CATCH_UP_MS * 2 ** (inVain - 1))
    },
    onError: (error: unknown, inARow: number) => outageDelay(log, app, 'reading everything', error, inARow),
  }
}

/** Longer the longer it lasts, at most a minute; as long as the vendor says where it says so. */
function outageDelay(log: Log, app: string, doing: string, error: unknown, inARow: number): number {
  const delay =
    error instanceof DailyCapError
      ? Math.min(3_600_000, Math.max(1_000, error.untilMs - Date.now()))
      : error instanceof VendorUnavailableError && error.retryAfterMs !== undefined
        ? error.retryAfterMs
        : Math.min(60_000, 250 * 2 ** Math.min(inARow, 8))
  const passing = isOutage(error) || error instanceof VendorUnavailableError || error instanceof DailyCapError
  const fields = { app, error: describeError(error), retryInMs: delay }
  if (passing) log.warn(fields, `${doing} waits`)
  else log.error(fields, `${doing} failed`)
  return delay
}
