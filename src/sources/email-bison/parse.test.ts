import { describe, expect, it } from 'vitest'
import { NEVER, parseStamp } from '../../engine/stamp.ts'
import { rowTime, SETTLE_MS, stateTime } from '../../engine/read-time.ts'
import { DELETED, type JsonObject } from '../../engine/observation.ts'
import { parseDelivery } from './parse.ts'
import { GRANULE_US } from './rows.ts'

const SECOND = '2026-11-18T16:00:07.000000Z'
const AT_US = Date.parse(SECOND) * 1000
const reply = { id: 9, uuid: 'r9', interested: false, created_at: SECOND, updated_at: SECOND }

const delivery = (type: string, n: number, data: JsonObject) => ({
  n,
  receivedAt: AT_US + n,
  payload: {
    event: { type, instance_url: 'https://send.test', workspace_id: 37, workspace_name: 'One' },
    data,
  },
})
const parse = (
  type: string,
  n: number,
  data: JsonObject,
  streams = { senders: 's', replies: 'r' } as const,
) =>
  parseDelivery(
    delivery(type, n, data),
    () => 'send',
    (scope) => (scope === 'send/37' ? streams : undefined),
  )

describe('of one second', () => {
  const marked = parse('LEAD_INTERESTED', 1, { reply: { ...reply, interested: true } }).observations[0]
  if (marked === undefined) throw new Error('no observation')

  it('the mark of a reply outranks the reply, though that was received after it', () => {
    const [came] = parse('LEAD_REPLIED', 2, { reply }).observations
    expect(came?.values['is_interested']).toBe(false)
    expect(marked.values['is_interested']).toBe(true)
    // As text they order as their parts do.
    expect(marked.stamp > (came?.stamp ?? '~')).toBe(true)
  })

  it('it outranks what a lagging read shows of that second, and no read of a later change', () => {
    const { at } = parseStamp(marked.stamp)
    const readLater = (updatedAt: number): number => rowTime(AT_US + 20_000_000, updatedAt, GRANULE_US)
    expect(readLater(AT_US)).toBeLessThan(at)
    expect(readLater(AT_US + GRANULE_US)).toBeGreaterThan(at)
    // Long after it, whatever the row's own times say.
    expect(rowTime(AT_US + 60_000_000, AT_US, GRANULE_US)).toBeGreaterThan(at)
  })
})

it('what happens in a workspace that was not found yet counts, and nothing of it is asked for', () => {
  const parsed = parseDelivery(
    delivery('EMAIL_ACCOUNT_DISCONNECTED', 1, { sender_email: { id: 4, updated_at: SECOND } }),
    () => 'send',
    () => undefined,
  )
  expect(parsed).toMatchObject({ outcome: 'applied', refetches: [] })
  expect(parsed.facts).toMatchObject([{ scope: 'send/37', type: 'email_account_disconnected', at: AT_US }])
  expect(parsed.observations).toMatchObject([{ key: 'send/37/4', values: { status: 'Disconnected' } }])
})

it('a reply was there when it came: a read that did not know it yet half a minute later does not undo that', () => {
  const [came] = parse('LEAD_REPLIED', 1, { reply }).observations
  const there = parseStamp(came?.stamps?.[DELETED] ?? NEVER).at
  const absentAt = (afterMs: number): number => stateTime(AT_US + afterMs * 1000)
  expect(absentAt(SETTLE_MS - 1)).toBeLessThan(there)
  expect(absentAt(SETTLE_MS + 1)).toBeGreaterThan(there)
})

it('an account is read when the second of its change is over: that read outranks the event', () => {
  const { observations, refetches } = parse('EMAIL_ACCOUNT_DISCONNECTED', 1, {
    sender_email: { id: 4, updated_at: SECOND },
  })
  expect(observations).toHaveLength(1)
  const [{ delayMs = 0 } = {}] = refetches
  // The vendor's clock is known to a second.
  const floor = AT_US + (delayMs - 1_000) * 1000
  expect(rowTime(floor, AT_US, GRANULE_US)).toBeGreaterThan(AT_US)
})
