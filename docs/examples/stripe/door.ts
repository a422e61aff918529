import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Verdict, WebhookDoor } from 'lockstep'
import { identify } from './parse.ts'

const TOLERANCE_S = 300
const refuse = (reason: string): Verdict => ({ ok: false, reason })

/**
 * Proves a delivery by its `stripe-signature`: `t=<seconds>,v1=<hex>`, where v1 is the HMAC-SHA256 of "t.body". While
 * a secret is rolled there is a v1 for each of the two.
 * https://docs.stripe.com/webhooks/signature
 */
export function stripeDoor(secrets: () => Promise<readonly string[]>): WebhookDoor {
  return {
    guarded: true,
    pathSecret: undefined,
    challenge: () => undefined,
    identify,
    async verify({ headers, body }, nowMs) {
      const signature = readSignature(headers['stripe-signature'] ?? '')
      if (signature === undefined) return refuse('no stripe-signature with a t and a v1')
      if (nowMs / 1000 - Number(signature.t) > TOLERANCE_S) return refuse('signed over five minutes ago')
      const known = await secrets().catch(() => undefined)
      if (known === undefined) return refuse('the secrets of the webhooks cannot be read now')
      const genuine = known.some((secret) => {
        const expected = createHmac('sha256', secret).update(`${signature.t}.`).update(body).digest()
        return signature.v1.some(
          (given) => given.length === expected.length && timingSafeEqual(given, expected),
        )
      })
      return genuine ? { ok: true } : refuse('the signature does not fit the body')
    },
  }
}

function readSignature(header: string): { readonly t: string; readonly v1: readonly Buffer[] } | undefined {
  const pairs = header.split(',').map((pair) => pair.split('=', 2) as [string, string | undefined])
  const t = pairs.find(([name]) => name === 't')?.[1] ?? ''
  const v1 = pairs.flatMap(([name, value]) => (name === 'v1' ? [Buffer.from(value ?? '', 'hex')] : []))
  return /^\d{1,15}$/.test(t) && v1.length > 0 ? { t, v1 } : undefined
}
