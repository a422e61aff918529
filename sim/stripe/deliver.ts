import { createHmac } from 'node:crypto'
import type { Endpoint } from './endpoints.ts'
import type { StripeEvent } from './world.ts'

/** `t=…,v1=…` over "t.body". https://docs.stripe.com/webhooks/signature */
export function sign(body: string, secret: string, t: number): string {
  const v1 = createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')
  return `t=${t},v1=${v1}`
}

export interface DeliveryAttempt {
  readonly event: string
  readonly endpoint: string
  /** 0 where nothing answered. */
  readonly status: number
}

/** Sends one event to one endpoint, signed now, the body indented as Stripe does it. */
export async function deliver(
  event: StripeEvent,
  endpoint: Endpoint,
  nowMs: number,
): Promise<DeliveryAttempt> {
  const body = JSON.stringify(event, null, 2)
  const status = await fetch(endpoint.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Stripe/1.0 (+https://stripe.com/docs/webhooks)',
      'stripe-signature': sign(body, endpoint.secret, Math.floor(nowMs / 1000)),
    },
    body,
    signal: AbortSignal.timeout(20_000),
  }).then(
    async (response) => {
      await response.arrayBuffer()
      return response.status
    },
    () => 0,
  )
  return { event: event.id, endpoint: endpoint.id, status }
}
