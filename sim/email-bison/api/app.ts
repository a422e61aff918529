import type { HttpBindings } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { find } from '../world/lookup.ts'
import type { Token, Workspace } from '../world/model.ts'
import type { Handler, Routes, Service } from './call.ts'
import { noRoute, RefusalError, UNAUTHENTICATED, wrongMethod } from './errors.ts'
import { injectFault, TOO_MANY } from './injected-fault.ts'
import { RateLimit } from './rate-limit.ts'
import type { RequestLog } from './request-log.ts'
import { campaignRoutes } from './routes/campaigns.ts'
import { eventRoutes } from './routes/events.ts'
import { leadRoutes } from './routes/leads.ts'
import { replyRoutes } from './routes/replies.ts'
import { scheduledEmailRoutes } from './routes/scheduled-emails.ts'
import { senderRoutes } from './routes/senders.ts'
import { webhookRoutes } from './routes/webhooks.ts'
import { workspaceRoutes } from './routes/workspaces.ts'

/** Fixed paths stand before those with an id: the first that fits takes the request. */
const ROUTES: Routes = {
  ...workspaceRoutes,
  ...campaignRoutes,
  ...leadRoutes,
  ...replyRoutes,
  ...scheduledEmailRoutes,
  ...senderRoutes,
  ...webhookRoutes,
  ...eventRoutes,
}

export type App = Hono<{ Bindings: HttpBindings }>
type Request = Context<{ Bindings: HttpBindings }>

interface Reply {
  readonly status: number
  /** A string is HTML. */
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

/** The API of one instance. */
export function createApp(service: Service, log: RequestLog): App {
  const app: App = new Hono()
  const limit = new RateLimit(service.world, service.faults)
  const methods = new Map<string, string[]>()
  for (const [route, handler] of Object.entries(ROUTES)) {
    const [method = '', path = ''] = route.split(' ')
    methods.set(path, [...(methods.get(path) ?? []), method])
    app.on(method, path, (c) => answer({ service, log, limit }, c, route, handler))
  }
  for (const [path, supported] of methods) {
    app.all(path, (c) => {
      const handler: Handler = () => wrongMethod(c.req.method, c.req.path, supported)
      return answer({ service, log, limit }, c, null, handler)
    })
  }
  app.notFound((c) => answer({ service, log, limit }, c, null, () => noRoute(c.req.path)))
  return app
}

interface Desk {
  readonly service: Service
  readonly log: RequestLog
  readonly limit: RateLimit
}

async function answer(desk: Desk, c: Request, route: string | null, handler: Handler): Promise<Response> {
  const { service, log } = desk
  const startedAt = performance.now()
  const token = tokenOf(service, c)
  const workspace = token === undefined ? undefined : workspaceOf(service, token)
  const reply = await replyTo(desk, c, handler, token, workspace)
  const cut = reply !== 'timeout' && service.random.chance(service.faults.halfBody)
  log.add({
    at: service.world.clock.now(),
    method: c.req.method,
    path: c.req.path,
    query: new URL(c.req.url).search,
    route,
    workspaceId: workspace?.id ?? null,
    token: token?.kind ?? null,
    status: reply === 'timeout' || cut ? 0 : reply.status,
    durationMs: performance.now() - startedAt,
  })
  if (reply === 'timeout') return hang(c)
  return cut ? cutOff(c, reply) : send(service, c, reply)
}

function tokenOf({ world }: Service, c: Request): Token | undefined {
  const text = /^Bearer (.+)$/.exec(c.req.header('authorization') ?? '')?.[1]
  return text === undefined ? undefined : world.tokens.get(text)
}

function workspaceOf({ world }: Service, { workspaceId }: Token): Workspace | undefined {
  return find(world.workspaces, workspaceId ?? world.currentWorkspaceId)
}

/** What is read from a replica. */
const REPLICATED = /^\/api\/(sender-emails|campaigns|replies|leads|scheduled-emails)\b/

async function replyTo(
  { service, limit }: Desk,
  c: Request,
  handler: Handler,
  token: Token | undefined,
  workspace: Workspace | undefined,
): Promise<Reply | 'timeout'> {
  const { faults, random } = service
  // Whatever a request waits for, its body is read: what it asks is what it asked when it came.
  const body = await bodyOf(c)
  if (faults.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, faults.latencyMs))
  if (token === undefined || workspace === undefined) return { status: 401, body: UNAUTHENTICATED }
  if (!limit.admit(token)) return { status: 429, body: TOO_MANY, headers: limit.headers(token, true) }
  const fault = injectFault(faults, random, workspace)
  if (fault === 'timeout') return fault
  if (fault !== undefined) return { ...fault, headers: limit.headers(token, fault.status === 429) }
  const query = new URL(c.req.url).searchParams
  const { path } = c.req
  const seen = c.req.method === 'GET' && REPLICATED.test(path) ? service.replica.of(workspace) : workspace
  const call = { ...service, token, workspace: seen, path, params: c.req.param(), query, body }
  const headers = limit.headers(token, false)
  try {
    const { status, body: answered } = await handler(call)
    return { status, body: random.chance(faults.arrayWrap) ? [answered] : answered, headers }
  } catch (error) {
    if (error instanceof RefusalError) return { ...error.answer, headers }
    throw error
  }
}

async function bodyOf(c: Request): Promise<Record<string, unknown>> {
  const text = await c.req.text()
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : {}
  } catch {
    return {}
  }
}

function contentOf({ body }: Reply): { type: string; text: string } {
  if (typeof body === 'string') return { type: 'text/html', text: body }
  return { type: 'application/json', text: JSON.stringify(body) }
}

function send({ world }: Service, c: Request, reply: Reply): Response {
  const { type, text } = contentOf(reply)
  const headers = { 'Content-Type': type, Date: new Date(world.clock.now()).toUTCString(), ...reply.headers }
  return c.body(text, reply.status as ContentfulStatusCode, headers)
}

/** Nothing, until the client goes. */
async function hang(c: Request): Promise<Response> {
  const { outgoing } = c.env
  await new Promise<void>((resolve) => outgoing.once('close', () => resolve()))
  return RESPONSE_ALREADY_SENT
}

function cutOff(c: Request, reply: Reply): Response {
  const { outgoing } = c.env
  const { type, text } = contentOf(reply)
  const bytes = Buffer.from(text)
  outgoing.writeHead(reply.status, { 'Content-Type': type, 'Content-Length': bytes.length })
  outgoing.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => outgoing.destroy())
  return RESPONSE_ALREADY_SENT
}
