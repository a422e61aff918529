import { expect } from 'vitest'
import { apply, deliver, drift, driftAt, happen, type Rig, settle, sync } from './rig.ts'
import { type Act, ACT_KINDS, isAbsent } from './subject.ts'
import type { Suite } from './suite.ts'

/** Each thing that may happen to a record, learnt in each way. */
export function actTests({ subject, ask, lacks }: Suite): void {
  for (const kind of ACT_KINDS) {
    const acts = subject.acts[kind]
    if (isAbsent(acts)) {
      lacks(`${kind} of a record`, acts)
      continue
    }
    for (const act of acts) {
      if (isAbsent(act.webhook)) lacks(`${act.name}: learnt by webhook`, act.webhook)
      if (isAbsent(act.delta)) lacks(`${act.name}: learnt by a delta`, act.delta)
      const ways = [
        ...(isAbsent(act.webhook) ? [] : ['by webhook']),
        ...(isAbsent(act.delta) ? [] : ['by a delta']),
        'by a full pass',
      ]
      // One after another on one rig: each time it happens anew.
      ask(`${act.name}: learnt ${ways.join(', ')}`, async (rig) => {
        await byWebhook(rig, act)
        await byDelta(rig, act)
        await byFullPass(rig, act)
      })
    }
  }
  const { dependency } = subject
  if (isAbsent(dependency)) lacks('what others show of a record follows it', dependency)
  else {
    ask(dependency.name, async (rig) => {
      const { shown, ...changed } = await happen(rig, dependency)
      expect(shown.length).toBeGreaterThan(0)
      await deliver(rig, rig.postbox.take())
      await settle(rig)
      for (const target of [changed, ...shown]) expect(await driftAt(rig, target, {})).toEqual([])
    })
  }
}

async function byWebhook(rig: Rig, act: Act): Promise<void> {
  if (isAbsent(act.webhook)) return
  const target = await happen(rig, act)
  expect(await driftAt(rig, target, {})).not.toEqual([])
  const letters = rig.postbox.take()
  expect(letters.length).toBeGreaterThan(0)
  await deliver(rig, letters)
  await settle(rig)
  expect(await driftAt(rig, target, act.webhook)).toEqual([])
  const { rows } = await rig.db.query(
    `select event_type, error from lockstep.inbox where status <> 'processed'`,
  )
  expect(rows).toEqual([])
}

async function byDelta(rig: Rig, act: Act): Promise<void> {
  if (isAbsent(act.delta)) return
  const target = await happen(rig, act)
  expect(await driftAt(rig, target, {})).not.toEqual([])
  const { failures, runs } = await sync(rig, { full: false })
  expect(failures).toEqual([])
  expect(runs.some(({ lane }) => lane === 'delta')).toBe(true)
  expect(await driftAt(rig, target, act.delta)).toEqual([])
}

/** And the letters that come after it say nothing new. */
async function byFullPass(rig: Rig, act: Act): Promise<void> {
  const target = await happen(rig, act)
  expect(await driftAt(rig, target, {})).not.toEqual([])
  const { failures, problems } = await sync(rig)
  expect({ failures, problems }).toEqual({ failures: [], problems: [] })
  await settle(rig)
  expect(await drift(rig)).toEqual([])
  await deliver(rig, rig.postbox.take())
  await apply(rig)
  expect(await drift(rig)).toEqual([])
  await settle(rig)
  expect(await drift(rig)).toEqual([])
}
