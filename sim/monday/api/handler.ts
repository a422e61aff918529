import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, answer, type GraphqlRequest, refuse } from './answer.ts'
import type { Service } from './context.ts'
import type { Refusal } from './limits.ts'
import type { RequestLog } from './request-log.ts'
import { resolveVersion } from './versions.ts'

const BODY_BYTES_MAX = 10_000_000

export interface ApiOptions {
  readonly service: Service
  readonly token: string
  readonly log: RequestLog
}

type Reply = Pick<Answer, 'status' | 'body' | 'retryAfterSeconds'>

const fail = (status: number, message: string, code: string): Reply => ({
  status,
  body: { errors: [{ message, extensions: { code, status_code: status } }] },
})

const UNREADABLE = fail(400, 'No query string was present', 'JsonParseException')

/** POST /v2: from the first byte to the last, with the budgets that count every call. */
export async function handleApi(
  options: ApiOptions,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { service } = options
  const apiVersion = resolveVersion(header(request, 'api-version'))
  const early = checkRequest(options, request, apiVersion)
  if (early !== undefined || apiVersion === undefined)
    return send(service, response, early ?? UNREADABLE, apiVersion)
  // A call counts against the limits when it arrives; its body may still be on the way.
  const refusal = service.budget.admit()
  service.budget.inFlight++
  try {
    const text = await readBody(request)
    if (text !== undefined) await reply(options, { text, refusal, apiVersion }, response)
  } finally {
    service.budget.inFlight--
  }
}

interface Arrived {
  readonly text: string
  readonly refusal: Refusal | undefined
  readonly apiVersion: string
}

async function reply(
  { service, log }: ApiOptions,
  { text, refusal, apiVersion }: Arrived,
  response: ServerResponse,
): Promise<void> {
  const startedAt = performance.now()
  const { latencyMs } = service.faults
  if (latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, latencyMs))
  const body = parseBody(text)
  if (body === undefined) return send(service, response, UNREADABLE, apiVersion)
  const result =
    refusal === undefined ? await answer(service, body, apiVersion) : refuse(service, refusal, apiVersion)
  if (result === 'timeout') {
    await once(response, 'close')
    return
  }
  service.budget.countDay(result.rejected || result.light)
  const { operation, fields, status, complexity, rejected } = result
  const durationMs = performance.now() - startedAt
  log.add({ at: service.world.clock.now(), operation, fields, status, complexity, durationMs, rejected })
  send(service, response, result, apiVersion)
}

function checkRequest(
  options: ApiOptions,
  request: IncomingMessage,
  apiVersion: string | undefined,
): Reply | undefined {
  if (request.method !== 'POST') return fail(405, 'Only POST is accepted', 'MethodNotAllowed')
  const token = header(request, 'authorization')?.replace(/^Bearer /, '')
  if (token !== options.token) return fail(401, 'Not Authenticated', 'NOT_AUTHENTICATED')
  return apiVersion === undefined
    ? fail(200, 'The requested API version is invalid', 'InvalidVersionException')
    : undefined
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}

/** Undefined when the client left before it had said what it wanted. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= BODY_BYTES_MAX) chunks.push(chunk)
    })
    request.on('end', () => resolve(Buffer.concat(chunks).toString('utf8')))
    request.on('error', () => resolve(undefined))
    request.on('close', () => resolve(undefined))
  })
}

function parseBody(text: string): GraphqlRequest | undefined {
  try {
    const body = JSON.parse(text) as { query?: unknown; variables?: unknown; operationName?: unknown }
    if (typeof body.query !== 'string') return undefined
    const variables = (body.variables ?? {}) as Record<string, unknown>
    // Since 2025-04 variables must be an object.
    if (typeof variables !== 'object') return undefined
    return {
      query: body.query,
      variables,
      operationName: typeof body.operationName === 'string' ? body.operationName : null,
    }
  } catch {
    return undefined
  }
}

function send(
  service: Service,
  response: ServerResponse,
  reply: Reply,
  apiVersion: string | undefined,
): void {
  const { faults, random, budget, world } = service
  const requestId = `${random.hex(8)}-${random.hex(4)}-4${random.hex(3)}-9${random.hex(3)}-${random.hex(12)}`
  const html = typeof reply.body === 'string'
  const text =
    typeof reply.body === 'string'
      ? reply.body
      : JSON.stringify({ ...(reply.body as object), extensions: { request_id: requestId } })
  const body = Buffer.from(text)
  response.writeHead(reply.status, {
    'Content-Type': html ? 'text/html' : 'application/json; charset=utf-8',
    'Content-Length': body.length,
    Date: new Date(world.clock.now()).toUTCString(),
    'X-Request-Id': requestId,
    ...(apiVersion === undefined ? {} : { 'API-Version': apiVersion }),
    ...budget.headers(),
    ...(reply.retryAfterSeconds === undefined ? {} : { 'Retry-After': String(reply.retryAfterSeconds) }),
  })
  if (random.chance(faults.halfBody)) {
    response.write(body.subarray(0, Math.floor(body.length / 2)), () => response.destroy())
    return
  }
  response.end(body)
}
