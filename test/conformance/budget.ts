import { expect } from 'vitest'
import { DailyCapError, describeError, VendorUnavailableError } from '../../src/engine/errors.ts'
import { nextUtcDay } from '../../src/engine/budget.ts'
import { catchUp } from '../../src/lanes/sync.ts'
import { ROW } from '../../src/sources/contract.ts'
import type { Fault } from './proxy.ts'
import { leaks } from './secrets.ts'
import { drift, patience, type Rig, settle, sync } from './rig.ts'
import { type ApiAnswer, isAbsent, type Subject } from './subject.ts'
import type { Suite } from './suite.ts'

export function budgetTests({ subject, ask, lacks }: Suite): void {
  ask('told to wait, it waits as long as it was told, counts the refusal, and reads on', toldToWait)
  ask('an abort ends a wait for the vendor’s limit; until when it waits, and why, can be asked', abortedWait)
  ask('calls that fail once, in any way, are made again: one pass is whole', failingOnce, { timeoutMs: 300 })
  ask('an outage that outlasts its patience is told as one, changes nothing, and is made good', outage)
  ask('an abort ends a call that hangs', hangingCall, { timeoutMs: 60_000 })
  ask('every call is counted', counting)
  if (isAbsent(subject.dailyCap)) lacks('a daily cap', subject.dailyCap)
  else ask('at its daily cap it makes no call more, says so, and goes on the next day', capped, CAP)
  ask('no error shows a secret', discreet, { timeoutMs: 300 })
}

const RETRY_AFTER_S = 60
const limitOf = ({ limit }: Subject): ApiAnswer =>
  limit?.(RETRY_AFTER_S) ?? {
    status: 429,
    headers: { 'retry-after': String(RETRY_AFTER_S) },
    body: { message: 'Too Many Attempts.' },
  }

async function firstPage({ pipeline }: Rig, signal: AbortSignal = patience()): Promise<unknown> {
  const [stream] = pipeline.source.streams.slice(-1)
  if (stream === undefined) throw new Error('no stream')
  return pipeline.source.readPage({ stream, part: ROW, cursor: undefined, newestFirst: false, signal })
}

async function toldToWait(rig: Rig): Promise<void> {
  const { proxy, pipeline, subject } = rig
  const before = await pipeline.source.usage()
  for (const times of [1, 2]) {
    proxy.pass(1)
    proxy.fail(limitOf(subject), times)
  }
  const from = proxy.calls.length
  const { failures, runs } = await sync(rig)
  expect(failures).toEqual([])
  expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(['completed']))
  const calls = proxy.calls.slice(from)
  const limited = calls.flatMap(({ status }, i) =>
    status === limitOf(subject).status && i < calls.length ? [i] : [],
  )
  const refusals = limitOf(subject).status === 200 ? [1, 3, 4] : limited
  expect(refusals).toHaveLength(3)
  for (const i of refusals) {
    const gap = (calls[i + 1]?.atMs ?? 0) - (calls[i]?.atMs ?? 0)
    expect(gap).toBeGreaterThanOrEqual(RETRY_AFTER_S * 1_000)
  }
  const after = await pipeline.source.usage()
  expect(after.rejected - before.rejected).toBe(3)
  expect(await drift(rig)).toEqual([])
}

async function abortedWait(rig: Rig): Promise<void> {
  const { proxy, pipeline, clock, subject } = rig
  proxy.fail(limitOf(subject), 1)
  clock.frozen = true
  const stop = new AbortController()
  const from = proxy.calls.length
  const waits = clock.waits.length
  const reading = firstPage(rig, stop.signal)
  const ended = expect(reading).rejects.toThrow()
  while (clock.waits.length === waits) await new Promise((resolve) => setImmediate(resolve))
  const { blockedUntilMs, blockedBy } = await pipeline.source.usage()
  expect((blockedUntilMs ?? 0) - clock.now()).toBeGreaterThan((RETRY_AFTER_S - 1) * 1_000)
  expect(blockedBy).toMatch(/\w/)
  stop.abort(new Error('stopped by the test'))
  await ended
  expect(proxy.calls.length).toBe(from + 1)
  clock.frozen = false
  expect(await drift(rig)).toEqual([])
}

const HTML = '<html><body><h1>502 Bad Gateway</h1></body></html>'
const ONCE: readonly Fault[] = [
  { status: 500, body: { message: 'Server Error' } },
  { status: 502, body: HTML },
  { status: 503, body: '' },
  { status: 200, body: HTML },
  'cut',
  'hang',
]

async function failingOnce(rig: Rig): Promise<void> {
  for (const [i, fault] of ONCE.entries()) {
    rig.proxy.pass(i % 3)
    rig.proxy.fail(fault, 1)
    const { failures, runs, problems } = await sync(rig)
    expect({ failures, problems }).toEqual({ failures: [], problems: [] })
    expect(new Set(runs.map(({ status }) => status))).toEqual(new Set(['completed']))
  }
  await settle(rig)
  expect(await drift(rig)).toEqual([])
}

async function outage(rig: Rig): Promise<void> {
  const { proxy, clock } = rig
  proxy.fail({ status: 503, body: HTML }, Infinity)
  await expect(firstPage(rig)).rejects.toThrow(VendorUnavailableError)
  const told = await sync(rig).then(
    ({ failures, runs, problems }) => [
      ...failures.map(({ error }) => error),
      ...runs.flatMap(({ status, error }) => (status === 'completed' ? [] : [error ?? ''])),
      ...problems,
    ],
    (error: unknown) => [describeError(error)],
  )
  expect(told.length).toBeGreaterThan(0)
  for (const error of told) expect(error).toMatch(/503/)
  expect(await drift(rig)).toEqual([])
  proxy.heal()
  clock.advance(3_600_000)
  expect(await sync(rig)).toMatchObject({ failures: [], problems: [] })
  expect(await drift(rig)).toEqual([])
}

async function hangingCall(rig: Rig): Promise<void> {
  const { pipeline, proxy, world } = rig
  const { source } = pipeline
  const [stream] = source.streams.slice(-1)
  const [row] = world.truth().filter(({ table }) => table === stream?.table)
  if (stream === undefined || row === undefined) throw new Error('no stream')
  const works: readonly ((signal: AbortSignal) => Promise<unknown>)[] = [
    (signal) => firstPage(rig, signal),
    (signal) => source.readKeys({ stream, part: ROW, keys: [row.key], signal }),
    (signal) => source.prepare({ fresh: true, signal }),
    (signal) => source.webhooks.list(signal),
  ]
  for (const work of works) {
    proxy.fail('hang', Infinity)
    const stop = new AbortController()
    const working = work(stop.signal)
    const ended = working.then(
      (result) => JSON.stringify(result),
      (error: unknown) => describeError(error),
    )
    await proxy.hanging()
    stop.abort(new Error('stopped by the test'))
    expect(await ended).toMatch(/stopped|abort/i)
    proxy.heal()
  }
}

async function counting(rig: Rig): Promise<void> {
  const { pipeline, proxy } = rig
  const before = await pipeline.source.usage()
  const from = proxy.calls.length
  await sync(rig)
  const after = await pipeline.source.usage()
  expect(after.calls - before.calls).toBe(proxy.calls.length - from)
  expect(after.rejected).toBe(before.rejected)
  expect(after.blockedUntilMs).toBeUndefined()
}

const CAP = { synced: false, callsPerDay: 6 }

async function capped(rig: Rig): Promise<void> {
  const { proxy, pipeline, clock } = rig
  const { failures } = await sync(rig)
  expect(failures.length).toBeGreaterThan(0)
  for (const { error } of failures) expect(error).toMatch(/daily cap of 6/)
  const made = proxy.calls.length
  expect(made).toBeLessThanOrEqual(CAP.callsPerDay)
  await expect(firstPage(rig)).rejects.toThrow(DailyCapError)
  await sync(rig).catch((error: unknown) => expect(error).toBeInstanceOf(DailyCapError))
  expect(proxy.calls.length).toBe(made)
  const { dailyCap, calls } = await pipeline.source.usage()
  expect({ dailyCap, calls }).toEqual({ dailyCap: CAP.callsPerDay, calls: made })
  // Each day gets as far as its calls go, from where the day before ended, as a worker does it.
  for (let day = 0; day < 20 && (await drift(rig)).length > 0; day++) {
    clock.advance(nextUtcDay(clock.now()) - clock.now() + 1_000)
    const from = proxy.calls.length
    await catchUp(rig.db, pipeline, { signal: patience() })
    expect(proxy.calls.length - from).toBeLessThanOrEqual(CAP.callsPerDay)
  }
  expect(await drift(rig)).toEqual([])
}

async function discreet(rig: Rig): Promise<void> {
  const { proxy, pipeline, world, subject } = rig
  const { source } = pipeline
  const [stream] = source.streams.slice(-1)
  const [row] = world.truth().filter(({ table }) => table === stream?.table)
  if (stream === undefined || row === undefined) throw new Error('no stream')
  const told: string[] = []
  const faults: readonly Fault[] = [
    ...ONCE,
    { status: 401, body: { message: 'Unauthenticated.' } },
    { status: 403, body: { message: 'This action is unauthorized.' } },
    { status: 404, body: { message: 'Not found' } },
    { status: 422, body: { message: 'The given data was invalid.', errors: { url: ['is invalid'] } } },
    limitOf(subject),
  ]
  for (const fault of faults) {
    proxy.fail(fault, Infinity)
    const works = [
      firstPage(rig),
      source.readKeys({ stream, part: ROW, keys: [row.key], signal: patience() }),
      source.prepare({ fresh: true, signal: patience() }),
      source.webhooks.register(rig.hook, patience()),
      source.webhooks.list(patience()),
    ]
    for (const result of await Promise.allSettled(works)) {
      if (result.status === 'fulfilled') told.push(JSON.stringify(result.value))
      else told.push(everythingOf(result.reason))
    }
    proxy.heal()
  }
  expect(told.length).toBe(faults.length * 5)
  // A page of rows is no error; what tells of one is short.
  expect(leaks(world.secrets(), told.join('\n'))).toEqual([])
}

/** An error with all that hangs on it. */
function everythingOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return [
    error.stack,
    JSON.stringify(error),
    error.cause === undefined ? '' : everythingOf(error.cause),
  ].join('\n')
}
