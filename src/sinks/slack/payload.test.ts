import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Message } from '../contract.ts'
import { toPayload } from './payload.ts'

it('a message becomes one attachment, its tone a colour', () => {
  const message: Message = {
    title: 'Critical: webhooks',
    tone: 'critical',
    text: 'the last poll found 3 rows',
    fields: [
      { title: 'App', value: 'portal' },
      { title: 'It was', value: 'long', wide: true },
    ],
    links: [{ label: 'Respond', url: 'https://bison.test/inbox?reply_uuid=1&x=2' }],
    footer: 'Lockstep',
    at: '2026-03-16T08:00:00.500Z',
  }
  expect(toPayload(message)).toEqual({
    attachments: [
      {
        color: 'danger',
        fallback: '🔴 Critical: webhooks',
        title: '🔴 Critical: webhooks',
        text: 'the last poll found 3 rows',
        fields: [
          { title: 'App', value: 'portal', short: true },
          { title: 'It was', value: 'long', short: false },
        ],
        actions: [{ type: 'button', text: 'Respond', url: 'https://bison.test/inbox?reply_uuid=1&x=2' }],
        footer: 'Lockstep',
        ts: 1773648000,
        mrkdwn_in: [],
      },
    ],
  })
})

it('links that are no web addresses are left out', () => {
  const links = [{ label: 'Click', url: 'javascript:alert(1)' }]
  expect(toPayload({ title: 'A reply', tone: 'neutral', links }).attachments[0]).not.toHaveProperty('actions')
})

it('nothing that a person wrote calls a channel, becomes a link, breaks JSON or grows past the limits', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom('<!channel>', '<https://evil.test|pay here>', '\ud83d', '&lt;', 'x'.repeat(5_000)),
  )
  const message = fc.record({
    title: text,
    tone: fc.constantFrom<Message['tone'][]>('neutral', 'good', 'warning', 'critical'),
    text,
    fields: fc.array(fc.record({ title: text, value: text }), { maxLength: 40 }),
    footer: text,
    at: fc.oneof(fc.constant('2026-03-16T08:00:00Z'), text),
  })
  fc.assert(
    fc.property(message, (given) => {
      const [shown] = toPayload(given).attachments
      const texts = [shown?.title, shown?.text, shown?.footer, shown?.fallback].concat(
        (shown?.fields ?? []).flatMap(({ title, value }) => [title, value]),
      )
      for (const part of texts) {
        expect(part).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/)
        expect(part?.isWellFormed()).toBe(true)
      }
      expect(shown?.fields?.length ?? 0).toBeLessThanOrEqual(20)
      expect(JSON.stringify(shown).length).toBeLessThan(300_000)
    }),
  )
})
