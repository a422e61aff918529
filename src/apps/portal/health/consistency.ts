import { openAlert } from '../../../alerts/alerts.ts'
import type { Transaction } from '../../../db/database.ts'
import {
  type Ailing,
  type Checked,
  type CheckInput,
  type HealthCheck,
  list,
  plural,
  round,
  worst,
} from './check.ts'
import { countCompared, describeDrifts, type Drift, readDrifts } from './drift.ts'
import { lastReconciled, reconcile, type Reconciled } from './reconcile.ts'
import type { Thresholds } from './thresholds.ts'
import { alertsOfWorkspaces } from './together.ts'

const CONDITION = 'data_consistency'
/** Workspaces that are read again in one run; the next run takes the others. */
const AT_A_TIME = 5

interface Case {
  readonly scope: string
  readonly name: string
  /** The gravest first. */
  readonly found: readonly Drift[]
  readonly lastAtMs: number | undefined
  readonly again: Reconciled | undefined
}

/**
 * Our counts beside the vendor's. Past the tolerance the workspace is read again, and judged by what differs then;
 * people are told what was found and what became of it.
 */
export const dataConsistency: HealthCheck = {
  name: CONDITION,
  unit: 'percent',
  async run(input: CheckInput): Promise<Checked> {
    const { db, now, thresholds } = input
    const limits = thresholds.consistency
    const compared = await countCompared(db, now)
    const cases = await takeCases(input, await readDrifts(db, now, limits))
    const lasting = cases.filter((one) => remainsOf(one).length > 0)
    const mended = cases.filter((one) => remainsOf(one).length === 0)
    const ailing = lasting.map((one): Ailing => {
      const severity = levelOf(remainsOf(one), limits)
      return { scope: one.scope, name: one.name, severity, detail: describe(one, limits) }
    })
    const differing = lasting.flatMap(remainsOf).length
    const agreeing = compared === 0 ? null : round(((compared - differing) * 100) / compared)
    return {
      severity: worst('ok', ...ailing.map(({ severity }) => severity)),
      value: agreeing,
      unit: 'percent',
      detail: describeAll({ compared, agreeing, lasting, mended }),
      workspaces: ailing,
      figures: { compared, differing, readAgain: cases.filter(({ again }) => again !== undefined).length },
      alerts: new Map([[CONDITION, { found: await alertsOfWorkspaces(db, CONDITION, ailing) }]]),
      keep: (tx) => tellMended(tx, mended, limits, now),
    }
  },
}

const remainsOf = ({ found, again }: Case): readonly Drift[] => again?.remains ?? found

async function takeCases(input: CheckInput, drifts: readonly Drift[]): Promise<Case[]> {
  const { db, now, thresholds, bison, context } = input
  const limits = thresholds.consistency
  const byScope = [...Map.groupBy(drifts, ({ scope }) => scope)]
  const last = await lastReconciled(
    db,
    byScope.map(([scope]) => scope),
  )
  const cases: Case[] = []
  let reread = 0
  for (const [scope, found] of byScope) {
    const lastAtMs = last.get(scope)
    const rested = now.getTime() - (lastAtMs ?? -Infinity) >= limits.reconcileEveryMinutes * 60_000
    const due = rested && reread < AT_A_TIME && !context.signal.aborted
    if (due) reread++
    const again = due
      ? await reconcile(
          {
            db,
            now,
            limits,
            pipeline: context.pipeline,
            statistics: bison.statistics,
            signal: context.signal,
          },
          scope,
          found,
        )
      : undefined
    cases.push({ scope, name: found[0]?.name ?? scope, found, lastAtMs, again })
  }
  return cases
}

function levelOf(drifts: readonly Drift[], limits: Thresholds['consistency']): 'warning' | 'critical' {
  return drifts.some(({ percent }) => percent > limits.criticalAbovePercent) ? 'critical' : 'warning'
}

const clock = (at: Date): string => `${at.toISOString().slice(11, 16)} UTC`

function describe(one: Case, limits: Thresholds['consistency']): string {
  const { name, found, again, lastAtMs } = one
  const what = `${name}: ${describeDrifts(found)}`
  if (again === undefined) {
    const next = (lastAtMs ?? 0) + limits.reconcileEveryMinutes * 60_000
    return lastAtMs === undefined
      ? `${what}. It will be read again within minutes`
      : `${what}. It was read again at ${clock(new Date(lastAtMs))}, to no avail; the next time is at ${clock(new Date(next))}. See the view vendor_drift`
  }
  const brought = `Read again at ${clock(again.startedAt)}: ${describeBrought(again)}`
  const now =
    again.remains.length === 0
      ? 'Now within tolerance'
      : `It differs still: ${describeDrifts(again.remains)}. See the view vendor_drift`
  return `${what}. ${brought}. ${now}`
}

function describeBrought({ filled, replayed, replies, problems }: Reconciled): string {
  const brought = [
    ...(filled > 0 ? [`${plural(filled, 'event')} that had been missing`] : []),
    ...(replayed > 0 ? [`${plural(replayed, 'event')} that had been given up`] : []),
    ...(replies > 0 ? [`${plural(replies, 'reply', 'replies')} added or mended`] : []),
  ]
  const failed = problems.map((problem) => `could not be read: ${problem}`)
  return [...(brought.length === 0 ? ['nothing was missing'] : brought), ...failed].join('; ')
}

interface Sum {
  readonly compared: number
  readonly agreeing: number | null
  readonly lasting: readonly Case[]
  readonly mended: readonly Case[]
}

function describeAll({ compared, agreeing, lasting, mended }: Sum): string {
  if (agreeing === null) return 'nothing to compare yet'
  const parts = [
    `${agreeing} % of ${compared} figures agree with Email Bison's`,
    ...(lasting.length > 0 ? [`beyond tolerance: ${list(lasting.map(({ name }) => name))}`] : []),
    ...(mended.length > 0 ? [`mended by reading again: ${list(mended.map(({ name }) => name))}`] : []),
  ]
  return parts.join('; ')
}

/** What was found and mended at once is told all the same; its alert ends as it is not among those that last. */
async function tellMended(
  tx: Transaction,
  mended: readonly Case[],
  limits: Thresholds['consistency'],
  now: Date,
): Promise<void> {
  for (const one of mended) {
    const key = { app: 'portal', stream: one.scope, condition: CONDITION }
    const finding = { level: levelOf(one.found, limits), detail: describe(one, limits) }
    await openAlert(tx, key, finding, { now: now.getTime() })
  }
}
