import { expect, test } from 'vitest'
import { withSlackSim } from './with-sim.ts'

async function post(url: string, body: unknown, contentType = 'application/json') {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(url, { method: 'POST', headers: { 'Content-Type': contentType }, body: text })
  const retryAfter = response.headers.get('retry-after')
  return { status: response.status, text: await response.text(), retryAfter }
}

const FROZEN = { now: () => 1e12 }

test('a message is taken with `ok` and kept; its channel is that of the hook', async () => {
  await withSlackSim({}, async (slack) => {
    const url = slack.hook('leads')
    expect(url).toMatch(/\/services\/T\w+\/B\w+\/\w+$/)
    expect(slack.hook('leads')).toBe(url)
    expect(await post(url, { text: 'New lead', channel: '#other' })).toMatchObject({
      status: 200,
      text: 'ok',
    })
    const form = `payload=${encodeURIComponent('{"blocks":[{"type":"divider"}]}')}`
    expect((await post(slack.hook('ops'), form, 'application/x-www-form-urlencoded')).status).toBe(200)
    expect(slack.messages('leads')).toMatchObject([{ channel: '#leads', text: 'New lead' }])
    expect(slack.messages()).toHaveLength(2)
  })
})

test('errors are plain words', async () => {
  await withSlackSim({ clock: FROZEN }, async (slack) => {
    const url = slack.hook('team')
    expect(await post(url, 'not json')).toMatchObject({ status: 400, text: 'invalid_payload' })
    expect(await post(url, { username: 'x' })).toMatchObject({ status: 400, text: 'no_text' })
    const attachments = Array.from({ length: 101 }, () => ({ text: 'x' }))
    expect(await post(url, { attachments })).toMatchObject({ status: 400, text: 'too_many_attachments' })
    expect(await post(`${url}x`, { text: 'x' })).toMatchObject({ status: 403, text: 'invalid_token' })
    expect(await post(url.replace('/B0000', '/B9999'), { text: 'x' })).toMatchObject({
      status: 404,
      text: 'no_service',
    })
    for (const [state, status] of [
      ['channel_is_archived', 410],
      ['channel_not_found', 404],
      ['action_prohibited', 403],
      ['no_active_hooks', 404],
    ] as const) {
      slack.setHook('team', state)
      expect(await post(url, { text: 'x' })).toMatchObject({ status, text: state })
    }
    expect(slack.messages('team')).toEqual([])
    expect(slack.requests).toHaveLength(9)
  })
})

test('one message a second and short bursts; who does not listen to 429 loses the hook', async () => {
  let now = 1e12
  await withSlackSim({ clock: { now: () => now }, limits: { burst: 3, disableAfter: 4 } }, async (slack) => {
    const url = slack.hook('team')
    const statuses: number[] = []
    for (let i = 0; i < 4; i++) statuses.push((await post(url, { text: `${i}` })).status)
    expect(statuses).toEqual([200, 200, 200, 429])
    expect(await post(url, { text: 'x' })).toMatchObject({
      status: 429,
      retryAfter: '1',
      text: 'rate_limited',
    })
    now += 1_000
    expect((await post(url, { text: 'x' })).status).toBe(200)
    for (let i = 0; i < 4; i++) await post(url, { text: 'x' })
    now += 60_000
    expect(await post(url, { text: 'x' })).toMatchObject({ status: 404, text: 'no_active_hooks' })
    expect((await post(slack.hook('other'), { text: 'x' })).status).toBe(200)
  })
})

test('it fails and hangs on demand', async () => {
  await withSlackSim({ faults: { http500: 1 } }, async (slack) => {
    const url = slack.hook('team')
    expect(await post(url, { text: 'x' })).toMatchObject({ status: 500, text: 'rollup_error' })
    Object.assign(slack.faults, { http500: 0, http429: 1 })
    expect((await post(url, { text: 'x' })).status).toBe(429)
    Object.assign(slack.faults, { http429: 0, timeout: 1 })
    const signal = AbortSignal.timeout(100)
    await expect(fetch(url, { method: 'POST', body: '{"text":"x"}', signal })).rejects.toThrow(/timeout/)
    expect(slack.messages()).toEqual([])
    expect(slack.requests.map(({ status }) => status)).toEqual([500, 429, 0])
  })
})
