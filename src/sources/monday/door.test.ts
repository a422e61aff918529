import { createHmac } from 'node:crypto'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import type { WebhookRequest } from '../contract.ts'
import { mondayDoor } from './door.ts'

const NOON = Date.UTC(2026, 10, 20, 12)
const SIGNING = 'the-signing-secret-of-the-app'
const URL = 'https://example.com/webhooks/datacube/part'

const body = new TextEncoder().encode('{"event":{"type":"create_pulse"}}')
const request = (authorization?: string, secret?: string, sent: Uint8Array = body): WebhookRequest => ({
  headers: authorization === undefined ? {} : { authorization },
  body: sent,
  secret,
})

interface Claims {
  readonly aud?: string
  readonly expiresInS?: number | null
  readonly key?: string
  readonly alg?: string
}

function jwt({ aud = URL, expiresInS = 300, key = SIGNING, alg = 'HS256' }: Claims = {}): Promise<string> {
  const token = new SignJWT({ accountId: 1, userId: 2 })
    .setProtectedHeader({ alg })
    .setIssuedAt(NOON / 1000)
    .setAudience(aud)
  if (expiresInS !== null) token.setExpirationTime(NOON / 1000 + expiresInS)
  return token.sign(new TextEncoder().encode(key.padEnd(64, '.')))
}

const signed = mondayDoor({ signingSecret: SIGNING.padEnd(64, '.'), audience: () => URL })

describe('a JWT of the app', () => {
  it('is accepted, bare and as a bearer token', async () => {
    expect(await signed.verify(request(await jwt()), NOON)).toEqual({ ok: true })
    expect(await signed.verify(request(`Bearer ${await jwt()}`), NOON)).toEqual({ ok: true })
  })

  it.each<[string, Claims]>([
    ['of another secret', { key: 'another' }],
    ['for another address', { aud: 'https://example.com/webhooks/datacube/other' }],
    ['that expired a minute ago', { expiresInS: -60 }],
    ['without an end', { expiresInS: null }],
    ['by another algorithm', { alg: 'HS512' }],
  ])('is refused: one %s', async (_what, claims) => {
    expect(await signed.verify(request(await jwt(claims)), NOON)).toMatchObject({ ok: false })
  })

  it.each(['', 'Bearer ', 'x', 'a.b.c', `sha256=${'0'.repeat(64)}`, 'eyJhbGciOiJub25lIn0.e30.'])(
    'is refused: %j',
    async (header) => {
      expect(await signed.verify(request(header), NOON)).toMatchObject({ ok: false })
    },
  )

  it('is asked for: a request without one is refused', async () => {
    expect(await signed.verify(request(), NOON)).toMatchObject({ ok: false })
  })
})

describe('an HMAC over the body', () => {
  const secret = 'hmac-secret'
  const door = mondayDoor({ hmacSecret: secret, audience: () => undefined })
  const hex = createHmac('sha256', secret).update(body).digest('hex')

  it('is accepted in either case, and only for its own body', async () => {
    expect(await door.verify(request(`Bearer sha256=${hex}`), NOON)).toEqual({ ok: true })
    expect(await door.verify(request(`Bearer sha256=${hex.toUpperCase()}`), NOON)).toEqual({ ok: true })
    const other = new TextEncoder().encode('{"event":{}}')
    expect(await door.verify(request(`Bearer sha256=${hex}`, undefined, other), NOON)).toMatchObject({
      ok: false,
    })
  })

  it('is refused where it is of another secret, cut, or no HMAC', async () => {
    const wrong = createHmac('sha256', 'x').update(body).digest('hex')
    for (const header of [`Bearer sha256=${wrong}`, `Bearer sha256=${hex.slice(1)}`, await jwt(), '']) {
      expect(await door.verify(request(header), NOON)).toMatchObject({ ok: false })
    }
  })
})

describe('a path secret', () => {
  const door = mondayDoor({ pathSecret: 'part', audience: () => undefined })

  it('must be the whole of the last part', async () => {
    expect(await door.verify(request(undefined, 'part'), NOON)).toEqual({ ok: true })
    for (const secret of [undefined, '', 'par', 'part2', 'PART']) {
      expect(await door.verify(request(undefined, secret), NOON)).toMatchObject({ ok: false })
    }
  })

  it('and a signature are both asked for where both are set; a handshake is not signed', async () => {
    const both = mondayDoor({
      pathSecret: 'part',
      signingSecret: SIGNING.padEnd(64, '.'),
      audience: () => URL,
    })
    const handshake = new TextEncoder().encode('{"challenge":"abc"}')
    expect(await both.verify(request(await jwt(), 'part'), NOON)).toEqual({ ok: true })
    expect(await both.verify(request(undefined, 'part'), NOON)).toMatchObject({ ok: false })
    expect(await both.verify(request(await jwt(), 'wrong'), NOON)).toMatchObject({ ok: false })
    expect(await both.verify(request(undefined, 'part', handshake), NOON)).toEqual({ ok: true })
    expect(await both.verify(request(undefined, 'wrong', handshake), NOON)).toMatchObject({ ok: false })
  })
})

it('is guarded by any proof, and by nothing else', () => {
  const audience = (): undefined => undefined
  expect(mondayDoor({ audience }).guarded).toBe(false)
  for (const proof of [{ pathSecret: 'x' }, { signingSecret: 'x' }, { hmacSecret: 'x' }]) {
    expect(mondayDoor({ ...proof, audience }).guarded).toBe(true)
  }
})

describe('a challenge', () => {
  it('is echoed as it came, alone', () => {
    expect(signed.challenge({ challenge: 'abc' })).toEqual({ challenge: 'abc' })
    for (const payload of [{ challenge: 5 }, { challenge: 'x'.repeat(2000) }, null, [], 'challenge', {}]) {
      expect(signed.challenge(payload)).toBeUndefined()
    }
  })

  it('beside an event is no handshake: the event must be kept', () => {
    expect(signed.challenge({ challenge: 'abc', event: { type: 'create_pulse' } })).toBeUndefined()
  })
})
