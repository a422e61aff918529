import type { Context } from 'hono'

/** The forms of Stripe's answers. https://docs.stripe.com/api/errors */

const error = (type: string, fields: Readonly<Record<string, unknown>>) => ({ error: { type, ...fields } })

export const invalid = (c: Context, message: string, param: string): Response =>
  c.json(error('invalid_request_error', { message, param }), 400)

export const missing = (c: Context, what: string, id: string): Response =>
  c.json(
    error('invalid_request_error', {
      code: 'resource_missing',
      message: `No such ${what}: '${id}'`,
      param: 'id',
    }),
    404,
  )

export const unauthorized = (c: Context): Response =>
  c.json(error('invalid_request_error', { message: 'Invalid API Key provided: sk_test_********' }), 401)

export function rateLimited(c: Context, retryAfterS: number | undefined): Response {
  if (retryAfterS !== undefined) c.header('Retry-After', String(retryAfterS))
  const message = 'Request rate limit exceeded.'
  return c.json(error('invalid_request_error', { code: 'rate_limit', message }), 429)
}

const LIMIT = 10
const LIMIT_MAX = 100

/** One page of a list, in the given order: `limit`, and after which id. */
export function listOf<T extends { readonly id: string }>(
  c: Context,
  all: readonly T[],
  show: (item: T) => Record<string, unknown>,
): Response {
  const limit = Number(c.req.query('limit') ?? LIMIT)
  if (!(limit >= 1 && limit <= LIMIT_MAX)) return invalid(c, 'limit must be from 1 to 100', 'limit')
  const after = c.req.query('starting_after')
  const place = after === undefined ? -1 : all.findIndex(({ id }) => id === after)
  if (after !== undefined && place < 0) {
    const message = `No such object: '${after}'`
    const fields = { code: 'resource_missing', message, param: 'starting_after' }
    return c.json(error('invalid_request_error', fields), 400)
  }
  const page = all.slice(place + 1, place + 1 + limit)
  return c.json({
    object: 'list',
    url: c.req.path,
    has_more: place + 1 + limit < all.length,
    data: page.map(show),
  })
}
