import { processBatch } from '../../src/inbox/process.ts'
import { backfill } from '../../src/lanes/backfill.ts'
import { delta } from '../../src/lanes/delta.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import { verifyApp } from '../../src/lanes/verify.ts'
import type { Faults } from '../monday/index.ts'
import type { ChaosRun, Profile } from './run.ts'
import { activeItems } from './values.ts'
import { CLIENTS, mappings, SUBTASKS, TASKS } from './world.ts'

interface Step {
  readonly name: string
  /** How often, against the others; by profile where they differ. */
  readonly weight: number | Readonly<Record<Profile, number>>
  readonly run: (run: ChaosRun) => Promise<void>
}

const storm = (weight: number): Record<Profile, number> => ({ live: 0, lagging: 0, storm: weight })

export const deliver = (run: ChaosRun, count: number): Promise<void> =>
  run.mail.deliver(count, (body) => run.node.post(body))

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
    const stream = run.random.pick(run.node.pipeline.source.streams)
    await delta(run.node.db, run.node.pipeline, stream, { signal })
  })

const sync = (run: ChaosRun): Promise<void> =>
  run.attempt((signal) => {
    const full = run.random.chance(0.5)
    return syncApp(run.node.db, run.node.pipeline, { signal, full, fresh: run.random.chance(0.5) })
  })

const KNOBS: readonly (readonly [keyof Faults, number])[] = [
  ['http429', 0.4], ['http500', 0.5], ['http500', 1], ['html502', 0.5], ['html502', 1], ['halfBody', 0.4],
  ['partialData', 0.6], ['partialData', 1], ['complexity', 0.4], ['minuteRate', 0.3], ['concurrency', 0.4],
  ['internalError', 0.4], ['cursorExpired', 0.5], ['withheldField', 0.7], ['withheldField', 1], ['fieldLimit', 0.3],
] // prettier-ignore

/** The vendor's API falls ill in one way for some steps. */
async function fallIll(run: ChaosRun): Promise<void> {
  recover(run)
  const [knob, chance] = run.random.chance(0.04) ? (['timeout', 0.2] as const) : run.random.pick(KNOBS)
  Object.assign(run.sim.faults, {
    [knob]: chance,
    errorShape: run.random.pick(['auto', '2025-01', 'legacy']),
  })
  run.unwell = 2 + run.random.int(8)
}

/** The vendor's API is well again. */
export function recover({ sim }: ChaosRun): void {
  for (const [knob] of KNOBS) Object.assign(sim.faults, { [knob]: 0 })
  Object.assign(sim.faults, { timeout: 0, errorShape: 'auto' })
}

const JUMP_MS = 600_000

/** Somebody sets a clock. The vendor's own dates its changes, so while that jumps only a full pass is sure. */
async function jump(run: ChaosRun): Promise<void> {
  const by = run.random.int(2 * JUMP_MS) - JUMP_MS
  run.figures.faults++
  if (run.profile === 'storm' && run.random.chance(0.3)) run.sim.faults.clockOffsetMs += by
  else if (run.random.chance(0.6)) run.time.ourOffsetMs += by
  else run.time.databaseOffsetMs += by
}

async function disable(run: ChaosRun): Promise<void> {
  run.figures.faults++
  if (run.sim.world.webhooks.size === 0) run.subscribe()
  else run.sim.world.webhooks.clear()
}

/** A person writes into a row of the mirror. */
async function note(run: ChaosRun): Promise<void> {
  const { table } = run.random.pick(mappings)
  const text = `note ${run.random.int(1000)}`
  const { rows } = await run.server.admin.query<{ key: string }>(
    `update public."${table}" set note = $1
     where monday_id = (select monday_id from public."${table}" order by monday_id offset $2 limit 1) returning monday_id as key`,
    [text, run.random.int(12)],
  )
  for (const { key } of rows) run.notes.set(`${table} ${key}`, text)
}

/** Two edits at one moment, told in their order: only the order of arrival tells which was the second. */
async function sameMoment(run: ChaosRun): Promise<void> {
  const items = activeItems(run.sim.world, run.random.pick([TASKS, SUBTASKS, CLIENTS]))
  if (items.length === 0 || run.mail.faults.dropRate > 0 || run.mail.faults.delayMs > 0) return
  await deliver(run, run.mail.waiting)
  if (run.mail.waiting > 0) return
  const item = run.random.pick(items)
  run.time.advance(1)
  for (let i = 0; i < 2; i++) {
    run.sim.edit.rename(item.board.id, item.id, `Twice ${run.random.int(100_000)}`)
    await deliver(run, 10)
  }
}

/** A poll reads a row in the second of its change, and then the row changes once more in that second. */
const readBetween = (run: ChaosRun): Promise<void> =>
  run.attempt(async (signal) => {
    const stream = run.random.pick(run.node.pipeline.source.streams)
    const items = activeItems(run.sim.world, stream.id)
    if (items.length === 0 || run.mail.faults.dropRate > 0) return
    const item = run.random.pick(items)
    const rename = (): void =>
      void run.sim.edit.rename(item.board.id, item.id, `Between ${run.random.int(100_000)}`)
    await run.node.prepare(signal)
    // From here it all fits into one second of the vendor's.
    run.time.advance(1_000 - (run.sim.world.clock.now() % 1_000) + 1)
    rename()
    await delta(run.node.db, run.node.pipeline, stream, { signal })
    run.time.advance(1)
    if (item.state === 'active') rename()
  })

/** What a run's faults may end with: nothing reads those rows again but what must. */
export const flurries = [sameMoment, readBetween, readBetween]

/** Made, told and read within a moment, as when everything is quick. */
const atOnce = (run: ChaosRun): Promise<void> =>
  run.attempt(async (signal) => {
    run.edits.burst()
    await run.node.prepare(signal)
    await deliver(run, run.mail.waiting)
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

/** Milliseconds of real time, of which a run has none to lose. */
export const AT_ONCE = { settleMs: 0, patienceMs: 100, mendMs: 100 }

export const steps: readonly Step[] = [
  { name: 'edit', weight: 30, run: async (run) => run.edits.heard() },
  { name: 'burst', weight: 10, run: async (run) => run.edits.burst() },
  { name: 'unheard edit', weight: storm(12), run: async (run) => run.edits.unheard() },
  { name: 'two at one moment', weight: 3, run: sameMoment },
  { name: 'read between two changes', weight: 3, run: readBetween },
  { name: 'deliver', weight: 22, run: (run) => run.attempt(() => deliver(run, 1 + run.random.int(8))) },
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
  { name: 'note', weight: 2, run: note },
  {
    name: 'read the boards anew',
    weight: 1,
    run: (run) => run.attempt((signal) => run.node.prepare(signal, true)),
  },
]

export function pickStep({ random, profile }: ChaosRun): Step {
  const weightOf = ({ weight }: Step): number => (typeof weight === 'number' ? weight : weight[profile])
  let at = random.int(steps.reduce((sum, step) => sum + weightOf(step), 0))
  return steps.find((step) => (at -= weightOf(step)) < 0) as Step
}

/** Beside a read that is under way. */
export async function interlude(run: ChaosRun, touch: () => void): Promise<void> {
  if (run.random.chance(0.5)) touch()
  else run.edits.burst()
  if (run.random.chance(0.7)) await deliver(run, 6)
  if (run.random.chance(0.6)) await processBatch(run.node.db, run.node.pipeline, 20)
  if (run.random.chance(0.3)) await refetchOnce(run.node.db, run.node.pipeline, AbortSignal.timeout(10_000))
}
