import { execute } from 'graphql'
import { activityLogFields, boardFields, columnFields, groupFields } from './board-resolvers.ts'
import { itemFields, updateFields } from './item-resolvers.ts'
import { ApiContext, type Service } from './context.ts'
import { RequestError, type Rejection } from './errors.ts'
import { injectFault, shapeFor } from './injected-fault.ts'
import { limitError, type LimitDetails } from './limit-errors.ts'
import type { Refusal } from './limits.ts'
import { mutationFields } from './mutation-resolvers.ts'
import { type ParsedRequest, parseRequest } from './parse-request.ts'
import { withholdField, withholdOne } from './partial-data.ts'
import { queryFields, userFields } from './query-resolvers.ts'
import { PlanRun } from './run-plan.ts'
import { schema } from './schema.ts'
import { typeOfCell, valueResolvers } from './value-resolvers.ts'

const RUNTIME = {
  resolvers: {
    ...valueResolvers,
    ActivityLogType: activityLogFields,
    Board: boardFields,
    Column: columnFields,
    Group: groupFields,
    Item: itemFields,
    Mutation: mutationFields,
    Query: queryFields,
    Update: updateFields,
    User: userFields,
  },
  typeOf: typeOfCell,
}

export interface GraphqlRequest {
  readonly query: string
  readonly variables: Readonly<Record<string, unknown>>
  readonly operationName: string | null
}

export interface Answer extends Rejection {
  readonly operation: string | null
  readonly fields: readonly string[]
  readonly complexity: number
  readonly rejected: boolean
  /** A bare `complexity` query costs a tenth of a call. */
  readonly light: boolean
}

const NOTHING = { operation: null, fields: [], complexity: 0, light: false }

/** Answers one admitted request; 'timeout' asks the transport to hang. */
export async function answer(
  service: Service,
  request: GraphqlRequest,
  apiVersion: string,
): Promise<Answer | 'timeout'> {
  const parsed = parseRequest(request.query, request.variables, request.operationName)
  if (!('plan' in parsed)) {
    const errors = parsed.map(({ message, locations }) => ({
      message,
      locations,
      extensions: { code: codeOf(message) },
    }))
    return { ...NOTHING, status: 200, body: { errors }, rejected: true }
  }
  const { plan, operationName } = parsed
  const fields = plan.fields.map((field) => field.name)
  const about = { operation: operationName, fields, complexity: plan.complexity }
  const light = fields.every((field) => field === 'complexity')
  const { budget, faults, random } = service
  const shape = shapeFor(faults, apiVersion)
  const before = budget.complexityLeft()
  const details = {
    ...limitDetails(service, fields[0] ?? '', plan.complexity),
    retrySeconds: before.resetSeconds,
  }
  const injected = injectFault(faults, random, shape, details)
  if (injected === 'timeout') return injected
  if (injected !== undefined) return { ...about, ...injected, rejected: true, light }
  const refused = budget.charge(plan.complexity)
  if (refused !== undefined)
    return {
      ...about,
      ...limitError(refused.kind, shape, { ...details, retrySeconds: refused.retrySeconds }),
      rejected: true,
      light,
    }
  const after = budget.complexityLeft()
  const complexity = {
    query: plan.complexity,
    before: before.left,
    after: after.left,
    reset: after.resetSeconds,
  }
  return { ...about, light, ...(await run(new ApiContext(service, apiVersion, complexity), parsed)) }
}

async function run(context: ApiContext, parsed: ParsedRequest): Promise<Rejection & { rejected: boolean }> {
  const { service } = context
  if (parsed.introspects)
    return { status: 200, body: await execute({ schema, document: parsed.document }), rejected: false }
  try {
    const result = await new PlanRun(RUNTIME, context).run(parsed.plan)
    if (parsed.plan.kind === 'query' && service.random.chance(service.faults.partialData))
      withholdOne(result, service.random)
    if (parsed.plan.kind === 'query' && service.random.chance(service.faults.withheldField))
      withholdField(result, service.random)
    const { data, errors } = result
    return { status: 200, body: errors.length === 0 ? { data } : { data, errors }, rejected: false }
  } catch (error) {
    if (error instanceof RequestError) return { ...error.rejection, rejected: true }
    throw error
  }
}

function codeOf(message: string): string {
  if (message.startsWith('Syntax Error')) return 'parseError'
  return message.startsWith('Cannot query field') ? 'undefinedField' : 'InvalidArgumentException'
}

function limitDetails(service: Service, field: string, complexity: number): LimitDetails {
  const { left } = service.budget.complexityLeft()
  const limit = service.budget.limits.complexityPerMinute
  return { retrySeconds: 1, complexity, left, limit, field }
}

export function refuse(service: Service, refusal: Refusal, apiVersion: string): Answer {
  const details = { ...limitDetails(service, '', 0), retrySeconds: refusal.retrySeconds }
  return {
    ...NOTHING,
    ...limitError(refusal.kind, shapeFor(service.faults, apiVersion), details),
    rejected: true,
  }
}
