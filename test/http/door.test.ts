import { createHmac, randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { startMondaySim, type MondaySim } from '../../sim/monday/index.ts'
import { withDatabase } from '../support/database.ts'
import { datacubeOn, PATH_SECRET, type RunningNode, withNode } from '../support/node.ts'
import { post, postRaw } from './request.ts'

let sim: MondaySim
beforeAll(async () => {
  sim = await startMondaySim({ projects: 3 })
})
afterAll(async () => sim.close())

const SIGNING = 'signing-secret-of-the-app-'.repeat(3)
const HMAC = 'secret-of-the-signing-proxy'
type Options = Parameters<typeof datacubeOn>[1]

/** A node that only takes deliveries in. */
const withDoor = (
  test: (node: RunningNode, db: Database) => Promise<void>,
  options: Options = {},
): Promise<void> =>
  withDatabase((db) =>
    withNode(db, datacubeOn(sim, options), (node) => test(node, db), { role: 'ingest', register: false }),
  )

const eventBody = (change: Record<string, unknown> = {}): string =>
  JSON.stringify({
    event: { type: 'create_pulse', boardId: 1, pulseId: 2, triggerUuid: randomUUID(), ...change },
  })
const kept = async (db: Database): Promise<number> =>
  (await db.query<{ n: number }>('select count(*)::int as n from lockstep.inbox')).rows[0]?.n ?? -1
const failure = (code: string): object => ({ error: { code, message: expect.stringMatching(/\w/) } })

describe('the checks of the door', () => {
  it('unknown app, too large, wrong secret, not JSON: each its status, in this order, and nothing is kept', async () => {
    await withDoor(async ({ server }, db) => {
      const at = (path: string): string => `${server.url}/webhooks/${path}`
      const large = 'x'.repeat(1_000_001)
      const cases: [path: string, body: string, status: number, code: string][] = [
        ['nobody', large, 404, 'unknown_app'],
        ['nobody/secret', 'not json', 404, 'unknown_app'],
        ['datacube/wrong', large, 413, 'too_large'],
        [`datacube/${PATH_SECRET}`, large, 413, 'too_large'],
        ['datacube', 'not json', 401, 'not_authentic'],
        ['datacube/wrong', 'not json', 401, 'not_authentic'],
        ['datacube/wrong', eventBody(), 401, 'not_authentic'],
        ['datacube/%E0%A4%A', eventBody(), 401, 'not_authentic'],
        [`datacube/${PATH_SECRET}`, 'not json', 400, 'not_json'],
        [`datacube/${PATH_SECRET}`, '', 400, 'not_json'],
        [`datacube/${PATH_SECRET}`, '{"event":', 400, 'not_json'],
        [`datacube/${PATH_SECRET}/more`, eventBody(), 404, 'not_found'],
      ]
      for (const [path, body, status, code] of cases) {
        const answer = await post(at(path), body)
        expect({ path, status: answer.status, body: answer.body }).toEqual({
          path,
          status,
          body: failure(code),
        })
      }
      expect(await kept(db)).toBe(0)
    })
  })

  it('2 MB: told from the header, before the body is sent', async () => {
    await withDoor(async ({ hook }, db) => {
      const answer = await postRaw(hook, { headers: { 'content-length': '2000000' }, chunks: ['{"event":'] })
      expect(answer).toMatchObject({ status: 413, body: failure('too_large'), sent: 9 })
      expect(await kept(db)).toBe(0)
    })
  })

  it('2 GB in chunks of unknown number: told once it is too large, and the rest is not read', async () => {
    await withDoor(async ({ hook }, db) => {
      const chunk = Buffer.alloc(64 * 1024, 'x')
      const headers = { 'transfer-encoding': 'chunked' }
      const answer = await postRaw(hook, { headers, chunks: Array.from({ length: 32_768 }, () => chunk) })
      expect(answer).toMatchObject({ status: 413, body: failure('too_large') })
      expect(answer.sent).toBeLessThan(20_000_000)
      expect(await kept(db)).toBe(0)
      expect((await post(hook, eventBody())).status).toBe(200)
    })
  })

  it('exactly the largest body is taken', async () => {
    await withDoor(async ({ hook }) => {
      const room = 1_000_000 - eventBody({ body: '' }).length
      expect((await post(hook, eventBody({ body: 'x'.repeat(room) }))).status).toBe(200)
      expect((await post(hook, eventBody({ body: 'x'.repeat(room + 1) }))).status).toBe(413)
    })
  })
})

describe('a delivery that is taken', () => {
  it('is in the database when it is answered, and a second one is a duplicate', async () => {
    await withDoor(async ({ hook }, db) => {
      const body = eventBody()
      const first = await post(hook, body)
      expect(first).toMatchObject({ status: 200, body: { status: 'accepted' } })
      const { rows } = await db.query(
        'select id, convert_from(body, $1) as body, deliveries from lockstep.inbox',
        ['utf8'],
      )
      expect(rows).toEqual([{ id: first.body['id'], body, deliveries: 1 }])
      expect(await post(hook, body)).toMatchObject({
        status: 200,
        body: { status: 'duplicate', id: first.body['id'] },
      })
      expect(await kept(db)).toBe(1)
    })
  })

  it('leaves no secret in what is kept of its headers', async () => {
    await withDoor(
      async ({ hook }, db) => {
        const body = eventBody()
        const token = createHmac('sha256', HMAC).update(body).digest('hex')
        const secrets = {
          authorization: `Bearer sha256=${token}`,
          cookie: 'session=abcdef',
          'x-api-key': 'abcdef',
          'x-hub-signature-256': 'abcdef',
          'x-forwarded-authorization': 'abcdef',
          'x-amz-security-token': 'abcdef',
          'cf-access-jwt-assertion': 'abcdef',
          'x-original-uri': `/webhooks/datacube/${PATH_SECRET}`,
          referer: `https://example.com/webhooks/datacube/${PATH_SECRET}`,
        }
        const answer = await post(hook, body, { ...secrets, 'x-kept': 'yes', 'user-agent': 'monday' })
        expect(answer.status).toBe(200)
        const { rows } = await db.query<{ headers: Record<string, string> }>(
          'select headers from lockstep.inbox',
        )
        expect(rows[0]?.headers).toMatchObject({ 'x-kept': 'yes', 'user-agent': 'monday' })
        const text = JSON.stringify(rows[0]?.headers)
        for (const secret of [PATH_SECRET, token, 'abcdef']) expect(text).not.toContain(secret)
      },
      { hmacSecret: HMAC },
    )
  })

  it('a challenge is echoed on the right path alone, and kept nowhere', async () => {
    await withDoor(async ({ hook, server }, db) => {
      const challenge = JSON.stringify({ challenge: '3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P' })
      const answer = await post(hook, challenge)
      expect([answer.status, JSON.stringify(answer.body)]).toEqual([200, challenge])
      const wrong = await post(`${server.url}/webhooks/datacube/wrong`, challenge)
      expect([wrong.status, JSON.stringify(wrong.body)]).not.toContain('3eZbrw1a')
      expect(wrong.status).toBe(401)
      expect((await post(`${server.url}/webhooks/datacube`, challenge)).status).toBe(401)
      expect(await kept(db)).toBe(0)
    })
  })

  it('an event with a challenge beside it is kept', async () => {
    await withDoor(async ({ hook }, db) => {
      const body = JSON.stringify({ ...(JSON.parse(eventBody()) as object), challenge: 'x' })
      expect(await post(hook, body)).toMatchObject({ status: 200, body: { status: 'accepted' } })
      expect(await kept(db)).toBe(1)
    })
  })
})

describe('signatures', () => {
  const url = 'https://lockstep.example.com/webhooks/datacube/test-path-secret'
  const jwt = (claims: { aud?: string; exp?: number; secret?: string } = {}): Promise<string> =>
    new SignJWT({ accountId: 1 })
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience(claims.aud ?? url)
      .setExpirationTime(Math.floor(Date.now() / 1000) + (claims.exp ?? 300))
      .sign(new TextEncoder().encode(claims.secret ?? SIGNING))

  it('a JWT: right 200; wrong, expired, for another address, missing 401', async () => {
    await withDoor(
      async ({ hook, pipeline }, db) => {
        expect(pipeline.source.door.guarded).toBe(true)
        const send = async (authorization?: string): Promise<number> =>
          (await post(hook, eventBody(), authorization === undefined ? {} : { authorization })).status
        expect(await send(await jwt())).toBe(200)
        expect(await send(`Bearer ${await jwt()}`)).toBe(200)
        expect(await send(await jwt({ secret: 'x'.repeat(40) }))).toBe(401)
        expect(await send(await jwt({ exp: -120 }))).toBe(401)
        expect(await send()).toBe(401)
        expect(await send('rubbish')).toBe(401)
        expect(await kept(db)).toBe(2)
      },
      { signingSecret: SIGNING },
    )
  })

  it('an HMAC: right 200; of another body or secret 401', async () => {
    await withDoor(
      async ({ hook }, db) => {
        const sign = (body: string, secret = HMAC): Record<string, string> => ({
          authorization: `Bearer sha256=${createHmac('sha256', secret).update(body).digest('hex')}`,
        })
        const body = eventBody()
        expect((await post(hook, body, sign(body))).status).toBe(200)
        expect((await post(hook, eventBody(), sign(body))).status).toBe(401)
        expect((await post(hook, body, sign(body, 'other'))).status).toBe(401)
        expect((await post(hook, body)).status).toBe(401)
        expect(await kept(db)).toBe(1)
      },
      { hmacSecret: HMAC },
    )
  })
})

describe('bodies meant to break it', () => {
  const deep = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels)
  const raw = (value: string): string =>
    `{"event":{"type":"create_pulse","triggerUuid":"${randomUUID()}","x":${value}}}`

  it('are kept as they came, and never answered 5xx', async () => {
    await withDoor(async ({ hook }, db) => {
      const bodies = [
        raw('"a\\u0000b"'),
        raw('"\\ud800"'),
        raw('"\\udfff\\ud800"'),
        raw('{"\\u0000":1,"__proto__":{"a":1},"constructor":2}'),
        raw(deep(5_000)),
        raw(deep(400_000)),
        raw('1e999'),
        raw('-1e-999'),
        raw('9'.repeat(100_000)),
        eventBody({ triggerUuid: 'u'.repeat(500_000) }),
        eventBody({ triggerUuid: '\u0000' }),
        eventBody({ type: 't'.repeat(10_000), boardId: 2 ** 60, pulseId: -1 }),
        eventBody({ type: '\ud83d' }),
        'null',
        '[]',
        '"text"',
        '5',
      ]
      const answers = await Promise.all(bodies.map((body) => post(hook, body)))
      expect(answers.map(({ status }) => status)).toEqual(bodies.map(() => 200))
      const { rows } = await db.query<{ body: Buffer }>('select body from lockstep.inbox order by id')
      expect(rows.map((row) => row.body.toString()).toSorted()).toEqual(bodies.toSorted())
    })
  })

  it('do not harm those that come beside them', async () => {
    await withDoor(async ({ hook }, db) => {
      const good = Array.from({ length: 40 }, () => eventBody())
      const bad = [raw(deep(100_000)), raw('"\\u0000"'), 'not json', '\ud800', eventBody({ type: '\u0000' })]
      const statuses = await Promise.all(
        [...good, ...bad].map(async (body) => (await post(hook, body)).status),
      )
      expect(statuses.slice(0, good.length)).toEqual(good.map(() => 200))
      expect(Math.max(...statuses)).toBeLessThan(500)
      const { rows } = await db.query<{ body: Buffer }>('select body from lockstep.inbox')
      expect(new Set(rows.map((row) => row.body.toString())).isSupersetOf(new Set(good))).toBe(true)
    })
  })

  it('any bytes: 200 or 400', async () => {
    await withDoor(async ({ hook }) => {
      const json = fc.json({ maxDepth: 4 }).map((text) => Buffer.from(text))
      const event = fc.json({ maxDepth: 3 }).map((text) => Buffer.from(`{"event":${text}}`))
      const bytes = fc.uint8Array({ maxLength: 200 }).map((array) => Buffer.from(array))
      await fc.assert(
        fc.asyncProperty(fc.oneof(json, event, bytes), async (body) => {
          expect([200, 400]).toContain((await post(hook, body)).status)
        }),
        { numRuns: 200 },
      )
    })
  })
})
