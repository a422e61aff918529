import { z } from '@hono/zod-openapi'

/** What requests give. Each says what it takes, since its message is all that a caller sees. */

const INT_MAX = 2_147_483_647

/** Postgres holds no NUL. */
export const text = (max: number): z.ZodString =>
  z
    .string({ error: 'give a text' })
    .max(max, { error: `give at most ${max} characters` })
    .refine((given) => !given.includes('\0'), { error: 'give a text without NUL' })

export const workspaceName = text(200).min(1, { error: 'give the name of a workspace' })
export const oneWorkspace = workspaceName.optional().openapi({
  description: 'Name of a workspace; without it, all.',
  example: 'Northwind',
})

const DAY_HELP = 'give a day as YYYY-MM-DD, from 2000 to 2099'
export const day = z.iso
  .date({ error: DAY_HELP })
  .regex(/^20/, { error: DAY_HELP })
  .openapi({ example: '2026-03-05', format: 'date' })

export const month = z
  .string()
  .regex(/^20\d\d-(0[1-9]|1[0-2])$/, { error: 'give a month as YYYY-MM, from 2000-01 to 2099-12' })
  .openapi({ description: 'Business month; without it, the present one.', example: '2026-03' })

export const flag = z
  .enum(['true', 'false'], { error: 'give true or false' })
  .transform((given) => given === 'true')
  .openapi({ type: 'boolean' })

/** A whole number of a query, where texts are all there is. */
export function count(from: number, to: number, standard: number, description: string) {
  const error = `give a whole number from ${from} to ${to}`
  return z
    .preprocess(
      (given) => (typeof given === 'string' && /^\d{1,12}$/.test(given) ? Number(given) : given),
      z.number({ error }).int({ error }).min(from, { error }).max(to, { error }),
    )
    .default(standard)
    .openapi({ type: 'integer', minimum: from, maximum: to, default: standard, description })
}

/** A whole number of a body. */
export const wholeNumber = z
  .number({ error: 'give a number' })
  .int({ error: 'give a whole number' })
  .min(0, { error: 'give 0 or more' })
  .max(INT_MAX, { error: `give at most ${INT_MAX}` })

export const money = (max: number): z.ZodNumber =>
  z
    .number({ error: 'give a number' })
    .min(0, { error: 'give 0 or more' })
    .max(max, { error: `give at most ${max}` })

export const oneOf = <const T extends readonly [string, ...string[]]>(values: T) =>
  z.enum(values, { error: `give one of: ${values.join(', ')}` })

export const uuid = z
  .string()
  .regex(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, { error: 'give an id, a UUID' })
  .openapi({ format: 'uuid', example: '6f1c8f0e-5d0a-4c83-9d0e-8d3a7c5b9e21' })

/** For rules that say nothing new where another is broken. */
export const soundSoFar = ({ issues }: { readonly issues: readonly unknown[] }): boolean =>
  issues.length === 0

export const ofId = z.object({ id: uuid })

/** Who acts, as the history shows it. */
export const byActor = z.object({
  'x-lockstep-actor': z
    .string()
    .trim()
    .min(1, { error: 'give a name, or leave the header out' })
    .max(200, { error: 'give at most 200 characters' })
    .default('api')
    .openapi({
      description: 'Who acts, as the history of the lead shows it. Without it: api.',
      example: 'jo@agency.example',
    }),
})

export const STAGES = [
  'new', 'replied', 'interested', 'quoting', 'follow-up', 'won', 'lost', 'unsubscribed', 'bounced',
] as const // prettier-ignore
export const POLICIES = ['Auto', 'Home', 'Life', 'Commercial', 'Health', 'Umbrella', 'Other'] as const
