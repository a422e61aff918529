import fc from 'fast-check'
import { expect } from 'vitest'
import type { Json } from '../../src/engine/observation.ts'
import { Receiver } from '../../src/inbox/receive.ts'
import type { Delivery, Parsed } from '../../src/sources/contract.ts'
import { pathsOf, replaceAt, wrongValues } from '../http/wrong-values.ts'
import { lettersOf, toldActs } from './door.ts'
import { apply, deliver, driftAt, happen, type Rig, settle } from './rig.ts'
import { isAbsent, type Letter, payloadOf } from './subject.ts'
import type { Suite } from './suite.ts'

export function parsingTests({ ask }: Suite): void {
  ask('a delivery parsed twice gives the same, changes nothing and makes no call', pure)
  ask('any JSON is either read or refused with an error, and what is read fits the tables', anyJson)
  ask('a payload with any field of a wrong type is either read or refused with an error', anyField)
  ask('the door tells any bytes and any JSON apart without throwing', anyBytes)
  ask('garbage in one batch with an event holds nothing up', garbageBeside)
}

async function allLetters(rig: Rig): Promise<Letter[]> {
  const letters: Letter[] = []
  for (const act of toldActs(rig.subject)) letters.push(...(await lettersOf(rig, act)))
  return letters
}

let arrivals = 0
const deliveryOf = (payload: Json): Delivery => ({ n: ++arrivals, receivedAt: Date.now() * 1000, payload })

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(frozen)
  return value
}

async function pure(rig: Rig): Promise<void> {
  const { parse } = rig.pipeline.source
  const letters = await allLetters(rig)
  const calls = rig.proxy.calls.length
  const outcomes = new Set<string>()
  for (const letter of letters) {
    const delivery = frozen(deliveryOf(payloadOf(letter)))
    const first = parse(delivery)
    fits(rig, first)
    outcomes.add(first.outcome)
    expect(parse(delivery)).toEqual(first)
    expect(parse(structuredClone(delivery))).toEqual(first)
  }
  expect(rig.proxy.calls.length).toBe(calls)
  expect(outcomes).not.toContain('unknown')
  expect(outcomes).toContain('applied')
}

const STAMP = /^[0-9a-f]{40}$/

/** What was parsed can be applied: tables, columns and streams are those that there are. */
function fits({ tables, pipeline }: Rig, { outcome, observations, refetches, facts = [] }: Parsed): void {
  expect(['applied', 'hint', 'ignored', 'unknown']).toContain(outcome)
  for (const { table, key, kind, stamp, stamps = {}, values } of observations) {
    const spec = tables.find(({ name }) => name === table)
    expect(Object.keys(spec?.columns ?? {})).toEqual(expect.arrayContaining(Object.keys(values)))
    expect(['row', 'fields', 'delete', 'restore']).toContain(kind)
    expect({ key, stamp }).toEqual({ key: expect.stringMatching(/./), stamp: expect.stringMatching(STAMP) })
    for (const own of Object.values(stamps)) expect(own).toMatch(STAMP)
  }
  const streams = new Set(pipeline.source.streams.map(({ id }) => id))
  for (const { stream, keys, part } of refetches) {
    expect(streams).toContain(stream)
    expect(part).toMatch(/./)
    for (const key of keys) expect(key).toMatch(/./)
  }
  for (const { key, type, scope, at } of facts) {
    expect({ key, type, scope }).toEqual({
      key: expect.stringMatching(/./),
      type: expect.stringMatching(/./),
      scope: expect.stringMatching(/./),
    })
    expect(Number.isFinite(at)).toBe(true)
  }
}

/** Parses; an Error is an answer too, anything else that is thrown is not. */
function readOrRefused(rig: Rig, payload: Json): void {
  let parsed: Parsed | undefined
  try {
    parsed = rig.pipeline.source.parse(frozen(deliveryOf(payload)))
  } catch (error) {
    expect(error).toBeInstanceOf(Error)
    expect((error as Error).message).toMatch(/\w/)
  }
  if (parsed !== undefined) fits(rig, parsed)
}

async function anyJson(rig: Rig): Promise<void> {
  const letters = (await allLetters(rig)).map(payloadOf)
  const fields = [
    ...new Set(letters.flatMap((payload) => pathsOf(payload).map((path) => String(path.at(-1))))),
  ]
  const anything = fc.jsonValue({ maxDepth: 4 })
  const shaped = fc.letrec<{ tree: unknown; object: unknown }>((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, fc.constantFrom('1', 1, null, 'x'), anything, tie('object')),
    object: fc.dictionary(fc.constantFrom(...fields), tie('tree'), { maxKeys: 6 }),
  })).object
  fc.assert(
    fc.property(fc.oneof(anything, shaped), (payload) => readOrRefused(rig, payload as Json)),
    { numRuns: 400 },
  )
}

async function anyField(rig: Rig): Promise<void> {
  const calls = rig.proxy.calls.length
  const letters = await allLetters(rig)
  const made = rig.proxy.calls.length
  for (const letter of letters) {
    const payload = payloadOf(letter)
    for (const path of pathsOf(payload))
      for (const wrong of Object.values(wrongValues))
        readOrRefused(rig, asJson(replaceAt(payload, path, wrong)))
  }
  expect(letters.length).toBeGreaterThan(1)
  expect(rig.proxy.calls.length - made).toBe(0)
  expect(made).toBeGreaterThanOrEqual(calls)
}

/** As it would come over the wire. */
const asJson = (value: unknown): Json => JSON.parse(JSON.stringify(value) ?? 'null') as Json

async function anyBytes(rig: Rig): Promise<void> {
  const { door } = rig.pipeline.source
  const [letter] = await allLetters(rig)
  const names = Object.keys(letter?.headers ?? {})
  const headers = fc.dictionary(fc.constantFrom('authorization', 'content-type', ...names), fc.string())
  const secret = fc.option(fc.string(), { nil: undefined })
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), headers, secret, async (body, sent, given) => {
      const verdict = await door.verify({ headers: sent, body, secret: given }, Date.now())
      expect(verdict.ok).toBe(false)
    }),
    { numRuns: 200 },
  )
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (payload) => {
      const { key, type, stream, entity } = door.identify(payload as Json)
      for (const told of [key, type, stream, entity]) expect(['string', 'undefined']).toContain(typeof told)
      const answer = door.challenge(payload as Json)
      if (answer !== undefined) expect(typeof answer).toBe('object')
    }),
    { numRuns: 400 },
  )
}

async function garbageBeside(rig: Rig): Promise<void> {
  const { db, pipeline, subject } = rig
  const act = toldActs(subject)[0]
  if (act === undefined || isAbsent(act.webhook)) throw new Error('no act is told')
  const target = await happen(rig, act)
  const letters = rig.postbox.take()
  const [letter] = letters
  if (letter === undefined) throw new Error('the vendor told nothing')
  const payload = payloadOf(letter)
  const paths = pathsOf(payload)
  const garbage: Json[] = fc.sample(fc.jsonValue({ maxDepth: 3 }), { numRuns: 60, seed: 7 }) as Json[]
  const bent = paths.map((path, i) => {
    const wrong = Object.values(wrongValues)[i % Object.keys(wrongValues).length]
    return asJson(replaceAt(payload, path, wrong))
  })
  const receiver = new Receiver(db)
  // Under identities of their own, so that none takes the good one's place.
  for (const [i, one] of [...garbage, ...bent].entries()) {
    const { type, stream, entity } = pipeline.source.door.identify(one)
    const body = new TextEncoder().encode(JSON.stringify(one))
    const own = {
      identity: `garbage ${i}`,
      horizonMs: 1,
      clientIp: undefined,
      headers: {},
      body,
      payload: one,
    }
    await receiver.accept({ app: pipeline.app, type, stream, entity, ...own })
    if (i === 40) await deliver(rig, letters)
  }
  await apply(rig)
  await settle(rig)
  expect(await driftAt(rig, target, act.webhook)).toEqual([])
  const { rows } = await db.query<{ status: string; error: string | null }>(
    `select status, error from lockstep.inbox where status <> 'processed'`,
  )
  for (const row of rows) expect(row).toEqual({ status: 'pending', error: expect.stringMatching(/\w/) })
}
