import type { ApiContext } from './context.ts'
import type { Resolver } from './run-plan.ts'

export type Args = Readonly<Record<string, unknown>>

/** The fields of one GraphQL type, by name, over the source it is read from. */
export type Fields<Source> = Record<string, (source: Source, args: Args, context: ApiContext) => unknown>

/** The plan pairs a source with its type's fields, so each resolver may trust the source it is given. */
export function erase(fields: Fields<never>): Record<string, Resolver<ApiContext>> {
  return fields as Record<string, Resolver<ApiContext>>
}
