/**
 * A vendor's limits, kept ahead of time (I9): how long a call must wait before it may be sent. Pure; times are
 * milliseconds since 1970 and come from the shell.
 */
export interface BudgetLimits {
  readonly callsPerMinute: number
  /** Calls a UTC day, and how much a rejected one counts. */
  readonly callsPerDay: number | undefined
  readonly rejectedWeight: number
}

export interface BudgetState {
  /** When the calls of the last minute were sent, oldest first. */
  readonly sent: readonly number[]
  readonly day: string
  readonly dayCalls: number
  readonly dayRejected: number
  /** Points left in the vendor's complexity window, as its last answer told, and when that window ends. */
  readonly points: number | undefined
  readonly pointsResetAt: number
  /** The dearest recent cost by operation. */
  readonly costs: Readonly<Record<string, number>>
  readonly blockedUntil: number
  readonly blockedBy: string | undefined
  /** The UTC day of which the vendor itself said that its limit is reached, and its words. */
  readonly spent: { readonly day: string; readonly why: string } | undefined
}

export const utcDay = (now: number): string => new Date(now).toISOString().slice(0, 10)
export const nextUtcDay = (now: number): number => (Math.floor(now / 86_400_000) + 1) * 86_400_000

export function emptyBudget(now: number): BudgetState {
  return {
    sent: [], day: utcDay(now), dayCalls: 0, dayRejected: 0, points: undefined, pointsResetAt: 0,
    costs: {}, blockedUntil: 0, blockedBy: undefined, spent: undefined,
  } // prettier-ignore
}

export type Admission =
  | { readonly kind: 'go' }
  | { readonly kind: 'wait'; readonly ms: number; readonly why: string }
  | { readonly kind: 'stop'; readonly until: number; readonly why: string }

/** A vendor counts a few calls that we do not see (other tools with the same token): a tenth is left to them. */
const SHARE = 0.9

/** Calls a minute that are ours to make. */
export const shareOf = ({ callsPerMinute }: Pick<BudgetLimits, 'callsPerMinute'>): number =>
  Math.max(1, Math.floor(callsPerMinute * SHARE))

/** Whether a call of this operation may be sent now. */
export function admit(state: BudgetState, limits: BudgetLimits, operation: string, now: number): Admission {
  const today = utcDay(now)
  const used = state.day === today ? state.dayCalls + state.dayRejected * limits.rejectedWeight : 0
  if (limits.callsPerDay !== undefined && used + 1 > limits.callsPerDay) {
    return { kind: 'stop', until: nextUtcDay(now), why: `daily cap of ${limits.callsPerDay} calls reached` }
  }
  if (state.spent?.day === today) return { kind: 'stop', until: nextUtcDay(now), why: state.spent.why }
  if (state.blockedUntil > now) {
    return { kind: 'wait', ms: state.blockedUntil - now, why: state.blockedBy ?? 'told to wait' }
  }
  const minute = state.sent.filter((at) => at > now - 60_000)
  const perMinute = shareOf(limits)
  if (minute.length >= perMinute) {
    const oldest = minute[minute.length - perMinute] ?? now
    return {
      kind: 'wait',
      ms: Math.max(1, oldest + 60_000 - now),
      why: `${perMinute} calls in the last minute`,
    }
  }
  const cost = state.costs[operation] ?? 0
  if (state.points !== undefined && state.pointsResetAt > now && state.points < cost) {
    return {
      kind: 'wait',
      ms: state.pointsResetAt - now,
      why: `${state.points} complexity points left of ${cost} needed`,
    }
  }
  return { kind: 'go' }
}

/** The clock was set by so many milliseconds: what is waited for lies as far ahead as it did. */
export const shiftBudget = (state: BudgetState, byMs: number): BudgetState => ({
  ...state,
  sent: state.sent.map((at) => at + byMs),
  pointsResetAt: state.pointsResetAt + byMs,
  blockedUntil: state.blockedUntil + byMs,
})

/** Books a call as sent. */
export function recordSent(state: BudgetState, now: number): BudgetState {
  const day = utcDay(now)
  const fresh = day !== state.day
  return {
    ...state,
    sent: [...state.sent.filter((at) => at > now - 60_000), now],
    day,
    dayCalls: (fresh ? 0 : state.dayCalls) + 1,
    dayRejected: fresh ? 0 : state.dayRejected,
  }
}

/** Takes in what an answer told of the complexity window. */
export function recordPoints(
  state: BudgetState,
  told: {
    operation: string
    cost: number | undefined
    left: number | undefined
    resetInS: number | undefined
  },
  now: number,
): BudgetState {
  const { operation, cost, left, resetInS } = told
  const costs =
    cost === undefined
      ? state.costs
      : { ...state.costs, [operation]: Math.max(cost, (state.costs[operation] ?? 0) * 0.9) }
  if (left === undefined) return { ...state, costs }
  return { ...state, costs, points: left, pointsResetAt: now + (resetInS ?? 60) * 1000 }
}

/** Books a rejection: the call counts less, and nothing is sent until the vendor's time is up. */
export function recordRejection(state: BudgetState, waitMs: number, why: string, now: number): BudgetState {
  return {
    ...state,
    dayCalls: Math.max(0, state.dayCalls - 1),
    dayRejected: state.dayRejected + 1,
    blockedUntil: Math.max(state.blockedUntil, now + waitMs),
    blockedBy: why,
  }
}

/** Books a rejection that is for the whole day: until 00:00 UTC nothing is sent, whatever our own cap is. */
export const recordDayEnd = (state: BudgetState, why: string, now: number): BudgetState => ({
  ...recordRejection(state, 0, why, now),
  spent: { day: utcDay(now), why },
})

/** Until when nothing may be sent, and why; undefined where something may. */
export function blockOf(
  state: BudgetState,
  now: number,
): { readonly untilMs: number; readonly by: string | undefined } | undefined {
  if (state.spent?.day === utcDay(now)) return { untilMs: nextUtcDay(now), by: state.spent.why }
  return state.blockedUntil > now ? { untilMs: state.blockedUntil, by: state.blockedBy } : undefined
}
