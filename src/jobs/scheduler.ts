import { PgBoss } from 'pg-boss'
import type { Database } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import type { Log } from './log.ts'

/** Work on a schedule: it only fires; what it does takes the time as input. */
export interface ScheduledJob {
  /** Letters, digits, `-` and `.`: also the queue's name. */
  readonly name: string
  readonly cron: string
  readonly timeZone: string
  readonly run: (now: Date) => Promise<void>
}

export interface Scheduler {
  stop(): Promise<void>
}

/** Longest that one job may run; past it pg-boss takes its node to be gone. */
const EXPIRE_S = 6 * 3600
/** Cron fires on the minute, so looking for jobs more often than this is idle noise. */
const POLL_S = 15

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
  })
  boss.on('error', (error) => log.warn({ error: describeError(error) }, 'scheduler'))
  await boss.start()
  for (const job of jobs) {
    await boss.createQueue(job.name, { policy: 'exclusive', retryLimit: 0, expireInSeconds: EXPIRE_S })
    await boss.schedule(job.name, job.cron, null, { tz: job.timeZone })
    await boss.work(job.name, { pollingIntervalSeconds: POLL_S }, async () => {
      try {
        await job.run(new Date())
      } catch (error) {
        log.error({ job: job.name, error: describeError(error) }, 'a scheduled job failed')
        throw error
      }
    })
  }
  await dropOldSchedules(boss, jobs)
  return { stop: () => boss.stop({ graceful: true, timeout: 5_000, close: false }) }
}

/** Schedules of jobs that this version or this configuration no longer has. */
async function dropOldSchedules(boss: PgBoss, jobs: readonly ScheduledJob[]): Promise<void> {
  const current = new Set(jobs.map((job) => job.name))
  for (const { name } of await boss.getSchedules()) {
    if (!current.has(name)) await boss.unschedule(name)
  }
}
