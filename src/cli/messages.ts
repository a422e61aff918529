import { deliverDue } from '../alerts/deliver.ts'
import { watchAlertPath } from '../alerts/path-health.ts'
import type { Config } from '../config/config.ts'
import type { Settings } from '../config/environment.ts'
import type { Database } from '../db/database.ts'
import { isOutage } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Log } from '../jobs/log.ts'
import type { LoopOptions } from '../jobs/loop.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { createSlack } from '../sinks/slack/slack.ts'

export interface MessagesOptions {
  readonly db: Database
  readonly config: Config
  readonly settings: Pick<Settings, 'slack'>
  readonly pipelines: readonly Pipeline[]
  readonly metrics: Pick<Metrics, 'notifications'>
  readonly log: Log
}

/** What is due sooner wakes the loop. */
const REST_MS = 60_000
const WATCH_MS = 60_000
const OUTAGE_MS_MAX = 60_000

/** Sends what waits to be told to people, and watches that it comes through. */
export function messagesLoop(options: MessagesOptions): LoopOptions {
  const { db, config, settings, pipelines, metrics, log } = options
  const ofApps = config.apps.map((app) => app.slack?.() ?? {})
  const notifiers = createSlack().notifiers(Object.assign({}, ...ofApps, settings.slack, config.slack))
  let watchedAt = -Infinity
  return {
    async step(signal: AbortSignal) {
      const { outcomes, nextInMs } = await deliverDue(db, notifiers, { signal })
      for (const { app, purpose, result, error } of outcomes) {
        // A node that stops has tried nothing.
        if (result !== 'released') metrics.notifications.inc({ app, purpose, result })
        if (result !== 'sent') log.warn({ app, purpose, result, error }, 'a message was not sent')
      }
      if (performance.now() - watchedAt > WATCH_MS) {
        for (const { app } of pipelines) await watchAlertPath(db, app, notifiers)
        watchedAt = performance.now()
      }
      return Math.min(REST_MS, Math.max(20, nextInMs ?? REST_MS))
    },
    onError(error: unknown, inARow: number) {
      const delay = Math.min(OUTAGE_MS_MAX, 250 * 2 ** Math.min(inARow, 8))
      const fields = { error: describeError(error), retryInMs: delay }
      if (isOutage(error)) log.warn(fields, 'sending messages waits')
      else log.error(fields, 'sending messages failed')
      return delay
    },
  }
}
