import { describe, expect, it } from 'vitest'
import { deliverDue, notifyRetry } from '../../src/alerts/deliver.ts'
import { notify, notifyAll, reviveDead } from '../../src/alerts/outbox.ts'
import type { Queryable } from '../../src/db/database.ts'
import type { Message } from '../../src/sinks/contract.ts'
import { createSlack } from '../../src/sinks/slack/slack.ts'
import { HASTY, withAnswers, withSlackWorld } from './slack-world.ts'

const forever = new AbortController().signal
const message = (title: string): Message => ({ title, tone: 'neutral' })
const put = (db: Queryable, title: string, purpose = 'alerts'): Promise<boolean> =>
  notify(db, { app: 'portal', purpose, message: message(title) })

interface Row {
  status: string
  error: string | null
}
const rowsOf = async (db: Queryable): Promise<Row[]> =>
  (await db.query<Row>('select * from lockstep.notifications order by id')).rows

describe('delivering', () => {
  it('keeps the order of each hook, and its pace of one a second', async () => {
    await withSlackWorld(
      { limits: { perSecond: 1, burst: 1 } },
      async ({ db, sim, clock, deliver, titles }) => {
        await notifyAll(
          db,
          ['a', 'b', 'c', 'd'].map((title) => ({
            app: 'portal',
            purpose: 'alerts',
            message: message(title),
          })),
        )
        const { outcomes, nextInMs } = await deliver()
        expect(outcomes.map(({ result }) => result)).toEqual(['sent', 'sent', 'sent', 'sent'])
        expect(titles('alerts')).toEqual(['a', 'b', 'c', 'd'])
        expect(sim.requests.every(({ status }) => status === 200)).toBe(true)
        expect(clock.naps).toEqual([1_000, 1_000, 1_000])
        expect(nextInMs).toBeUndefined()
      },
    )
  })

  it('429: comes again when Slack said, not before, and those behind keep their place', async () => {
    await withSlackWorld(
      { limits: { perSecond: 0.05, burst: 1 } },
      async ({ db, sim, clock, deliver, titles }) => {
        for (const title of ['a', 'b', 'c']) await put(db, title)
        const { outcomes, nextInMs } = await deliver()
        expect(outcomes).toMatchObject([{ result: 'sent' }, { result: 'postponed', attempts: 1 }])
        expect(outcomes[1]?.error).toContain('429')
        // A second of pace has gone by since the first.
        expect(nextInMs).toBeCloseTo(19_000, -2)
        clock.ms += 15_000
        expect((await deliver()).outcomes).toEqual([])
        expect(sim.requests.map(({ status }) => status)).toEqual([200, 429])
        clock.ms += 4_500
        await deliver()
        expect(titles('alerts')).toEqual(['a', 'b'])
        expect(sim.requests.map(({ status }) => status)).toEqual([200, 429, 200, 429])
      },
    )
  })

  it('500: tried again with growing delays, then given up with its error', async () => {
    await withSlackWorld({ limits: HASTY }, async ({ db, sim, clock, deliver, titles }) => {
      await put(db, 'first')
      await put(db, 'second')
      sim.faults.http500 = 1
      const tries = notifyRetry.delaysMs.length + 1
      const waits: number[] = []
      for (let n = 1; n <= tries; n++) {
        const { outcomes, nextInMs } = await deliver()
        expect(outcomes[0]).toMatchObject({ attempts: n, result: n < tries ? 'postponed' : 'dead' })
        waits.push(nextInMs ?? 0)
        clock.ms += (nextInMs ?? 0) + 1
      }
      for (const [i, delay] of notifyRetry.delaysMs.entries()) {
        expect(waits[i]).toBeGreaterThan(delay - 1)
        expect(waits[i]).toBeLessThan(delay * 1.2 + 1)
      }
      expect((await rowsOf(db))[0]).toMatchObject({
        status: 'dead',
        error: 'Slack answered 500 rollup_error (Slack failed inside)',
      })
      sim.faults.http500 = 0
      clock.ms += 10_000
      await deliver()
      expect(titles('alerts')).toEqual(['second'])
    })
  })

  it('404 no_service: given up at once, and due again when the hook was mended', async () => {
    await withSlackWorld({ limits: HASTY }, async ({ db, sim, clock, deliver, titles }) => {
      for (const title of ['a', 'b']) await put(db, title)
      const removed = { alerts: `${sim.url}/services/T00000001/B99999999/gone` }
      const gone = createSlack({ clock }).notifiers(removed)
      const { outcomes } = await deliverDue(db, gone, { signal: forever, now: clock.now })
      expect(outcomes.map(({ result }) => result)).toEqual(['dead', 'dead'])
      expect(sim.requests.map(({ status, text }) => `${status} ${text}`)).toEqual([
        '404 no_service',
        '404 no_service',
      ])
      expect((await rowsOf(db))[0]?.error).toMatch(/404 no_service.*make a new incoming webhook/)
      await deliver()
      expect(titles('alerts')).toEqual([])
      expect(await reviveDead(db, { app: 'portal', purpose: 'alerts' })).toBe(2)
      await deliver()
      expect(titles('alerts')).toEqual(['a', 'b'])
    })
  })

  it('a purpose without a hook is skipped, which is no error, and holds up nobody', async () => {
    await withSlackWorld({}, async ({ db, deliver, titles }) => {
      await put(db, 'for nobody', 'summary')
      await put(db, 'an alert')
      const { outcomes, skipped } = await deliver()
      expect({ skipped, outcomes: outcomes.length }).toEqual({ skipped: 1, outcomes: 1 })
      expect((await rowsOf(db)).map(({ status }) => status)).toEqual(['skipped', 'sent'])
      expect(titles('alerts')).toEqual(['an alert'])
    })
  })

  it('a hook that is ill does not keep the others', async () => {
    await withAnswers(
      () => ({ status: 503, body: '' }),
      async (ill) => {
        await withSlackWorld({ limits: HASTY, urls: { leads: ill } }, async ({ db, deliver, titles }) => {
          await put(db, 'a lead', 'leads')
          await put(db, 'an alert')
          const { outcomes } = await deliver()
          expect(outcomes.map(({ purpose, result }) => `${purpose} ${result}`).sort()).toEqual([
            'alerts sent',
            'leads postponed',
          ])
          expect(titles('alerts')).toEqual(['an alert'])
        })
      },
    )
  })

  it('purposes with one hook share its queue', async () => {
    const asked: string[] = []
    let down = true
    const answer = () => (down ? { status: 503, body: '' } : { status: 200, body: 'ok' })
    await withAnswers(
      () => {
        asked.push('x')
        return answer()
      },
      async (url) => {
        await withSlackWorld(
          { purposes: [], urls: { alerts: url, team: url } },
          async ({ db, clock, deliver }) => {
            await put(db, 'first', 'team')
            await put(db, 'second')
            expect((await deliver()).outcomes.map(({ purpose }) => purpose)).toEqual(['team'])
            expect((await deliver()).outcomes).toEqual([])
            expect(asked).toHaveLength(1)
            down = false
            clock.ms += 3_000
            expect((await deliver()).outcomes.map(({ purpose }) => purpose)).toEqual(['team', 'alerts'])
          },
        )
      },
    )
  })

  it('what is for later goes later, and holds up nobody', async () => {
    await withSlackWorld({ limits: HASTY }, async ({ db, clock, deliver, titles }) => {
      const sendAfter = new Date(clock.ms + 60_000).toISOString()
      await notify(db, { app: 'portal', purpose: 'alerts', message: message('later'), sendAfter })
      await put(db, 'now')
      expect((await deliver()).nextInMs).toBeCloseTo(59_000, -4)
      expect(titles('alerts')).toEqual(['now'])
      clock.ms += 60_000
      await deliver()
      expect(titles('alerts')).toEqual(['now', 'later'])
    })
  })

  it('many nodes at once: each message once, in order, and all of them together keep the pace', async () => {
    await withSlackWorld({ limits: { perSecond: 1, burst: 1 } }, async ({ db, sim, clock, titles }) => {
      const all = Array.from({ length: 12 }, (_, i) => `m${String(i).padStart(2, '0')}`)
      await notifyAll(
        db,
        all.map((title) => ({ app: 'portal', purpose: 'alerts', message: message(title) })),
      )
      const node = (name: string) => {
        const notifiers = createSlack({ clock }).notifiers({ alerts: sim.hook('alerts') })
        return async (): Promise<number> => {
          const options = { signal: forever, now: clock.now, node: name }
          const { outcomes, nextInMs } = await deliverDue(db, notifiers, options)
          // A step at a time: a claim that another has in hand must not run out.
          clock.ms += Math.min(nextInMs ?? 0, 250)
          return outcomes.length
        }
      }
      const nodes = ['a', 'b', 'c'].map(node)
      let delivered = 0
      for (let round = 0; delivered < all.length && round < 200; round++) {
        const counts = await Promise.all(nodes.map((work) => work()))
        delivered += counts.reduce((sum, n) => sum + n, 0)
      }
      expect(titles('alerts')).toEqual(all)
      expect(sim.requests.every(({ status }) => status === 200)).toBe(true)
    })
  })
})
