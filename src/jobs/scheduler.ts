import { type Job, PgBoss } from 'pg-boss'
import type { Database } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Log } from './log.ts'
import { startLoop } from './loop.ts'

/** Work on a schedule: it only fires; what it does takes the time as input. */
export interface ScheduledJob {
  /** Letters, digits, `-` and `.`. */
  readonly name: string
  readonly cron: string
  readonly timeZone: string
  readonly run: (now: Date) => Promise<void>
}

export interface Scheduler {
  stop(): Promise<void>
}

/** One queue for all jobs, told apart by their key: a queue each would be asked each by itself, all day for nothing. */
const QUEUE = 'lockstep'
/** Longest that one job may run; past it pg-boss takes its node to be gone. */
const EXPIRE_S = 6 * 3600
/** Cron fires on the minute, so looking for jobs more often than this is idle noise. */
const POLL_MS = 15_000
const OUTAGE_MS_MAX = 60_000
const STOP_MS = 5_000

/**
 * Starts pg-boss on our pool. Each job fires once for all nodes, and not again while it still runs. A failure is
 * logged and recorded by the job itself; the next time comes anyway.
 */
export async function startScheduler(
  db: Database,
  jobs: readonly ScheduledJob[],
  log: Log,
): Promise<Scheduler> {
  const boss = new PgBoss({
    db: { executeSql: async (text, values) => db.pool.query(text, values) },
    schema: 'pgboss',
    superviseIntervalSeconds: 300,
    cronWorkerIntervalSeconds: 15,
    bamIntervalSeconds: 3_600,
    // Jobs that wait for others, which none of ours does, and queues, of which there is one.
    flowIntervalSeconds: 3_600,
    queueCacheIntervalSeconds: 600,
  })
  boss.on('error', (error) => log.warn({ error: describeError(error) }, 'scheduler'))
  await boss.start()
  await boss.createQueue(QUEUE, { policy: 'exclusive', retryLimit: 0, expireInSeconds: EXPIRE_S })
  for (const { name, cron, timeZone } of jobs) {
    await boss.schedule(QUEUE, cron, { job: name }, { tz: timeZone, key: name, singletonKey: name })
  }
  await dropOldSchedules(boss, jobs)
  const byName = new Map(jobs.map((job) => [job.name, job]))
  const running = new Set<Promise<void>>()
  const loop = startLoop({
    async step() {
      for (const due of await boss.fetch<{ job: string }>(QUEUE, { batchSize: jobs.length + 1 })) {
        const work = runJob(boss, byName.get(due.data.job), due, log).finally(() => running.delete(work))
        running.add(work)
      }
      return POLL_MS
    },
    onError(error, inARow) {
      log.warn({ error: describeError(error) }, 'looking for scheduled jobs waits')
      return Math.min(OUTAGE_MS_MAX, POLL_MS * inARow)
    },
  })
  return {
    async stop() {
      await loop.stop()
      const late = new Promise<void>((resolve) => setTimeout(resolve, STOP_MS).unref())
      await Promise.race([Promise.all(running), late])
      await boss.stop({ graceful: true, timeout: STOP_MS, close: false })
    },
  }
}

async function runJob(boss: PgBoss, job: ScheduledJob | undefined, due: Job, log: Log): Promise<void> {
  try {
    // Of another version or configuration, which took its schedule away before it fired.
    await job?.run(new Date())
    await boss.complete(QUEUE, due.id)
  } catch (error) {
    log.error({ job: job?.name, error: describeError(error) }, 'a scheduled job failed')
    await boss.fail(QUEUE, due.id, { error: describeError(error) }).catch((failure: unknown) => {
      // Nobody may take it again before it expires; that is told, and the next time comes anyway.
      log.warn({ job: job?.name, error: describeError(failure) }, 'a failed job could not be ended')
    })
  }
}

/** Schedules of jobs that this version or this configuration no longer has. */
async function dropOldSchedules(boss: PgBoss, jobs: readonly ScheduledJob[]): Promise<void> {
  const current = new Set(jobs.map((job) => job.name))
  for (const { name, key } of await boss.getSchedules()) {
    if (name !== QUEUE || !current.has(key)) await boss.unschedule(name, key)
  }
}
