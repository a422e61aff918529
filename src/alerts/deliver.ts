import { randomUUID } from 'node:crypto'
import type { Database } from '../db/database.ts'
import { describeError, VendorRefusedError, VendorUnavailableError } from '../engine/errors.ts'
import { nextDelayMs, type RetryPolicy } from '../engine/retry.ts'
import type { Notifier } from '../sinks/contract.ts'
import {
  type Claim,
  claimHead,
  heads,
  markDead,
  markSent,
  type Now,
  postpone,
  release,
  skipUnconfigured,
} from './claims.ts'

/**
 * A message that a service could not take: eight more tries in about an hour. The messages behind it wait meanwhile,
 * so an outage costs at most one message an hour, and a message that is itself the trouble holds up the others no
 * longer than that.
 */
export const notifyRetry: RetryPolicy = {
  delaysMs: [2_000, 10_000, 30_000, 120_000, 300_000, 600_000, 900_000, 1_800_000],
  jitter: 0.2,
}

/** So that no hook keeps the others from being looked at for long: at one message a second, ten seconds. */
const BATCH = 10
/** A hook whose turn another process has is looked at again after this. */
const RIVAL_MS = 250

const thisNode = randomUUID()

export interface DeliverOptions {
  /** Ends after the message in hand. */
  readonly signal: AbortSignal
  /** Milliseconds since 1970, instead of the database's clock. */
  readonly now?: (() => number) | undefined
  /** The process that delivers; several in one only in tests. */
  readonly node?: string | undefined
}

export interface Outcome extends Pick<Claim, 'id' | 'app' | 'purpose' | 'attempts'> {
  readonly notifier: string
  /** `postponed` is tried again; `released` was not sent because the node stops. */
  readonly result: 'sent' | 'postponed' | 'dead' | 'released'
  readonly error?: string
  readonly tookMs?: number
}

export interface Delivered {
  readonly outcomes: readonly Outcome[]
  /** Messages whose purpose has no hook. */
  readonly skipped: number
  /** Until the next message is due; undefined where none waits. */
  readonly nextInMs: number | undefined
}

/**
 * Delivers what is due, each hook in the order of its queue, hooks side by side; any number of nodes may do so at
 * once. `notifiers` has the hook of each configured purpose; what is for another purpose is skipped.
 *
 * At least once: a node that dies after a service took a message and before that is written down (one statement
 * later) leaves it to be sent again when its claim ends. No transaction is open while a service is asked.
 */
export async function deliverDue(
  db: Database,
  notifiers: ReadonlyMap<string, Notifier>,
  { signal, now, node = thisNode }: DeliverOptions,
): Promise<Delivered> {
  const clock = (): Now => (now === undefined ? undefined : new Date(now()))
  const skipped = await skipUnconfigured(db, [...notifiers.keys()], clock())
  const hooks = byHook(notifiers)
  const purposes = hooks.map((hook) => hook.purposes)
  const due = (await heads(db, purposes, clock())).filter(({ ms }) => ms <= 0)
  const settled = await Promise.allSettled(
    due.map(async ({ hook }) => {
      const queue = hooks[hook]
      return queue === undefined ? [] : deliverQueue(db, queue, { signal, clock, node })
    }),
  )
  // Only the database throws here; the other hooks have ended their work by now.
  for (const result of settled) if (result.status === 'rejected') throw result.reason
  const idle = new Set(due.filter((_, i) => isEmpty(settled[i])).map(({ hook }) => hook))
  const waits = (await heads(db, purposes, clock())).map(({ hook, ms }) =>
    idle.has(hook) ? Math.max(RIVAL_MS, ms) : ms,
  )
  return {
    outcomes: settled.flatMap((result) => (result.status === 'fulfilled' ? result.value : [])),
    skipped,
    nextInMs: waits.length === 0 ? undefined : Math.max(0, Math.min(...waits)),
  }
}

const isEmpty = (result: PromiseSettledResult<Outcome[]> | undefined): boolean =>
  result?.status === 'fulfilled' && result.value.length === 0

interface Queue {
  readonly notifier: Notifier
  readonly purposes: readonly string[]
}

/** A hook is a queue: purposes that share one share its order, its pace and its pauses. */
function byHook(notifiers: ReadonlyMap<string, Notifier>): Queue[] {
  const queues = new Map<Notifier, string[]>()
  for (const [purpose, notifier] of notifiers) {
    queues.set(notifier, [...(queues.get(notifier) ?? []), purpose])
  }
  return [...queues].map(([notifier, purposes]) => ({ notifier, purposes }))
}

interface Turn {
  readonly signal: AbortSignal
  readonly clock: () => Now
  readonly node: string
}

async function deliverQueue(db: Database, { notifier, purposes }: Queue, turn: Turn): Promise<Outcome[]> {
  const { signal, clock, node } = turn
  const outcomes: Outcome[] = []
  while (outcomes.length < BATCH && !signal.aborted) {
    const claim = await claimHead(db, purposes, { node, paceMs: notifier.paceMs, now: clock() })
    if (claim === undefined) break
    const { id, app, purpose, attempts } = claim
    const told = await attempt(db, { claim, notifier }, turn)
    outcomes.push({ id, app, purpose, attempts, notifier: notifier.name, ...told })
    if (told.result === 'postponed' || told.result === 'released') break
  }
  return outcomes
}

type Told = Pick<Outcome, 'result' | 'error' | 'tookMs'>

async function attempt(
  db: Database,
  { claim, notifier }: { claim: Claim; notifier: Notifier },
  { signal, clock, node }: Turn,
): Promise<Told> {
  if (claim.attempts > notifyRetry.delaysMs.length + 1) {
    const error = `the node ended while it was sent, in the last of ${claim.attempts - 1} tries; it may have come through`
    await markDead(db, claim, { error, now: clock() })
    return { result: 'dead', error }
  }
  let tookMs: number
  try {
    tookMs = (await notifier.send(claim.body, signal)).tookMs
  } catch (problem) {
    if (signal.aborted && problem === signal.reason) {
      await release(db, claim)
      return { result: 'released' }
    }
    return fail(db, claim, { problem, now: clock() })
  }
  await markSent(db, claim, { node, now: clock() })
  return { result: 'sent', tookMs }
}

async function fail(
  db: Database,
  claim: Claim,
  { problem, now }: { problem: unknown; now: Now },
): Promise<Told> {
  const error = describeError(problem)
  const delayMs = nextDelayMs(notifyRetry, claim.attempts, Math.random())
  if (problem instanceof VendorRefusedError || delayMs === undefined) {
    await markDead(db, claim, { error, now })
    return { result: 'dead', error }
  }
  const named = problem instanceof VendorUnavailableError ? (problem.retryAfterMs ?? 0) : 0
  await postpone(db, claim, { error, now, delayMs: Math.max(delayMs, named) })
  return { result: 'postponed', error }
}
