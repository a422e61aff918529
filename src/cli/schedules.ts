import { setTimeout as sleep } from 'node:timers/promises'
import { purgeNotifications } from '../alerts/outbox.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../db/database.ts'
import { purgeVendorCalls } from '../db/source-store.ts'
import { purgeEvents } from '../inbox/ledger.ts'
import type { Log } from '../jobs/log.ts'
import type { ScheduledJob } from '../jobs/scheduler.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { closeLostRuns, dropQuietRuns } from '../lanes/runs.ts'
import { syncApp } from '../lanes/sync.ts'
import { verifySlice } from '../lanes/verify.ts'

export interface ScheduleOptions {
  readonly db: Database
  readonly config: Config
  readonly pipelines: readonly Pipeline[]
  readonly log: Log
}

const PURGE_CHUNKS = 500
/** How each vendor answered is of use for today's figures, wherever today is. */
const CALLS_KEPT_DAYS = 3

/** What happens by the clock: deltas, sweeps, verifications, each app's own jobs, retention. */
export function scheduledJobs(
  { db, config, pipelines, log }: ScheduleOptions,
  signal: AbortSignal,
): ScheduledJob[] {
  const sync = (pipeline: Pipeline, full: boolean) => async (): Promise<void> => {
    const result = await syncApp(db, pipeline, { signal, full, fresh: full, spareAged: true })
    for (const problem of result.problems) log.warn({ app: pipeline.app }, problem)
    for (const failure of result.failures)
      log.error({ app: pipeline.app, ...failure }, 'a scheduled pass failed')
  }
  const own = pipelines.flatMap((pipeline): ScheduledJob[] => [
    {
      name: `${pipeline.app}.delta`,
      cron: config.deltaCron ?? '*/15 * * * *',
      timeZone: 'UTC',
      run: sync(pipeline, false),
    },
    {
      name: `${pipeline.app}.sweep`,
      cron: config.sweepCron ?? '20 2 * * *',
      timeZone: 'UTC',
      run: sync(pipeline, true),
    },
    {
      name: `${pipeline.app}.verify`,
      cron: config.verifyCron ?? '5-59/10 * * * *',
      timeZone: 'UTC',
      run: (now) => verifyNext({ db, config, log }, pipeline, { now, signal }),
    },
  ])
  const apps = config.apps.flatMap(({ name, jobs = [] }) => {
    const pipeline = pipelines.find(({ app }) => app === name)
    if (pipeline === undefined) return []
    return jobs.map((job): ScheduledJob => ({
      name: `${name}.${job.name}`,
      cron: job.cron,
      timeZone: job.timeZone ?? 'UTC',
      run: (now) => job.run(db, now, { pipeline, signal }),
    }))
  })
  return [
    ...own,
    ...apps,
    { name: 'engine.retention', cron: '40 3 * * *', timeZone: 'UTC', run: () => retain(db, config, log) },
  ]
}

/** Verifies the next slice, and says what it found. */
async function verifyNext(
  { db, config, log }: Omit<ScheduleOptions, 'pipelines'>,
  pipeline: Pipeline,
  { now, signal }: { now: Date; signal: AbortSignal },
): Promise<void> {
  const { app } = pipeline
  const found = await verifySlice(db, pipeline, { signal, now, tolerance: config.driftTolerance?.[app] })
  if (found === undefined) return
  const { table, rows, missing, extra, different, repaired, reconciled, run } = found
  const fields = { app, table, rows, missing, extra, different, repaired, reconciled, error: run.error }
  if (run.status === 'failed') log.error(fields, 'a verification failed')
  else if (missing + extra + different > 0) log.warn(fields, 'a verification found drift')
  else log.info(fields, 'verified')
}

/** Lets go of what is older than it is kept, a little at a time so that nothing waits behind it. */
async function retain(db: Database, config: Config, log: Log): Promise<void> {
  const events = await purgeEvents(db, config.keepEventsDays ?? 30, PURGE_CHUNKS)
  const keepRuns = config.keepRunsDays ?? 730
  let runs = 0
  for (let chunk = 0; chunk < PURGE_CHUNKS; chunk++) {
    const { rowCount } = await db.query(
      `delete from lockstep.runs where id in (
         select id from lockstep.runs
         where started_at < clock_timestamp() - make_interval(days => $1) and status <> 'running' limit 1000)`,
      [keepRuns],
    )
    runs += rowCount ?? 0
    if ((rowCount ?? 0) < 1000) break
    await sleep(50)
  }
  const quiet = await dropQuietRuns(db, PURGE_CHUNKS)
  const messages = await purgeNotifications(db, config.keepNotificationsDays ?? 90, PURGE_CHUNKS)
  await purgeVendorCalls(db, CALLS_KEPT_DAYS)
  const lost = await closeLostRuns(db)
  log.info({ events, runs: runs + quiet, messages, lost }, 'retention')
}
