import { expect } from 'vitest'
import { actsOf, apply, deliver, happen, patience, register, type Rig } from './rig.ts'
import { type Act, isAbsent, type Letter, type Subject } from './subject.ts'
import type { Suite } from './suite.ts'

export function doorTests({ subject, ask, lacks }: Suite): void {
  ask('forged deliveries are refused with 401, and nothing is kept', forged)
  ask('a body that is not JSON is refused with 400, and nothing is kept', notJson)
  const { challenge } = subject
  if (isAbsent(challenge)) lacks('the handshake', challenge)
  else ask('the handshake is answered on the right path alone, and kept nowhere', handshake)
  ask('are registered once, listed as ours, made again when they are gone', registered)
  ask('are removed, and nobody else’s with them', removed)
}

/** A letter of the first act that the vendor tells of. */
export async function oneLetter(rig: Rig): Promise<Letter> {
  const letters = await lettersOf(rig, toldActs(rig.subject)[0])
  const [letter] = letters
  if (letter === undefined) throw new Error('the vendor told nothing')
  return letter
}

export const toldActs = (subject: Subject): readonly Act[] =>
  actsOf(subject).filter(({ webhook }) => !isAbsent(webhook))

export async function lettersOf(rig: Rig, act: Act | undefined): Promise<Letter[]> {
  if (act === undefined) throw new Error('a subject needs an act that its vendor tells of')
  await happen(rig, act)
  return rig.postbox.take()
}

export const keptEvents = async ({ db }: Rig): Promise<number> =>
  (await db.query('select 1 from lockstep.inbox')).rowCount ?? 0

/** The same body, proven anew where the vendor signs. */
export function resigned({ world, postbox }: Rig, letter: Letter, body: string): Letter {
  const proof = world.sign?.(body, `${postbox.url}${letter.path}`) ?? {}
  return { ...letter, headers: { ...letter.headers, ...proof }, body }
}

async function forged(rig: Rig): Promise<void> {
  const letter = await oneLetter(rig)
  const { door } = rig.pipeline.source
  expect(door.guarded).toBe(true)
  const [, webhooks, app, secret] = letter.path.split('/')
  const elsewhere =
    secret === undefined
      ? []
      : [
          { ...letter, path: `/${webhooks}/${app}` },
          { ...letter, path: `/${webhooks}/${app}/guessed` },
        ]
  const forgeries = [...elsewhere, ...rig.subject.forgeries(letter)]
  expect(forgeries.length).toBeGreaterThan(0)
  for (const forgery of forgeries) {
    const { status } = await rig.postbox.post(forgery)
    expect({ path: forgery.path, status }).toEqual({ path: forgery.path, status: 401 })
  }
  expect(await keptEvents(rig)).toBe(0)
  expect((await rig.postbox.post(letter)).status).toBe(200)
  expect(await keptEvents(rig)).toBe(1)
}

async function notJson(rig: Rig): Promise<void> {
  const letter = await oneLetter(rig)
  for (const body of ['', '{', 'event=1', letter.body.slice(0, -1)]) {
    const { status } = await rig.postbox.post(resigned(rig, letter, body))
    expect({ body: body.slice(0, 20), status }).toEqual({ body: body.slice(0, 20), status: 400 })
  }
  expect(await keptEvents(rig)).toBe(0)
}

async function handshake(rig: Rig): Promise<void> {
  const { challenge } = rig.subject
  if (isAbsent(challenge)) return
  const letter = await oneLetter(rig)
  const asked = resigned(rig, letter, JSON.stringify(challenge.payload))
  const right = await rig.postbox.post(asked)
  expect({ status: right.status, body: JSON.parse(right.text) as unknown }).toEqual({
    status: 200,
    body: challenge.answer,
  })
  const wrong = await rig.postbox.post({ ...asked, path: `${asked.path}x` })
  expect(wrong.status).toBe(401)
  expect(await keptEvents(rig)).toBe(0)
}

async function registered(rig: Rig): Promise<void> {
  const { pipeline, world, hook } = rig
  const { webhooks } = pipeline.source
  const made = world.webhooks()
  expect(made).toBeGreaterThan(0)
  const again = await webhooks.register(hook, patience())
  expect(new Set(again.map(({ action }) => action))).toEqual(new Set(['kept']))
  expect(world.webhooks()).toBe(made)
  world.addForeignWebhook()
  const listed = await webhooks.list(patience())
  expect(listed.filter(({ ours }) => ours)).toHaveLength(made)
  expect(listed.filter(({ ours }) => !ours)).toHaveLength(1)
  const wanted = webhooks.wanted.map(({ stream, event }) => `${stream} ${event}`).sort()
  const ours = listed.filter((one) => one.ours).map(({ stream, event }) => `${stream} ${event}`)
  expect(ours.sort()).toEqual(wanted)
  world.dropWebhooks()
  await register(rig)
  expect(world.webhooks()).toBe(made)
  const act = toldActs(rig.subject)[0]
  expect((await lettersOf(rig, act)).length).toBeGreaterThan(0)
}

async function removed(rig: Rig): Promise<void> {
  const { pipeline, world } = rig
  const { webhooks } = pipeline.source
  const made = world.webhooks()
  world.addForeignWebhook()
  const changes = await webhooks.remove(patience())
  expect(changes.map(({ action }) => action)).toEqual(Array.from({ length: made }, () => 'removed'))
  expect(world.webhooks()).toBe(1)
  expect((await webhooks.list(patience())).map(({ ours }) => ours)).toEqual([false])
  expect(await lettersOf(rig, toldActs(rig.subject)[0])).toEqual([])
  // What is gone already is what was wanted.
  await register(rig)
  world.dropWebhooks()
  const gone = await webhooks.remove(patience())
  expect(gone.filter(({ action }) => action === 'failed')).toEqual([])
  await deliver(rig, [])
  await apply(rig)
}
