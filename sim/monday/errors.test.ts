import { ApiClient, ClientError } from '@mondaydotcomorg/api'
import { expect, test } from 'vitest'
import { ask, post, withSim } from './with-sim.ts'
import { HIDDEN_BOARD, PARENT_BOARD } from './datacube/column-specs.ts'

const ME = '{ me { id } }'
type Errors = { message: string; path?: unknown[]; extensions: Record<string, unknown> }[]

test('every answer carries the rate headers, the version and a request id', async () => {
  await withSim({ projects: 1 }, async (sim) => {
    const { headers, body } = await post(sim, ME, {}, { 'API-Version': '2024-10' })
    expect(headers.get('ratelimit-policy')).toBe(
      '"minuteRate";q=5000;w=60, "concurrency";q=250;qu="concurrent-requests", "complexityMinute";q=10000000;w=60;qu="content-bytes"',
    )
    expect(headers.get('ratelimit')).toMatch(
      /^"minuteRate";r=4999, "concurrency";r=\d+, "complexityMinute";r=\d+;t=\d+$/,
    )
    // An unsupported old version is served by the oldest supported one.
    expect(headers.get('api-version')).toBe('2025-04')
    expect(body['extensions']).toHaveProperty('request_id')
    expect(headers.get('date')).toMatch(/GMT$/)
  })
})

test('a wrong token, a wrong version and a wrong query are refused', async () => {
  await withSim({ projects: 1 }, async (sim) => {
    expect((await post(sim, ME, {}, { Authorization: 'other' })).status).toBe(401)
    const version = await post(sim, ME, {}, { 'API-Version': '2026-02' })
    expect((version.body['errors'] as Errors)[0]?.extensions['code']).toBe('InvalidVersionException')
    const field = await post(sim, '{ me { no_such_field } }')
    expect(field.status).toBe(200)
    expect((field.body['errors'] as Errors)[0]?.message).toContain('Cannot query field "no_such_field"')
    const bearer = await post(sim, ME, {}, { Authorization: 'Bearer sim-token' })
    expect(bearer.body['data']).toEqual({ me: { id: '67214740' } })
  })
})

test('a spent complexity budget refuses with the shape of the version, until the minute is over', async () => {
  let now = Date.UTC(2026, 9, 31, 12)
  const limits = { complexityPerMinute: 5 }
  await withSim({ projects: 1, limits, clock: { now: () => now } }, async (sim) => {
    expect((await post(sim, ME)).status).toBe(200)
    now += 20_000
    await post(sim, ME)
    const modern = await post(sim, ME)
    expect(modern.status).toBe(429)
    expect(modern.headers.get('retry-after')).toBe('40')
    const extensions = { code: 'COMPLEXITY_BUDGET_EXHAUSTED', retry_in_seconds: 40 }
    expect(modern.body['errors']).toEqual([{ message: 'Complexity budget exhausted', extensions }])
    const older = await post(sim, ME, {}, { 'API-Version': '2025-04' })
    expect((older.body['errors'] as Errors)[0]?.extensions).toMatchObject({
      complexity: 2,
      complexity_budget_limit: 5,
      status_code: 429,
    })
    sim.faults.errorShape = 'legacy'
    const legacy = await post(sim, ME)
    expect(legacy.status).toBe(200)
    expect(legacy.body).toMatchObject({ error_code: 'ComplexityException', status_code: 429 })
    now += 41_000
    expect((await post(sim, ME)).status).toBe(200)
  })
})

test('calls a minute, calls a day and concurrency run out', async () => {
  let now = Date.UTC(2026, 9, 31, 23, 59)
  await withSim({ projects: 1, limits: { callsPerMinute: 2 }, clock: { now: () => now } }, async (sim) => {
    await post(sim, ME)
    await post(sim, ME)
    const minute = await post(sim, ME)
    expect([minute.status, minute.headers.get('ratelimit')]).toEqual([
      429,
      expect.stringContaining('"minuteRate";r=0;t=60'),
    ])
    sim.limits.callsPerMinute = 1000
    sim.limits.callsPerDay = 2
    const daily = await post(sim, ME)
    expect((daily.body['errors'] as Errors)[0]?.extensions).toEqual({
      code: 'DAILY_LIMIT_EXCEEDED',
      retry_in_seconds: 60,
    })
    now += 60_000
    expect((await post(sim, ME)).status).toBe(200)
    sim.limits.callsPerDay = 1000
    sim.limits.concurrency = 1
    sim.faults.latencyMs = 30
    const answers = await Promise.all([post(sim, ME), post(sim, ME)])
    expect(new Set(answers.map((one) => one.status))).toEqual(new Set([200, 429]))
    expect(sim.requests.rejected).toBe(3)
  })
})

test.for([
  ['http429', 429, /RATE_LIMIT_EXCEEDED/],
  ['http500', 500, /Internal server error/],
  ['html502', 502, /<html>/],
  [
    'fieldLimit',
    429,
    /"error_code":"FIELD_LIMIT_EXCEEDED".*"entity":"me"|"entity":"me".*"FIELD_LIMIT_EXCEEDED"/,
  ],
  ['ip', 429, /IP_RATE_LIMIT_EXCEEDED/],
  ['concurrency', 429, /maxConcurrencyExceeded/],
  ['internalError', 200, /INTERNAL_SERVER_ERROR/],
] as const)('the knob %s answers %i', async ([knob, status, body]) => {
  await withSim({ projects: 1, faults: { [knob]: 1 } }, async (sim) => {
    const answer = await post(sim, ME)
    expect([answer.status, answer.text]).toEqual([status, expect.stringMatching(body)])
  })
})

test('the SDK throws a ClientError that keeps partial data', async () => {
  await withSim({ projects: 5, faults: { partialData: 1 } }, async (sim) => {
    const api = new ApiClient({ token: 'sim-token', endpoint: sim.url })
    const failure: unknown = await api
      .request(`{ boards(ids: [${PARENT_BOARD}, ${HIDDEN_BOARD}]) { id } }`)
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ClientError)
    const { response } = failure as ClientError
    const boards = (response as unknown as { data: { boards: unknown[] } }).data.boards
    expect(boards.filter((board) => board === null)).toHaveLength(1)
    expect(response.errors?.[0]?.extensions?.['code']).toBe('USER_UNAUTHORIZED')
  })
})

test('a cut body and a hung request fail on the wire', async () => {
  await withSim({ projects: 1, faults: { halfBody: 1 } }, async (sim) => {
    await expect(post(sim, ME)).rejects.toThrow()
    sim.faults.halfBody = 0
    sim.faults.timeout = 1
    const signal = AbortSignal.timeout(50)
    const headers = { Authorization: 'sim-token' }
    await expect(
      fetch(sim.url, { method: 'POST', body: JSON.stringify({ query: ME }), headers, signal }),
    ).rejects.toThrow('timeout')
  })
})

test('state asked on nested subitems can fail a whole query', async () => {
  await withSim({ projects: 5, faults: { internalErrorOnSubitemState: true } }, async (sim) => {
    const nested = await post(
      sim,
      `{ boards(ids: [${PARENT_BOARD}]) { items_page(limit: 5) { items { subitems { id state } } } } }`,
    )
    expect(nested.text).toContain('INTERNAL_SERVER_ERROR')
    await ask(
      sim,
      `{ boards(ids: [${PARENT_BOARD}]) { items_page(limit: 5) { items { state subitems { id } } } } }`,
    )
  })
})

test('a lagging replica answers what an item was', async () => {
  let now = Date.UTC(2026, 9, 31, 12)
  const faults = { replicaLagMs: 2_000 }
  await withSim({ projects: 2, faults, clock: { now: () => now } }, async (sim) => {
    now += 3_600_000
    const id = [...(sim.world.boards.get(PARENT_BOARD)?.items.keys() ?? [])][0] as number
    const before = sim.world.items.get(id)?.name
    const read = async () =>
      (await ask<{ items: { name: string }[] }>(sim, `{ items(ids: [${id}]) { name } }`)).items[0]?.name
    sim.edit.rename(PARENT_BOARD, id, 'new name')
    expect(await read()).toBe(before)
    now += 2_001
    expect(await read()).toBe('new name')
  })
})
