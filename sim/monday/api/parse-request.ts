import {
  type DocumentNode,
  type FragmentDefinitionNode,
  getVariableValues,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql'
import { type Plan, Planner } from './plan.ts'
import { schema } from './schema.ts'

/** A client sends the same few documents for ever; only their variables differ. */
const DOCUMENTS_MAX = 500
const INTROSPECTION = /\b__(schema|type)\b/
const documents = new Map<string, DocumentNode | readonly GraphQLError[]>()

export interface ParsedRequest {
  readonly document: DocumentNode
  readonly operationName: string | null
  readonly plan: Plan
  readonly introspects: boolean
}

export type ParseResult = ParsedRequest | readonly GraphQLError[]

function isErrors(result: DocumentNode | readonly GraphQLError[]): result is readonly GraphQLError[] {
  return Array.isArray(result)
}

function parseDocument(query: string): DocumentNode | readonly GraphQLError[] {
  const known = documents.get(query)
  if (known !== undefined) return known
  let result: DocumentNode | readonly GraphQLError[]
  try {
    const document = parse(query)
    const errors = validate(schema, document)
    result = errors.length > 0 ? errors : document
  } catch (error) {
    if (!(error instanceof GraphQLError)) throw error
    result = [error]
  }
  if (documents.size >= DOCUMENTS_MAX) documents.delete(documents.keys().next().value as string)
  documents.set(query, result)
  return result
}

export function parseRequest(
  query: string,
  variables: Readonly<Record<string, unknown>>,
  wanted: string | null,
): ParseResult {
  const document = parseDocument(query)
  if (isErrors(document)) return document
  const operations = document.definitions.filter(
    (d): d is OperationDefinitionNode => d.kind === Kind.OPERATION_DEFINITION,
  )
  const operation = operations.find((one) => wanted === null || one.name?.value === wanted)
  if (operation === undefined || (wanted === null && operations.length > 1))
    return [new GraphQLError('Must provide operation name if query contains multiple operations.')]
  const coerced = getVariableValues(schema, operation.variableDefinitions ?? [], variables)
  if (coerced.errors !== undefined) return coerced.errors
  const fragments = new Map(
    document.definitions
      .filter((d): d is FragmentDefinitionNode => d.kind === Kind.FRAGMENT_DEFINITION)
      .map((fragment) => [fragment.name.value, fragment]),
  )
  try {
    const plan = new Planner(fragments, coerced.coerced).plan(operation)
    return {
      document,
      operationName: operation.name?.value ?? null,
      plan,
      introspects: INTROSPECTION.test(query),
    }
  } catch (error) {
    if (error instanceof GraphQLError) return [error]
    throw error
  }
}
