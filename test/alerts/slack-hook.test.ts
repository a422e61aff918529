import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { ConfigError, VendorRefusedError, VendorUnavailableError } from '../../src/engine/errors.ts'
import type { Message } from '../../src/sinks/contract.ts'
import { createSlack } from '../../src/sinks/slack/slack.ts'
import { withSlackSim } from '../../sim/slack/with-sim.ts'
import { HASTY, hookAt, TestClock, titleOf, withAnswers } from './slack-world.ts'

const forever = new AbortController().signal
const message = (title: string): Message => ({ title, tone: 'neutral' })
const TOKEN = 'T0SECRET01/B0SECRET01/sUperSecretToken1234567890'

describe('a hook', () => {
  it('sends at most one message a second, in the order asked', async () => {
    const clock = new TestClock()
    await withSlackSim({ clock, limits: { perSecond: 1, burst: 1 } }, async (sim) => {
      const hook = hookAt({ alerts: sim.hook('alerts') }, clock)
      await Promise.all(['a', 'b', 'c', 'd'].map((title) => hook.send(message(title), forever)))
      expect(sim.messages('alerts').map(({ payload }) => titleOf(payload))).toEqual(['a', 'b', 'c', 'd'])
      expect(sim.requests.map(({ status }) => status)).toEqual([200, 200, 200, 200])
      expect(clock.naps).toEqual([1_000, 1_000, 1_000])
    })
  })

  it('waits for nobody where other hooks are busy', async () => {
    const clock = new TestClock()
    await withSlackSim({ clock }, async (sim) => {
      const hooks = createSlack({ clock }).notifiers({ a: sim.hook('a'), b: sim.hook('b') })
      for (const hook of hooks.values()) await hook.send(message('hello'), forever)
      expect(clock.naps).toEqual([])
    })
  })

  it('holds its breath for as long as Slack says', async () => {
    const clock = new TestClock()
    let asked = 0
    const answer = () => ({ status: ++asked === 1 ? 429 : 200, body: 'ok', headers: { 'Retry-After': '7' } })
    await withAnswers(answer, async (url) => {
      const hook = hookAt({ alerts: url }, clock)
      await expect(hook.send(message('a'), forever)).rejects.toMatchObject({ retryAfterMs: 7_000 })
      clock.ms += 1_000
      await expect(hook.send(message('a'), forever)).rejects.toMatchObject({ retryAfterMs: 6_000 })
      expect(asked).toBe(1)
      clock.ms += 6_000
      await hook.send(message('a'), forever)
      expect(asked).toBe(2)
    })
  })

  it('keeps its pace when the hooks are asked for anew, and shares it between purposes', async () => {
    const clock = new TestClock()
    await withSlackSim({ clock }, async (sim) => {
      const slack = createSlack({ clock })
      const first = slack.notifiers({ alerts: sim.hook('one'), team: sim.hook('one') })
      expect(first.get('alerts')).toBe(first.get('team'))
      const second = slack.notifiers({ team: sim.hook('one'), leads: undefined, summary: ' ' })
      expect(second.get('team')).toBe(first.get('team'))
      expect([...second.keys()]).toEqual(['team'])
    })
  })

  it('a time-out passes, and says that the message may have come through', async () => {
    await withSlackSim({ faults: { timeout: 1 } }, async (sim) => {
      const sent = hookAt({ alerts: sim.hook('alerts') }, new TestClock(), 50).send(message('a'), forever)
      await expect(sent).rejects.toThrow(VendorUnavailableError)
      await expect(sent).rejects.toThrow(/within 0.05 s; the message may have come through/)
    })
  })

  it('a connection that is refused, or breaks, passes', async () => {
    const closed = await withAnswers(
      () => ({ status: 200, body: 'ok' }),
      async (url) => url,
    )
    const refused = hookAt({ alerts: `${closed}/services/${TOKEN}` }).send(message('a'), forever)
    await expect(refused).rejects.toThrow('Slack cannot be reached: ECONNREFUSED')
    await withAnswers(
      () => 'hang up',
      async (url) => {
        const broken = hookAt({ alerts: url }).send(message('a'), forever)
        await expect(broken).rejects.toThrow(VendorUnavailableError)
      },
    )
  })

  it('follows no redirect', async () => {
    const answer = () => ({ status: 302, body: '', headers: { Location: 'http://127.0.0.1:1/' } })
    await withAnswers(answer, async (url) => {
      await expect(hookAt({ alerts: url }).send(message('a'), forever)).rejects.toThrow(VendorRefusedError)
    })
  })

  it('a stop ends the wait for a turn, and nothing is sent', async () => {
    const clock = new TestClock()
    await withSlackSim({ clock, limits: HASTY }, async (sim) => {
      const stop = new AbortController()
      const hook = hookAt({ alerts: sim.hook('alerts') }, clock)
      const sent = hook.send(message('a'), forever)
      const late = hook.send(message('b'), stop.signal)
      stop.abort(new Error('the node stops'))
      await sent
      await expect(late).rejects.toThrow('the node stops')
      expect(sim.messages('alerts')).toHaveLength(1)
    })
  })
})

describe('the URL of a hook', () => {
  const parts = ['T0SECRET01', 'B0SECRET01', 'sUperSecretToken1234567890']

  it('is in no error, not even where the answer repeats it, nor in what a logger prints of the hook', async () => {
    let url = ''
    const answer = (request: { url?: string | undefined }) => ({
      status: 404,
      body: `no_service: ${url} ${request.url}`,
    })
    await withAnswers(answer, async (base) => {
      url = `${base}/services/${TOKEN}`
      const hook = hookAt({ alerts: url })
      const error: unknown = await hook.send(message('a'), forever).catch((e: unknown) => e)
      expect(error).toBeInstanceOf(VendorRefusedError)
      expect((error as Error).message).toContain('no_service')
      const printed = [
        inspect(error, { depth: 9 }),
        inspect(hook, { depth: 9, showHidden: true }),
        JSON.stringify(hook),
      ]
      for (const part of parts) for (const text of printed) expect(text).not.toContain(part)
    })
  })

  it.each([
    `http://hooks.slack.com/services/${TOKEN}`,
    `hooks.slack.com/services/${TOKEN}`,
    `ftp://${TOKEN}`,
  ])('that is none is refused with its purpose, and not repeated', (url) => {
    const make = (): unknown => createSlack().notifiers({ leads: url })
    expect(make).toThrow(ConfigError)
    expect(make).toThrow(/the Slack webhook for "leads" is no https URL/)
    let text = ''
    try {
      make()
    } catch (error) {
      text = inspect(error, { depth: 9 })
    }
    for (const part of parts) expect(text).not.toContain(part)
  })
})
