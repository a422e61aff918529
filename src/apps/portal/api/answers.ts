import { z } from '@hono/zod-openapi'
import type { Answer } from '../../../cache/read-cache.ts'

/** The shapes that answers share. Figures are numbers; what is unknown is null. */

export const int = z.number().int()
export const num = z.number()
export const string = z.string()
export const bool = z.boolean()
export const intOrNull = int.nullable()
export const numOrNull = num.nullable()
export const stringOrNull = string.nullable()
export const percent = num
  .nullable()
  .openapi({ description: 'Percent; null where there is nothing to divide by.' })
export const time = string.openapi({ format: 'date-time' })
export const timeOrNull = time.nullable()
export const date = string.openapi({ format: 'date' })

const asOf = time.openapi({ description: 'The answer holds all that was committed before this moment.' })

/** What every answer of cached figures begins with. */
const FRESHNESS = {
  as_of: asOf,
  age_ms: int.openapi({ description: 'How old the answer is, in milliseconds.' }),
  stale: bool.openapi({
    description: 'True where it is older than promised, because it could not be read again.',
  }),
}

export const cached = <S extends z.core.$ZodLooseShape>(shape: S) => z.object({ ...FRESHNESS, ...shape })
export const current = <S extends z.core.$ZodLooseShape>(shape: S) => z.object({ as_of: asOf, ...shape })

/** An answer without its freshness: what is read. */
export type Figure<S extends z.ZodType> = Omit<z.infer<S>, keyof typeof FRESHNESS>

/** An answer from the cache, as it is sent. */
export const freshly = <T extends object>({ value, asOf, ageMs, stale }: Answer<T>) => ({
  as_of: new Date(asOf).toISOString(),
  age_ms: ageMs,
  stale,
  ...value,
})

const failure = z
  .object({
    error: z.object({
      code: string.openapi({ example: 'invalid' }),
      message: string.openapi({ example: 'query "month": give a month as YYYY-MM, from 2000-01 to 2099-12' }),
    }),
  })
  .openapi('Error')

const refusal = (description: string) => ({
  description,
  content: { 'application/json': { schema: failure } },
})

/** What any route may answer beside what it is for. */
export const FAILURES = {
  400: refusal('The request is wrong; the message names the field and what to give.'),
  401: refusal('No key, or a wrong one.'),
  404: refusal('There is no such thing.'),
  503: refusal('The database does not answer, and there is nothing to show instead. See Retry-After.'),
}

/** What actions may answer beside that. */
export const REFUSALS = {
  ...FAILURES,
  409: refusal('There is one already.'),
  422: refusal('It cannot be done; the message says why.'),
}

export const json = <T extends z.ZodType>(schema: T, description: string) => ({
  description,
  content: { 'application/json': { schema } },
})

export const body = <T extends z.ZodType>(schema: T) => ({
  required: true,
  content: { 'application/json': { schema } },
})
