import { createHmac } from 'node:crypto'

const EXPIRES_SECONDS = 300

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** The JWT monday puts in `Authorization` for webhooks made with an app's token: HS256 over the signing secret. */
export function signDelivery(
  secret: string,
  url: string,
  nowMs: number,
  claims: Record<string, unknown>,
): string {
  const iat = Math.floor(nowMs / 1000)
  const body = { ...claims, aud: url, exp: iat + EXPIRES_SECONDS, iat, shortLivedToken: 'simulated' }
  const signed = `${encode({ alg: 'HS256', typ: 'JWT' })}.${encode(body)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}
