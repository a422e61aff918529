import { openPeer, signed } from './peer.ts'
import { updates } from './plan.ts'

export interface RequestsOptions {
  readonly port: number
  readonly path: string
  /** How many. */
  readonly pool: number
  readonly customers: number
  /** How many events of these customers there were before. */
  readonly from: number
}

/** Webhook requests as Stripe sends them, signed now, as the bytes that go over the wire. */
export function makeRequests({ port, path, pool, customers, from }: RequestsOptions): Buffer[] {
  // Only its way to sign is used.
  const sync = openPeer('postgres://127.0.0.1:9/none')
  return signed(sync, updates(pool, customers, from), from).map(({ payload, signature }) =>
    Buffer.from(
      [
        `POST ${path} HTTP/1.1`,
        `Host: 127.0.0.1:${port}`,
        'User-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)',
        'Accept: */*; q=0.5, application/xml',
        'Cache-Control: no-cache',
        'Content-Type: application/json; charset=utf-8',
        `Content-Length: ${Buffer.byteLength(payload)}`,
        `Stripe-Signature: ${signature}`,
        '',
        payload,
      ].join('\r\n'),
    ),
  )
}
