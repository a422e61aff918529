import { syncApp } from '../../src/lanes/sync.ts'
import { checkSafety } from './checks.ts'
import { converge } from './liveness.ts'
import type { Profile } from './profile.ts'
import { Divergence, type Figures } from './report.ts'
import { ChaosRun, type RunOptions } from './run.ts'
import { interlude, pickStep, recover } from './steps.ts'

export interface Outcome {
  readonly figures: Figures
  readonly profile: Profile
  /** Why it failed, and at which step; undefined where all held. */
  readonly failure?: { readonly step: number; readonly during: string; readonly message: string }
}

/** How often a piece of work is hit by a failpoint. */
const FAILPOINT_RATE = 0.12
const FLURRIES = 2

/** One run: a safety phase with faults, then a liveness phase without. */
export async function runChaos(options: RunOptions): Promise<Outcome> {
  const dice = Math.random
  const run = await ChaosRun.start(options)
  // Delays with chance in them must be the seed's too.
  Math.random = () => run.random.next()
  let step = 0
  let during = 'the first pass'
  try {
    if (run.profile !== 'storm' || run.random.chance(0.8)) await firstPass(run)
    run.interlude = (touch) => interlude(run, touch)
    for (step = 1; step <= options.steps; step++) {
      const next = pickStep(run)
      during = next.name
      pass(run)
      if (run.random.chance(FAILPOINT_RATE)) run.arm()
      await next.run(run)
      run.node.db.failpoint = undefined
      run.figures.steps++
      if (!next.name.includes('edit')) await checkSafety(run)
      if (step % 25 === 0) await run.site.checkNotes(run)
    }
    during = 'the last flurry'
    for (let i = 0; i < FLURRIES; i++) await run.random.pick(run.site.flurries)(run)
    during = 'liveness'
    await converge(run)
    return { figures: sum(run), profile: run.profile }
  } catch (error) {
    const failure = { step, during, message: messageOf(error) }
    return { figures: sum(run), profile: run.profile, failure }
  } finally {
    Math.random = dice
    await run.close()
  }
}

/** A divergence says all; anything else is told with where it was thrown. */
function messageOf(error: unknown): string {
  if (error instanceof Divergence) return error.message
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}

async function firstPass(run: ChaosRun): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  await run.site.unhindered(() =>
    syncApp(run.node.db, run.node.pipeline, { signal, full: true, drain: true }),
  )
}

/** Time between two steps: mostly none to speak of, now and then half a minute. */
function pass(run: ChaosRun): void {
  const { random, time } = run
  const upTo = random.chance(0.1) ? 40_000 : random.chance(0.3) ? 3_000 : 60
  time.advance(1 + random.int(upTo))
  if (run.unwell > 0 && --run.unwell === 0) recover(run)
}

const sum = (run: ChaosRun): Figures => ({
  ...run.figures,
  deliveries: run.mail.posts,
  faults: run.figures.faults + run.mail.harm + run.site.rejected(),
})
