import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  admit,
  blockOf,
  type BudgetLimits,
  type BudgetState,
  emptyBudget,
  nextUtcDay,
  recordDayEnd,
  recordPoints,
  recordRejection,
  recordSent,
  shiftBudget,
  utcDay,
} from './budget.ts'

const NOON = Date.UTC(2026, 10, 20, 12)
const MIDNIGHT = Date.UTC(2026, 10, 21)
const limits: BudgetLimits = { callsPerMinute: 1_000, callsPerDay: undefined, rejectedWeight: 0.1 }

const sendMany = (state: BudgetState, times: number, now: number): BudgetState =>
  Array.from({ length: times }).reduce<BudgetState>((s) => recordSent(s, now), state)

describe('calls a minute', () => {
  const ten = { ...limits, callsPerMinute: 10 }

  it('leaves a tenth to other tools, and lets the next call through as soon as the oldest is a minute old', () => {
    const nine = sendMany(emptyBudget(NOON), 9, NOON)
    expect(admit(sendMany(emptyBudget(NOON), 8, NOON), ten, 'Q', NOON).kind).toBe('go')
    expect(admit(nine, ten, 'Q', NOON + 20_000)).toMatchObject({ kind: 'wait', ms: 40_000 })
    expect(admit(nine, ten, 'Q', NOON + 60_000).kind).toBe('go')
  })

  it('never lets more through in any sixty seconds than the limit, however calls come', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(fc.nat(15_000), { maxLength: 80 }),
        (max, gaps) => {
          const own = { ...limits, callsPerMinute: max }
          let state = emptyBudget(NOON)
          let now = NOON
          const sent: number[] = []
          for (const gap of gaps) {
            now += gap
            const admission = admit(state, own, 'Q', now)
            if (admission.kind === 'wait') {
              now += admission.ms
              expect(admit(state, own, 'Q', now).kind).toBe('go')
            }
            state = recordSent(state, now)
            sent.push(now)
          }
          for (const at of sent) {
            expect(sent.filter((other) => other > at - 60_000 && other <= at).length).toBeLessThanOrEqual(max)
          }
        },
      ),
    )
  })
})

describe('complexity', () => {
  const told = { operation: 'Page', cost: 400, left: 300, resetInS: 25 }

  it('waits for the window where the dearest recent cost does not fit in what is left', () => {
    const state = recordPoints(emptyBudget(NOON), told, NOON)
    expect(admit(state, limits, 'Page', NOON + 5_000)).toMatchObject({ kind: 'wait', ms: 20_000 })
    expect(admit(state, limits, 'Page', NOON + 25_000).kind).toBe('go')
  })

  it('judges each operation by its own cost', () => {
    const state = recordPoints(emptyBudget(NOON), told, NOON)
    expect(admit(state, limits, 'Never asked', NOON).kind).toBe('go')
    const both = recordPoints(state, { ...told, operation: 'Cheap', cost: 10 }, NOON)
    expect(admit(both, limits, 'Cheap', NOON).kind).toBe('go')
    expect(admit(both, limits, 'Page', NOON).kind).toBe('wait')
  })

  it('forgets a dear call slowly, and what it was not told stays', () => {
    const state = recordPoints(emptyBudget(NOON), told, NOON)
    const cheaper = recordPoints(state, { ...told, cost: 1 }, NOON)
    expect(cheaper.costs['Page']).toBe(360)
    const silent = { operation: 'Page', cost: undefined, left: undefined, resetInS: undefined }
    expect(recordPoints(cheaper, silent, NOON)).toEqual(cheaper)
  })
})

describe('the daily cap', () => {
  const capped = { ...limits, callsPerDay: 3 }

  it('stops until 00:00 UTC, when the count begins anew', () => {
    const spent = sendMany(emptyBudget(NOON), 3, NOON)
    expect(admit(spent, capped, 'Q', NOON)).toMatchObject({ kind: 'stop', until: MIDNIGHT })
    expect(admit(spent, capped, 'Q', MIDNIGHT - 1)).toMatchObject({ kind: 'stop', until: MIDNIGHT })
    expect(admit(spent, capped, 'Q', MIDNIGHT).kind).toBe('go')
    expect(recordSent(spent, MIDNIGHT)).toMatchObject({ day: '2026-11-21', dayCalls: 1, dayRejected: 0 })
  })

  it('counts a rejected call a tenth', () => {
    let state = emptyBudget(NOON)
    for (let i = 0; i < 20; i++) state = recordRejection(recordSent(state, NOON), 0, 'no', NOON)
    expect(admit(state, capped, 'Q', NOON).kind).toBe('go')
    state = recordSent(state, NOON)
    expect(admit(state, capped, 'Q', NOON).kind).toBe('stop')
  })

  it('of the vendor stops as well, in its words, whatever is refused later and however the clock is set', () => {
    const ended = recordDayEnd(recordSent(emptyBudget(NOON), NOON), 'DAILY_LIMIT_EXCEEDED', NOON)
    const later = shiftBudget(recordRejection(ended, 60_000, 'slow down', NOON), 3_600_000)
    const stop = { kind: 'stop', until: MIDNIGHT, why: 'DAILY_LIMIT_EXCEEDED' }
    expect(admit(later, limits, 'Q', MIDNIGHT - 1)).toEqual(stop)
    expect(blockOf(later, MIDNIGHT - 1)).toEqual({ untilMs: MIDNIGHT, by: 'DAILY_LIMIT_EXCEEDED' })
    expect(admit(later, limits, 'Q', MIDNIGHT).kind).toBe('go')
    expect(blockOf(later, MIDNIGHT)).toBeUndefined()
  })

  it('is asked before a wait: a stop is told as a stop', () => {
    const state = recordRejection(sendMany(emptyBudget(NOON), 4, NOON), 30_000, 'slow down', NOON)
    expect(admit(state, capped, 'Q', NOON).kind).toBe('stop')
  })
})

describe('a rejection', () => {
  it('holds back every call for the time that the vendor named, and says why', () => {
    const state = recordRejection(
      recordSent(emptyBudget(NOON), NOON),
      7_000,
      'Minute limit rate exceeded',
      NOON,
    )
    const wait = { kind: 'wait', ms: 6_000, why: 'Minute limit rate exceeded' }
    expect(admit(state, limits, 'Other', NOON + 1_000)).toEqual(wait)
    expect(admit(state, limits, 'Other', NOON + 7_000).kind).toBe('go')
  })

  it('does not shorten a longer wait that was named before', () => {
    const long = recordRejection(emptyBudget(NOON), 60_000, 'long', NOON)
    expect(recordRejection(long, 1_000, 'short', NOON).blockedUntil).toBe(NOON + 60_000)
  })
})

it('days are those of UTC', () => {
  expect(utcDay(MIDNIGHT - 1)).toBe('2026-11-20')
  expect(nextUtcDay(MIDNIGHT - 1)).toBe(MIDNIGHT)
  expect(nextUtcDay(MIDNIGHT)).toBe(MIDNIGHT + 86_400_000)
})

it.each([-3_600_000, 3_600_000])('a clock set by %i ms neither lengthens a wait nor ends it', (byMs) => {
  const state = recordRejection(sendMany(emptyBudget(NOON), 3, NOON), 20_000, 'told to wait', NOON)
  const shifted = shiftBudget(state, byMs)
  expect(admit(shifted, limits, 'Q', NOON + byMs + 5_000)).toMatchObject({ kind: 'wait', ms: 15_000 })
  expect(admit(shifted, { ...limits, callsPerMinute: 3 }, 'Q', NOON + byMs + 30_000)).toMatchObject({
    kind: 'wait',
    ms: 30_000,
  })
})
