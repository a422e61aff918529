import type { HttpBindings } from '@hono/node-server'
import { serve } from '@hono/node-server'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import { type Context, Hono } from 'hono'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createRandom } from '../monday/world/random.ts'
import { INVALID_TOKEN, NO_SERVICE, NO_TEAM, ROLLUP_ERROR, type SlackAnswer, tooMany } from './answers.ts'
import type { Hook } from './hook.ts'
import { DEFAULT_LIMITS, receive } from './receive.ts'
import type { SlackFaults, SlackRequest, SlackSim, SlackSimOptions } from './sim.ts'

const TEAM = 'T00000001'
const NO_FAULTS: SlackFaults = { http500: 0, http429: 0, timeout: 0, latencyMs: 0 }

/** Incoming webhooks over HTTP; it keeps what it takes. */
export async function startSlackSim(options: SlackSimOptions = {}): Promise<SlackSim> {
  const clock = options.clock ?? { now: () => Date.now() }
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const faults = { ...NO_FAULTS, ...options.faults }
  const random = createRandom(options.seed ?? 1)
  const hooks = new Map<string, Hook>()
  const requests: SlackRequest[] = []

  const hookOf = (name: string): Hook => {
    let hook = hooks.get(name)
    if (hook === undefined)
      hooks.set(name, (hook = createHook(name, hooks.size + 1, random.hex(24), limits.burst)))
    return hook
  }
  const answerTo = async (c: SlackContext, hook: Hook | SlackAnswer): Promise<SlackAnswer | 'timeout'> => {
    const body = await c.req.text()
    if (faults.latencyMs > 0) await new Promise((resolve) => setTimeout(resolve, faults.latencyMs))
    if (random.chance(faults.timeout)) return 'timeout'
    if (random.chance(faults.http500)) return ROLLUP_ERROR
    if (random.chance(faults.http429)) return tooMany(1)
    if ('status' in hook) return hook
    const contentType = c.req.header('content-type') ?? ''
    return receive(hook, { body, contentType, now: clock.now() }, limits)
  }
  const app = new Hono<{ Bindings: HttpBindings }>()
  app.post('/services/:team/:service/:token', async (c) => {
    const hook = findHook(hooks, c.req.param())
    const answer = await answerTo(c, hook)
    const name = 'status' in hook ? null : hook.name
    const [status, text] = answer === 'timeout' ? [0, ''] : [answer.status, answer.text]
    requests.push({ at: clock.now(), hook: name, status, text })
    return answer === 'timeout' ? hang(c) : send(c, answer)
  })
  const server = await listen(app, options.port ?? 0)
  const { url } = server
  return {
    url,
    limits,
    faults,
    requests,
    hook: (name) => url + hookOf(name).path,
    messages: (name) => {
      const wanted = name === undefined ? [...hooks.values()] : [hookOf(name)]
      return wanted.flatMap(({ messages }) => messages).sort((a, b) => a.at - b.at)
    },
    setHook: (name, state) => {
      hookOf(name).state = state
    },
    close: () => server.close(),
  }
}

type SlackContext = Context<{ Bindings: HttpBindings }>

function createHook(name: string, number: number, token: string, burst: number): Hook {
  const path = `/services/${TEAM}/B${String(number).padStart(8, '0')}/${token}`
  return {
    name,
    channel: `#${name}`,
    path,
    state: 'active',
    tokens: burst,
    refilledAt: 0,
    refusals: 0,
    messages: [],
  }
}

function findHook(
  hooks: ReadonlyMap<string, Hook>,
  { team, service, token }: { team: string; service: string; token: string },
): Hook | SlackAnswer {
  if (team !== TEAM) return NO_TEAM
  const hook = [...hooks.values()].find(({ path }) => path.split('/')[3] === service)
  if (hook === undefined) return NO_SERVICE
  return hook.path.endsWith(`/${token}`) ? hook : INVALID_TOKEN
}

function send(c: SlackContext, { status, text, retryAfterSeconds }: SlackAnswer): Response {
  const headers = retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) }
  return c.body(text, status, { 'Content-Type': 'text/html', ...headers })
}

/** Nothing, until the client goes. */
async function hang(c: SlackContext): Promise<Response> {
  await new Promise<void>((resolve) => c.env.outgoing.once('close', () => resolve()))
  return RESPONSE_ALREADY_SENT
}

async function listen(
  app: Hono<{ Bindings: HttpBindings }>,
  port: number,
): Promise<{ url: string; close(): Promise<void> }> {
  const server = await new Promise<Server>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, () =>
      resolve(starting as Server),
    )
    starting.once('error', reject)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
