import { expect } from 'vitest'
import type { Json } from '../../src/engine/observation.ts'
import { checkEventLog } from '../../src/inbox/event-log.ts'
import { createRandom } from '../../sim/monday/world/random.ts'
import { keptEvents, lettersOf, oneLetter, resigned, toldActs } from './door.ts'
import { apply, deliver, drift, driftAt, happen, patience, type Rig, settle, sync } from './rig.ts'
import { isAbsent, type Letter, payloadOf, type Target, type Told } from './subject.ts'
import type { Suite } from './suite.ts'

export function eventTests({ subject, ask, lacks }: Suite): void {
  ask('five deliveries of an event, some with their keys in another order, are one event', fiveTimes)
  ask('deliveries in any order, some of them twice, end in the vendor’s rows', anyOrder)
  ask('an event type that nobody knows is answered 200, kept, and said to be unknown', unknownType)
  if (isAbsent(subject.eventLog))
    lacks('lost deliveries are made good from the vendor’s own record', subject.eventLog)
  else
    ask(
      'lost deliveries are made good from the vendor’s own record, and count once should they come',
      fromTheLog,
    )
}

/** The same JSON, the keys of each object the other way round. */
export function reversed(value: Json): Json {
  if (Array.isArray(value)) return (value as Json[]).map(reversed)
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).map(([key, inner]) => [key, reversed(inner)] as const)
  return Object.fromEntries(entries.toReversed())
}

interface Counted {
  readonly events: number
  readonly deliveries: number
  readonly facts: number
  /** Times that a fact was told beyond its first. */
  readonly again: number
}

async function counted({ db }: Rig): Promise<Counted> {
  const { rows } = await db.query<Counted>(
    `select count(*)::int as events, coalesce(sum(deliveries), 0)::int as deliveries,
       (select count(*)::int from conformance_facts) as facts,
       (select coalesce(sum(told - 1), 0)::int from conformance_facts) as again from lockstep.inbox`,
  )
  return rows[0] as Counted
}

async function fiveTimes(rig: Rig): Promise<void> {
  const { subject, postbox, pipeline } = rig
  const letters = await lettersOf(rig, toldActs(subject)[0])
  await deliver(rig, letters)
  await settle(rig)
  const once = await counted(rig)
  await Promise.all([1, 2].map(() => deliver(rig, letters)))
  await deliver(rig, letters)
  for (const letter of letters) {
    const body = JSON.stringify(reversed(payloadOf(letter)))
    expect(body).not.toBe(letter.body)
    const [own, other] = [payloadOf(letter), JSON.parse(body) as Json].map((payload) => {
      const { key, sameAs } = pipeline.source.door.identify(payload)
      return key ?? sameAs
    })
    expect(own).toBeDefined()
    expect(other).toBe(own)
    if (subject.signsBody) expect((await postbox.post({ ...letter, body })).status).toBe(401)
    await deliver(rig, [subject.signsBody ? letter : resigned(rig, letter, body)])
  }
  await settle(rig)
  expect(await counted(rig)).toEqual({ ...once, deliveries: 5 * letters.length })
  expect(once.again).toBe(0)
}

const ROUNDS = 3

async function anyOrder(rig: Rig): Promise<void> {
  const random = createRandom(20_261_102)
  for (let round = 0; round < ROUNDS; round++) {
    const targets: { target: Target; told: Told }[] = []
    const letters: Letter[] = []
    const changes = toldActs(rig.subject).filter((act) => !isRestore(rig, act.name))
    for (const act of random.shuffle([...changes, ...changes.filter(isRepeatable(rig))])) {
      const target = await happen(rig, act)
      letters.push(...rig.postbox.take())
      targets.push({ target, told: isAbsent(act.webhook) ? {} : act.webhook })
    }
    const again = letters.filter(() => random.chance(0.4))
    for (const letter of random.shuffle([...letters, ...again])) {
      await deliver(rig, [letter])
      if (random.chance(0.3)) await apply(rig, 1 + random.int(4))
    }
    await settle(rig)
    for (const { target, told } of targets)
      expect(await driftAt(rig, target, butOf(targets, target, told))).toEqual([])
  }
  expect((await counted(rig)).again).toBe(0)
  await sync(rig)
  await settle(rig)
  expect(await drift(rig)).toEqual([])
}

/** A row that several acts touched tells no more than the one that tells least. */
const butOf = (all: readonly { target: Target; told: Told }[], { key }: Target, told: Told): Told => ({
  but: [
    ...(told.but ?? []),
    ...all.filter((one) => one.target.key === key).flatMap((one) => one.told.but ?? []),
  ],
})

const isRestore = ({ subject }: Rig, name: string): boolean =>
  !isAbsent(subject.acts.restore) && subject.acts.restore.some((act) => act.name === name)
const isRepeatable =
  ({ subject: { acts } }: Rig) =>
  ({ name }: { name: string }): boolean =>
    !isAbsent(acts.change) && acts.change.some((act) => act.name === name)

async function unknownType(rig: Rig): Promise<void> {
  const letter = await oneLetter(rig)
  const payload = rig.subject.unknownType(payloadOf(letter))
  const strange = resigned(rig, letter, JSON.stringify(payload))
  await deliver(rig, [strange, letter, strange])
  await settle(rig)
  const { rows } = await rig.db.query<{ status: string; outcome: string; deliveries: number; error: string }>(
    'select status, outcome, deliveries, error from lockstep.inbox order by id',
  )
  expect(rows[0]).toEqual({
    status: 'processed',
    outcome: 'unknown',
    deliveries: 2,
    error: expect.stringMatching(/unknown|not known/),
  })
  expect(rows[1]).toMatchObject({ status: 'processed', deliveries: 1 })
  expect(rows[1]?.outcome).not.toBe('unknown')
}

async function fromTheLog(rig: Rig): Promise<void> {
  const { db, pipeline, subject, clock } = rig
  const { eventLog } = pipeline.source
  if (eventLog === undefined) throw new Error('the source has no event log; declare it absent')
  const check = async (): Promise<number> => {
    let filled = 0
    for (const { id } of eventLog.scopes()) {
      const options = { signal: patience(), nowMs: clock.now(), graceMs: 0 }
      filled += (await checkEventLog(db, pipeline, id, options))?.filled ?? 0
    }
    return filled
  }
  await check()
  await settle(rig)
  const before = await counted(rig)
  const letters: Letter[] = []
  const targets: [Target, Told][] = []
  for (const act of toldActs(subject)) {
    targets.push([await happen(rig, act), isAbsent(act.webhook) ? {} : act.webhook])
    letters.push(...rig.postbox.take())
  }
  expect(await check()).toBe(letters.length)
  expect(await check()).toBe(0)
  await settle(rig)
  for (const [target, told] of targets) expect(await driftAt(rig, target, told)).toEqual([])
  const filled = await counted(rig)
  expect(filled.events).toBe(before.events + letters.length)
  await deliver(rig, letters)
  await settle(rig)
  const after = await counted(rig)
  expect(after).toEqual({ ...filled, deliveries: filled.deliveries + letters.length })
  expect(await keptEvents(rig)).toBe(after.events)
}
