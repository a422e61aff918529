import { describe, expect, it } from 'vitest'
import { CLAIM_S, claimHead } from '../../src/alerts/claims.ts'
import { deliverDue, notifyRetry } from '../../src/alerts/deliver.ts'
import { notify } from '../../src/alerts/outbox.ts'
import { Database, type Queryable } from '../../src/db/database.ts'
import type { Notifier } from '../../src/sinks/contract.ts'
import { HASTY, withSlackWorld } from './slack-world.ts'

const dead = { node: 'dead', paceMs: 1_000 }
const forever = new AbortController().signal
const put = (db: Queryable, title: string): Promise<boolean> =>
  notify(db, { app: 'portal', purpose: 'alerts', message: { title, tone: 'neutral' } })
const rowsOf = async (db: Queryable) =>
  (
    await db.query<{ status: string; attempts: number; error: string | null }>(
      'select status, attempts, error from lockstep.notifications order by id',
    )
  ).rows

describe('a node that dies', () => {
  it('between claim and sending: the message goes out when the claim has ended, not before', async () => {
    await withSlackWorld({ limits: HASTY }, async ({ db, clock, deliver, titles }) => {
      await put(db, 'first')
      await put(db, 'second')
      await claimHead(db, ['alerts'], { ...dead, now: new Date(clock.ms) })
      expect((await deliver()).outcomes).toEqual([])
      clock.ms += CLAIM_S * 1_000
      expect((await deliver()).outcomes).toMatchObject([{ attempts: 2, result: 'sent' }, { attempts: 1 }])
      expect(titles('alerts')).toEqual(['first', 'second'])
    })
  })

  it('between sending and writing it down: sent once more, never lost', async () => {
    await withSlackWorld({ limits: HASTY }, async ({ db, clock, notifiers, deliver, titles }) => {
      await put(db, 'first')
      const dying = new Database({ url: db.url })
      const hook = notifiers.get('alerts') as Notifier
      const mortal: Notifier = {
        name: 'mortal',
        paceMs: 1_000,
        async send(what, signal) {
          const sent = await hook.send(what, signal)
          await dying.close()
          return sent
        },
      }
      const delivering = deliverDue(dying, new Map([['alerts', mortal]]), { signal: forever, now: clock.now })
      await expect(delivering).rejects.toThrow(/pool/)
      expect((await deliver()).outcomes).toEqual([])
      clock.ms += CLAIM_S * 1_000
      await deliver()
      expect(titles('alerts')).toEqual(['first', 'first'])
      expect(await rowsOf(db)).toMatchObject([{ status: 'sent', attempts: 2 }])
    })
  })

  it('of the message, again and again: given up in the end', async () => {
    await withSlackWorld({ limits: HASTY }, async ({ db, clock, deliver, titles }) => {
      await put(db, 'fatal')
      await put(db, 'next')
      for (let i = 0; i <= notifyRetry.delaysMs.length; i++) {
        expect(await claimHead(db, ['alerts'], { ...dead, now: new Date(clock.ms) })).toBeDefined()
        clock.ms += CLAIM_S * 1_000
      }
      expect((await deliver()).outcomes).toMatchObject([{ result: 'dead' }, { result: 'sent' }])
      expect((await rowsOf(db))[0]?.error).toContain('it may have come through')
      expect(titles('alerts')).toEqual(['next'])
    })
  })

  it('that stops while a message waits for its turn gives it back untouched', async () => {
    await withSlackWorld({}, async ({ db, clock, deliver }) => {
      await put(db, 'first')
      const stop = new AbortController()
      const waiting: Notifier = {
        name: 'waiting',
        paceMs: 1_000,
        async send(_what, signal) {
          stop.abort(new Error('the node stops'))
          throw signal.reason
        },
      }
      const told = await deliverDue(db, new Map([['alerts', waiting]]), {
        signal: stop.signal,
        now: clock.now,
      })
      expect(told.outcomes).toMatchObject([{ result: 'released' }])
      expect(await rowsOf(db)).toMatchObject([{ status: 'pending', attempts: 0 }])
      expect((await deliver()).outcomes).toMatchObject([{ result: 'sent', attempts: 1 }])
    })
  })
})
