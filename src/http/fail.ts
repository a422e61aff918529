import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'

/** The shape of every error's body. */
export const errorBody = (code: string, message: string): { error: { code: string; message: string } } => ({
  error: { code, message },
})

/** Every error's answer. */
export const fail = (c: Context, status: ContentfulStatusCode, code: string, message: string): Response =>
  c.json(errorBody(code, message), status)
