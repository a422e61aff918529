import { expect, it } from 'vitest'
import type { Alert } from '../../src/alerts/alerts.ts'
import type { Database } from '../../src/db/database.ts'
import type { WatchTimes } from '../../src/cli/webhook-watch.ts'
import { delta } from '../../src/lanes/delta.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { type StreamWebhooks, webhookHealth } from '../../src/lanes/webhook-health.ts'
import { everyColumnWorld, type MondaySim } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { CLIENTS, FIRST_TASK, rowOf, TASKS, withTasksApp } from '../monday/tasks-app.ts'
import { withDatabase } from '../support/database.ts'
import { freePort } from '../support/node-process.ts'
import { type RunningNode, until, untilIdle, untilWhole, withNode } from '../support/node.ts'

interface Watched {
  readonly sim: MondaySim
  readonly db: Database
  readonly node: RunningNode
  /** Changes a text of these tasks, 0 being the first. */
  readonly edit: (text: string, ...tasks: number[]) => void
  /** The scheduled poll of the board of tasks. */
  readonly poll: () => Promise<void>
  readonly health: (board?: string) => Promise<StreamWebhooks | undefined>
  readonly alerts: () => Promise<Alert[]>
  /** Waits until every poll so far was judged. */
  readonly judged: () => Promise<void>
}

/** A node that knows its public address, with its looks and polls in a hurry. */
async function withWatched(
  test: (watched: Watched) => Promise<void>,
  times: Partial<WatchTimes> = {},
): Promise<void> {
  const port = await freePort()
  const settings = { port, publicUrl: `http://127.0.0.1:${port}` }
  const watchTimes = { graceMs: 0, lookMs: 50, pollMs: 200, registerMs: 500, ...times }
  await withSim({ world: everyColumnWorld(1, { tasks: 24 }) }, (sim) =>
    withDatabase((db) =>
      withTasksApp(db, sim, (app) =>
        withNode(
          db,
          app,
          async (node) => {
            await untilWhole(db, node.pipeline)
            await untilIdle(db, node.pipeline.app)
            await test({ sim, db, node, ...hands(sim, db, node.pipeline) })
          },
          { settings, watchTimes },
        ),
      ),
    ),
  )
}

function hands(sim: MondaySim, db: Database, pipeline: Pipeline): Omit<Watched, 'sim' | 'db' | 'node'> {
  const { app, source } = pipeline
  const stream = source.streams.find(({ id }) => id === TASKS)
  if (stream === undefined) throw new Error('no stream of tasks')
  const unjudged = `select 1 from lockstep.runs as r where lane = 'delta' and stream = $1 and status <> 'running'
    and finished_at > coalesce((select judged_until from lockstep.webhook_watch where stream = $1), '-infinity')`
  return {
    edit: (text, ...tasks) => {
      for (const task of tasks) sim.edit.setColumn(TASKS, FIRST_TASK + task, 'text', `${text} ${task}`)
    },
    poll: async () => {
      await until(
        'a poll',
        () => delta(db, pipeline, stream, { signal: AbortSignal.timeout(10_000) }),
        (run) => run !== undefined,
      )
    },
    health: async (board = TASKS) => (await webhookHealth(db, app)).find((w) => w.stream === board),
    alerts: async () => (await db.query<Alert>('select * from lockstep.alerts order by id')).rows,
    judged: async () => {
      await until(
        'judged polls',
        async () => (await db.query(unjudged, [TASKS])).rowCount,
        (n) => n === 0,
      )
    },
  }
}

const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

it('webhooks that tell of all changes are healthy, however many polls find nothing new', async () => {
  await withWatched(async ({ sim, node, db, edit, poll, judged, health, alerts }) => {
    for (const round of [1, 2, 3]) {
      edit(`round ${round}`, ...range(12))
      await sim.deliveries.idle()
      await untilIdle(db, node.pipeline.app)
      await poll()
      await judged()
    }
    expect(await health()).toMatchObject({
      status: 'healthy',
      events: 36,
      duplicates: 0,
      failed: 0,
      polls_found_changes_unannounced: 0,
      p50_ms: expect.any(Number),
      last_event_at: expect.any(String),
    })
    expect(await alerts()).toEqual([])
  })
})

it('an event that comes after the poll that found its change has told of it', async () => {
  await withWatched(
    async ({ sim, edit, poll, judged, health, alerts }) => {
      sim.faults.webhook.delayMs = 700
      edit('late', ...range(12))
      await poll()
      await sim.deliveries.idle()
      await judged()
      expect(await health()).toMatchObject({ polls_found_changes_unannounced: 0 })
      expect(await alerts()).toEqual([])
    },
    { graceMs: 1_500 },
  )
})

it('edits of every kind, polled in their midst, make nothing ill', async () => {
  await withWatched(
    async ({ sim, db, node, poll, judged, alerts }) => {
      const { app, source } = node.pipeline
      const signal = AbortSignal.timeout(30_000)
      const traffic = sim.traffic(60)
      for (let round = 0; round < 6; round++) {
        for (const stream of source.streams) await delta(db, node.pipeline, stream, { signal })
      }
      traffic.stop()
      await sim.deliveries.idle()
      await poll()
      await judged()
      expect(await alerts()).toEqual([])
      const seen = await webhookHealth(db, app)
      expect(seen.map(({ status }) => status)).not.toContain('unhealthy')
    },
    { graceMs: 1_000 },
  )
})

it('a quiet board is not ill, and neither is a lost event or two', async () => {
  await withWatched(async ({ sim, poll, judged, edit, health, alerts }) => {
    for (let i = 0; i < 5; i++) {
      await poll()
      await judged()
    }
    expect(await health()).toMatchObject({ status: 'silent', unhealthy_since: null })
    sim.faults.webhook.dropRate = 1
    edit('lost', 1, 2)
    sim.faults.webhook.dropRate = 0
    await poll()
    await judged()
    expect(await health()).toMatchObject({ polls_found_changes_unannounced: 1, unhealthy_since: null })
    expect(await alerts()).toEqual([])
  })
})

it('webhooks removed silently: one alert, faster polls, made again at the vendor, and well again by itself', async () => {
  await withWatched(async ({ sim, db, node, edit, poll, health, alerts }) => {
    const registered = sim.world.webhooks.size
    sim.faults.webhook.disabled = true
    edit('lost', ...range(12))
    expect(sim.world.webhooks.size).toBe(0)
    sim.faults.webhook.disabled = false
    await poll()
    await until('an alert', alerts, (list) => list.length > 0)
    expect(await alerts()).toMatchObject([
      {
        stream: TASKS,
        condition: 'webhooks',
        level: 'critical',
        closed_at: null,
        detail: expect.stringContaining('12 changed rows of Tasks'),
      },
    ])
    expect(await health()).toMatchObject({
      status: 'unhealthy',
      last_alert: expect.stringContaining('Tasks'),
    })
    expect(await health(CLIENTS)).toMatchObject({ status: 'silent' })
    const metrics = await (await fetch(`${node.server.url}/metrics`)).text()
    expect(metrics).toContain(`lockstep_webhook_healthy{app="monday",stream="${TASKS}"} 0`)
    expect(metrics).toContain(`lockstep_webhook_healthy{app="monday",stream="${CLIENTS}"} 1`)

    // Polls go on by themselves, and find what no webhook tells.
    await until(
      'webhooks at the vendor',
      async () => sim.world.webhooks.size,
      (n) => n === registered,
    )
    sim.faults.webhook.dropRate = 1
    edit('found by a poll', 3)
    await until(
      'the change',
      () => rowOf(db, 'tasks', FIRST_TASK + 3),
      (row) => row?.['c_text'] === 'found by a poll 3',
    )
    sim.faults.webhook.dropRate = 0

    edit('told', ...range(4))
    await until('health', health, (seen) => seen?.unhealthy_since === null)
    // It is judged in one transaction and told in the next.
    const all = await until('a closed alert', alerts, (list) => list[0]?.closed_at !== null)
    expect(all).toHaveLength(1)
    // And the haste is over.
    const polls = async (): Promise<number> => (await health())?.polls ?? 0
    const before = await polls()
    await new Promise((done) => setTimeout(done, 600))
    expect((await polls()) - before).toBeLessThanOrEqual(1)
  })
})

it('three lost in each of two polls is enough, and it stays ill while nothing is announced', async () => {
  await withWatched(async ({ sim, edit, poll, judged, health, alerts }) => {
    sim.faults.webhook.dropRate = 1
    for (const round of [1, 2]) {
      expect(await alerts()).toEqual([])
      edit(`lost ${round}`, 1, 2, 3)
      await poll()
      await judged()
    }
    await until('an alert', alerts, (list) => list.length === 1)
    const { polls = 0 } = (await health()) ?? {}
    await until('quiet polls', health, (seen) => (seen?.polls ?? 0) >= polls + 3)
    expect(await alerts()).toMatchObject([{ closed_at: null }])
    expect(await health()).toMatchObject({ status: 'unhealthy' })
  })
})

it('where the app has no webhooks at all, nothing is judged', async () => {
  await withWatched(async ({ db, node, edit, poll, judged, alerts }) => {
    await node.pipeline.source.webhooks.remove(AbortSignal.timeout(10_000))
    await db.query('truncate lockstep.inbox_events, lockstep.inbox_queue, lockstep.inbox_outcomes')
    edit('polled', ...range(12))
    await poll()
    await judged()
    expect(await alerts()).toEqual([])
  })
})
