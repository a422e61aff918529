import { processBatch } from '../../src/inbox/process.ts'
import { delta } from '../../src/lanes/delta.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import { catchUp, syncApp } from '../../src/lanes/sync.ts'
import { verifyApp } from '../../src/lanes/verify.ts'
import { checkLedger, checkSafety } from './checks.ts'
import { Divergence } from './report.ts'
import type { ChaosRun } from './run.ts'
import { AT_ONCE, recover } from './steps.ts'

const ROUNDS_MAX = 200
/** Past the longest jump of a clock, and any lease. */
const LONG_MS = 3 * 3_600_000
const CATCH_UPS_MAX = 5
/** Longer than `settle` and a second. */
const SETTLED_MS = 32_000

/** Nothing goes wrong any more: now the mirror must come to equal the vendor, as far as its profile promises when. */
export async function converge(run: ChaosRun): Promise<void> {
  const { site, mail, time, profile } = run
  run.calm = true
  run.poison = 0
  recover(run)
  mail.hurry()
  Object.assign(mail.faults, { dropRate: 0, duplicateRate: 0, delayMs: 0 })
  site.calm()
  if (profile === 'live') {
    await quieten(run)
    await site.checkMirror(run, 'events')
  } else site.stopLagging()
  if (profile === 'lagging') {
    await quieten(run)
    await site.checkMirror(run, 'lagging events')
  }
  if (profile !== 'storm') {
    time.advance(SETTLED_MS)
    await deltas(run)
    await quieten(run)
    await site.checkMirror(run, 'delta')
  }
  time.advance(profile === 'storm' ? LONG_MS : SETTLED_MS)
  await quieten(run)
  await site.fillGaps?.(run)
  // What still waits is no drift.
  await quieten(run)
  if (profile === 'storm' && run.random.chance(0.4)) await repair(run)
  else await passes(run)
  await quieten(run)
  await site.fillGaps?.(run)
  await quieten(run)
  await site.checkMirror(run, 'full')
  if (run.random.chance(0.3)) await expectNoDrift(run)
  await checkSafety(run)
  await checkLedger(run)
  await site.checkNotes(run)
}

const signal = (): AbortSignal => AbortSignal.timeout(30_000)

async function deltas(run: ChaosRun): Promise<void> {
  const { db, pipeline } = run.node
  for (const stream of pipeline.source.streams)
    if (stream.deltas !== false) await delta(db, pipeline, stream, { signal: signal() })
}

async function passes(run: ChaosRun): Promise<void> {
  const { failures, runs, problems } = await syncApp(run.node.db, run.node.pipeline, {
    signal: signal(),
    full: true,
    fresh: true,
  })
  const short = runs.filter(({ status }) => status !== 'completed')
  const first = failures[0]?.error ?? short[0]?.error ?? problems[0]
  if (first !== undefined && first !== null)
    throw new Divergence(`a full pass without any fault was not clean: ${first}`)
}

/** Instead of a full pass, but for streams that never had one. */
async function repair(run: ChaosRun): Promise<void> {
  const { db, pipeline } = run.node
  // What was found since the last look is to be read whole first.
  await run.node.prepare(signal(), true)
  // As a worker does it: a pass that was interrupted in bad times ends partial, and is made again.
  for (let round = 0; round < CATCH_UPS_MAX; round++) {
    if ((await catchUp(db, pipeline, { signal: signal() })) === undefined) break
  }
  // Computed columns of a row that changed since the last delta are late, not drift.
  await deltas(run)
  const result = await verifyApp(db, pipeline, {
    signal: signal(),
    repair: true,
    tolerance: run.random.pick([0.05, 1]),
    ...AT_ONCE,
  })
  const [failure] = result.failures
  if (failure !== undefined) throw new Divergence(`a repair without any fault failed: ${failure.error}`)
  // Of an empty answer a verification concludes nothing: the last row of a stream is let go by a full pass alone.
  if (result.verifications.some(({ run: { error } }) => /answer was empty/.test(error ?? '')))
    await passes(run)
}

/** What the comparison with the truth found equal, `verify` finds equal too. */
async function expectNoDrift(run: ChaosRun): Promise<void> {
  const result = await verifyApp(run.node.db, run.node.pipeline, {
    signal: signal(),
    repair: false,
    ...AT_ONCE,
  })
  const examples = result.verifications.flatMap(({ table, examples }) =>
    examples.map((example) => `${table} ${JSON.stringify(example)}`),
  )
  const first = result.failures[0]?.error ?? examples[0]
  if (first !== undefined) throw new Divergence(`verify found what is not there: ${first}`)
}

/** Delivers, settles and reads again until nothing waits; time passes where something must wait. */
async function quieten(run: ChaosRun): Promise<void> {
  const { db, pipeline } = run.node
  await run.node.prepare(signal())
  for (let round = 0; round < ROUNDS_MAX; round++) {
    while (run.mail.waiting > 0) await run.deliver(run.mail.waiting)
    let busy = 0
    for (;;) {
      const { settled, failed } = await processBatch(db, pipeline, 100)
      const read = await refetchOnce(db, pipeline, signal())
      if (settled + failed + read === 0) break
      busy += settled + failed + read
      if (busy > 20_000) throw new Divergence('work keeps giving rise to work')
    }
    const waitMs = await nextDueMs(run)
    if (waitMs === undefined) return
    run.time.advance(waitMs + 1)
  }
  throw new Divergence(`not quiet after ${ROUNDS_MAX} rounds: ${await waiting(run)}`)
}

async function waiting(run: ChaosRun): Promise<string> {
  const { rows } = await run.server.admin.query<{ what: string }>(
    `select format('event %s %s, due %s: %s', id, status, next_attempt_at, error) as what from lockstep.inbox where status = 'pending'
     union all select format('request %s', to_jsonb(r)) from lockstep.refetch as r
     union all select format('now %s', clock_timestamp())`,
  )
  return rows.map(({ what }) => what).join('\n')
}

/** Milliseconds until the next event or request is due; undefined where none waits. */
async function nextDueMs(run: ChaosRun): Promise<number | undefined> {
  const { rows } = await run.node.db.query<{ ms: number | null }>(
    `select (extract(epoch from min(due) - clock_timestamp()) * 1000)::float8 as ms from (
       select next_attempt_at as due from lockstep.inbox where status = 'pending'
       union all select greatest(next_attempt_at, claimed_until) from lockstep.refetch) as waiting`,
  )
  const ms = rows[0]?.ms
  return ms === null || ms === undefined ? undefined : Math.max(0, ms)
}
