import { processBatch } from '../../src/inbox/process.ts'
import { backfill } from '../../src/lanes/backfill.ts'
import { delta } from '../../src/lanes/delta.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { verifyApp } from '../../src/lanes/verify.ts'
import type { Step } from './kind.ts'
import type { Profile } from './profile.ts'
import type { ChaosRun } from './run.ts'

export const storm = (weight: number): Record<Profile, number> => ({ live: 0, lagging: 0, storm: weight })

const process = (run: ChaosRun): Promise<void> =>
  run.attempt(async (signal) => {
    const { db, pipeline } = run.node
    const size = 1 + run.random.int(20)
    await run.node.prepare(signal)
    const side = run.random.chance(0.25)
    if (!side) return processBatch(db, pipeline, size)
    db.parallel = true
    return allOf([processBatch(db, pipeline, size), processBatch(db, pipeline, size)])
  })

/** Waits for all; only then throws the first error. */
async function allOf(works: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(works)) if (result.status === 'rejected') throw result.reason
}

const refetch = (run: ChaosRun): Promise<void> =>
  run.attempt(async (signal) => {
    await run.node.prepare(signal)
    await refetchOnce(run.node.db, run.node.pipeline, signal)
  })

/** Some pages of a pass, which goes on the next time. */
const pages = (run: ChaosRun): Promise<void> =>
  run.attempt(async (signal) => {
    await run.node.prepare(signal)
    const { streams } = run.node.pipeline.source
    const stream = run.random.pick(streams)
    const part = run.random.pick(stream.parts)
    const stop = new AbortController()
    let left = 1 + run.random.int(4)
    await backfill(run.node.db, run.node.pipeline, stream, part, {
      signal: AbortSignal.any([signal, stop.signal]),
      onProgress: () => {
        if (--left <= 0) stop.abort()
      },
    })
  })

const deltas = (run: ChaosRun): Promise<void> =>
  run.attempt(async (signal) => {
    await run.node.prepare(signal)
    const streams = run.node.pipeline.source.streams.filter((stream) => stream.deltas !== false)
    if (streams.length > 0) await delta(run.node.db, run.node.pipeline, run.random.pick(streams), { signal })
  })

const sync = (run: ChaosRun): Promise<void> =>
  run.attempt((signal) => {
    const full = run.random.chance(0.5)
    return syncApp(run.node.db, run.node.pipeline, { signal, full, fresh: run.random.chance(0.5) })
  })

const JUMP_MS = 600_000

/** Somebody sets a clock. The vendor's own dates its changes, so while that jumps only a full pass is sure. */
async function jump(run: ChaosRun): Promise<void> {
  const by = run.random.int(2 * JUMP_MS) - JUMP_MS
  run.figures.faults++
  if (run.profile === 'storm' && run.random.chance(0.3)) run.site.jump(by)
  else if (run.random.chance(0.6)) run.time.ourOffsetMs += by
  else run.time.databaseOffsetMs += by
}

async function disable(run: ChaosRun): Promise<void> {
  run.figures.faults++
  if (run.site.hasWebhooks()) run.site.unsubscribe()
  else run.site.subscribe(run)
}

/** Made, told and read within a moment, as when everything is quick. */
const atOnce = (run: ChaosRun): Promise<void> =>
  run.attempt(async (signal) => {
    run.site.burst()
    await run.node.prepare(signal)
    await run.deliver(run.mail.waiting)
    await processBatch(run.node.db, run.node.pipeline, 50)
    await refetchOnce(run.node.db, run.node.pipeline, signal)
  })

const verify = (run: ChaosRun): Promise<void> =>
  run.attempt((signal) =>
    verifyApp(run.node.db, run.node.pipeline, {
      signal,
      repair: run.random.chance(0.6),
      tolerance: run.random.pick([0.05, 1]),
      ...AT_ONCE,
    }),
  )

async function fallIll(run: ChaosRun): Promise<void> {
  run.site.recover()
  run.site.fallIll()
  run.unwell = 2 + run.random.int(8)
}

/** The vendor's API is well again. */
export function recover(run: ChaosRun): void {
  run.site.recover()
}

/** Milliseconds of real time, of which a run has none to lose. */
export const AT_ONCE = { settleMs: 0, patienceMs: 100, mendMs: 100 }

const steps: readonly Step[] = [
  { name: 'edit', weight: 30, run: async (run) => run.site.heard() },
  { name: 'burst', weight: 10, run: async (run) => run.site.burst() },
  { name: 'unheard edit', weight: storm(12), run: async (run) => run.site.unheard() },
  { name: 'deliver', weight: 22, run: (run) => run.attempt(() => run.deliver(1 + run.random.int(8))) },
  { name: 'process', weight: 16, run: process },
  { name: 'refetch', weight: 12, run: refetch },
  { name: 'pages', weight: 5, run: pages },
  { name: 'delta', weight: 4, run: deltas },
  { name: 'sync', weight: 2, run: sync },
  { name: 'at once', weight: 4, run: atOnce },
  { name: 'verify', weight: 1, run: verify },
  { name: 'fall ill', weight: 3, run: fallIll },
  { name: 'poison', weight: 2, run: async (run) => void (run.poison = 1 + run.random.int(3)) },
  { name: 'clock jump', weight: 2, run: jump },
  { name: 'webhooks disabled or made anew', weight: storm(1), run: disable },
  { name: 'restart', weight: 1, run: (run) => run.restart() },
  { name: 'note', weight: 2, run: (run) => run.site.note(run) },
  {
    name: 'ask anew what there is to read',
    weight: 1,
    run: (run) => run.attempt((signal) => run.node.prepare(signal, true)),
  },
]

export function pickStep({ random, profile, site }: ChaosRun): Step {
  const weightOf = ({ weight }: Step): number => (typeof weight === 'number' ? weight : weight[profile])
  const all = [...steps, ...site.steps]
  let at = random.int(all.reduce((sum, step) => sum + weightOf(step), 0))
  return all.find((step) => (at -= weightOf(step)) < 0) as Step
}

/** Beside a read that is under way. */
export async function interlude(run: ChaosRun, touch: () => void): Promise<void> {
  if (run.random.chance(0.5)) touch()
  else run.site.burst()
  if (run.random.chance(0.7)) await run.deliver(6)
  if (run.random.chance(0.6)) await processBatch(run.node.db, run.node.pipeline, 20)
  if (run.random.chance(0.3)) await refetchOnce(run.node.db, run.node.pipeline, AbortSignal.timeout(10_000))
}
