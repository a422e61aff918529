import { createHmac } from 'node:crypto'
import { errors, jwtVerify } from 'jose'
import type { Json, JsonObject } from '../../engine/observation.ts'
import type { Verdict, WebhookDoor, WebhookRequest } from '../contract.ts'
import { same } from '../same.ts'
import { identify } from './parse.ts'

/** How deliveries prove that they are monday's; what is set is required, and of the two signatures either serves. */
export interface DoorOptions {
  /** Unguessable last part of the webhook's path. Serves webhooks made with a personal token, which sign nothing. */
  readonly pathSecret?: string | undefined
  /** The app's Signing Secret: webhooks made with an app's token carry a JWT in Authorization. */
  readonly signingSecret?: string | undefined
  /** For a proxy in front that signs: Authorization `Bearer sha256=<hex of HMAC-SHA256 over the body>`. */
  readonly hmacSecret?: string | undefined
  /** The JWT's audience: our webhook URL as monday knows it. Undefined where it is not known yet. */
  readonly audience: () => string | undefined
}

const OK: Verdict = { ok: true }
const refuse = (reason: string): Verdict => ({ ok: false, reason })

export function mondayDoor(options: DoorOptions): WebhookDoor {
  const { pathSecret, signingSecret, hmacSecret } = options
  return {
    guarded: [pathSecret, signingSecret, hmacSecret].some((secret) => secret !== undefined),
    pathSecret,
    identify,
    challenge,
    async verify(request, now) {
      if (pathSecret !== undefined && !same(request.secret ?? '', pathSecret))
        return refuse('wrong or missing path secret')
      if (signingSecret === undefined && hmacSecret === undefined) return OK
      // A handshake is not signed; its answer tells nothing that the asker does not know.
      if (isChallenge(request.body)) return OK
      const token = (request.headers['authorization'] ?? '').replace(/^Bearer\s+/i, '')
      if (token === '') return refuse('no Authorization header')
      const hmac = /^sha256=([0-9a-f]{64})$/i.exec(token)?.[1]
      if (hmac !== undefined && hmacSecret !== undefined) return verifyHmac(request, hmac, hmacSecret)
      if (signingSecret === undefined) return refuse('Authorization is not "Bearer sha256=<hex>"')
      return verifyJwt(token, signingSecret, options.audience(), now)
    },
  }
}

function verifyHmac({ body }: WebhookRequest, hex: string, secret: string): Verdict {
  const expected = createHmac('sha256', secret).update(body).digest('hex')
  return same(hex.toLowerCase(), expected) ? OK : refuse('HMAC does not match the body')
}

async function verifyJwt(
  token: string,
  secret: string,
  audience: string | undefined,
  now: number,
): Promise<Verdict> {
  try {
    const { payload } = await jwtVerify(token, new TextEncoder().encode(secret), {
      algorithms: ['HS256'],
      currentDate: new Date(now),
      clockTolerance: 30,
      requiredClaims: ['exp'],
      ...(audience === undefined ? {} : { audience }),
    })
    return typeof payload.exp === 'number' ? OK : refuse('JWT without exp')
  } catch (error) {
    return refuse(error instanceof errors.JOSEError ? `JWT: ${error.message}` : 'JWT could not be read')
  }
}

function challenge(payload: Json): JsonObject | undefined {
  if (typeof payload !== 'object' || payload === null || 'event' in payload) return undefined
  const value = (payload as JsonObject)['challenge']
  return typeof value === 'string' && value.length <= 1024 ? { challenge: value } : undefined
}

const CHALLENGE_BYTES_MAX = 2048

function isChallenge(body: Uint8Array): boolean {
  if (body.length > CHALLENGE_BYTES_MAX) return false
  try {
    return challenge(JSON.parse(new TextDecoder().decode(body)) as Json) !== undefined
  } catch {
    return false
  }
}
