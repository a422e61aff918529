import { expect, it } from 'vitest'
import { Activity } from './activity.ts'

const NOW = 1_760_000_000_000
const campaigns = (...statuses: readonly string[]) =>
  statuses.map((status, i) => ({ key: `send/2/${i}`, values: { status } }))
const fact = (atMs: number, data = { campaign: { id: 7 } }) => ({
  key: 'k',
  type: 'email_sent',
  scope: 'send/2',
  at: atMs * 1000,
  data,
})
const WHOLE = { isFirst: true, isLast: true }

it('a workspace is at work until its campaigns were read whole and none of them sends', () => {
  const activity = new Activity()
  expect(activity.isAtWork('send/2', NOW)).toBe(true)
  activity.read('send/2', campaigns('paused'), { isFirst: true, isLast: false })
  expect(activity.isAtWork('send/2', NOW)).toBe(true)
  activity.read('send/2', campaigns('completed'), { isFirst: false, isLast: true })
  expect(activity.isAtWork('send/2', NOW)).toBe(false)
  activity.read('send/2', campaigns('active'), { isFirst: true, isLast: false })
  activity.read('send/2', campaigns('draft'), { isFirst: false, isLast: true })
  expect(activity.isAtWork('send/2', NOW)).toBe(true)
})

it('a pass whose beginning another process read says nothing', () => {
  const activity = new Activity()
  activity.read('send/2', campaigns('paused'), { isFirst: false, isLast: true })
  expect(activity.isAtWork('send/2', NOW)).toBe(true)
})

it('an event of one of its mails puts it to work for a quarter of an hour, an account’s event does not', () => {
  const activity = new Activity()
  activity.read('send/2', campaigns('paused'), WHOLE)
  activity.hear({ ...fact(NOW), data: { sender_email: { id: 1 } } })
  expect(activity.isAtWork('send/2', NOW)).toBe(false)
  activity.hear(fact(NOW))
  // One of before that comes late changes nothing.
  activity.hear(fact(NOW - 3_600_000))
  expect(activity.isAtWork('send/2', NOW + 14 * 60_000)).toBe(true)
  expect(activity.isAtWork('send/2', NOW + 16 * 60_000)).toBe(false)
})
