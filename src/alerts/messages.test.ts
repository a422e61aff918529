import { expect, it } from 'vitest'
import {
  type AlertFacts,
  describeDuration,
  escalatedMessage,
  openedMessage,
  recoveredMessage,
} from './messages.ts'

const alert: AlertFacts = {
  app: 'portal',
  stream: 'replies',
  condition: 'webhooks',
  level: 'warning',
  detail: 'no delivery for 6 minutes',
  openedAt: '2026-03-16T08:00:00.250Z',
  returns: 0,
}

it.each([
  [0, '0 s'],
  [-3, '0 s'],
  [44.6, '45 s'],
  [59.7, '1 min'],
  [14 * 60 + 30, '14 min'],
  [3_600, '1 h'],
  [3 * 3_600 + 5 * 60 + 7, '3 h 5 min'],
  [2 * 86_400 + 4 * 3_600 + 60, '2 d 4 h'],
])('%d s are %s', (seconds, text) => {
  expect(describeDuration(seconds)).toBe(text)
})

it('an opened alert says how bad, what, where and since when', () => {
  expect(openedMessage(alert)).toEqual({
    title: 'Warning: webhooks, portal / replies',
    tone: 'warning',
    text: 'no delivery for 6 minutes',
    fields: [
      { title: 'App', value: 'portal' },
      { title: 'Stream', value: 'replies' },
      { title: 'Since', value: '2026-03-16 08:00:00 UTC' },
    ],
    footer: 'Lockstep tells you when it is over',
    at: alert.openedAt,
  })
  expect(openedMessage({ ...alert, level: 'critical', stream: '' })).toMatchObject({
    title: 'Critical: webhooks, portal',
    tone: 'critical',
  })
})

it('one that turned critical says so', () => {
  expect(escalatedMessage({ ...alert, level: 'critical' }, '2026-03-16T08:05:00Z')).toMatchObject({
    title: 'Now critical: webhooks, portal / replies',
    tone: 'critical',
    at: '2026-03-16T08:05:00Z',
  })
})

it('a recovery says how long it lasted and how often it came back', () => {
  const over = { closedAt: '2026-03-16T08:31:00Z', quietMs: 600_000 }
  const message = recoveredMessage({ ...alert, returns: 2 }, over)
  expect(message).toMatchObject({ title: 'Over: webhooks, portal / replies', tone: 'good' })
  expect(message.fields).toContainEqual({ title: 'Lasted', value: '31 min' })
  expect(message.fields).toContainEqual({ title: 'Came back meanwhile', value: '2 times' })
  expect(message.footer).toBe('Quiet for 10 min since')
  expect(recoveredMessage(alert, over).fields?.map(({ title }) => title)).not.toContain('Came back meanwhile')
})
