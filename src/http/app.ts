import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createHash, timingSafeEqual } from 'node:crypto'
import { type Context, Hono, type MiddlewareHandler } from 'hono'
import { HTTPException } from 'hono/http-exception'
import { RefusedError } from '../apps/refused.ts'
import { type Database, isOutage } from '../db/database.ts'
import { describeError } from '../engine/errors.ts'
import { listEvents, showEvent } from '../inbox/ledger.ts'
import type { Receiver } from '../inbox/receive.ts'
import type { Log } from '../jobs/log.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { type Apis, describedApis } from './api.ts'
import { webhookDoor, type WebhookDoor } from './door.ts'
import { fail } from './fail.ts'
import type { Metrics } from './metrics.ts'
import { type AppStatus, readStatus } from './status.ts'

export interface HttpOptions {
  readonly db: Database
  readonly pipelines: readonly Pipeline[]
  readonly receiver: Receiver
  readonly metrics: Metrics
  readonly log: Log
  readonly trustProxy: boolean
  readonly apiKey: string | undefined
  /** Whether we listen for this machine alone: then the API asks for no key. */
  readonly local: boolean
  /** Why the node is not ready to work; undefined when it is. */
  readonly notReady: () => Promise<string | undefined>
  /** The apps' own routes. */
  readonly apis?: Apis | undefined
}

const RETRY_AFTER_S = 5

/** What one node answers: webhooks, and everything else. */
export interface Http {
  readonly webhooks: WebhookDoor
  readonly routes: Hono
}

export function createHttp(options: HttpOptions): Http {
  const { receiver, trustProxy, log, metrics } = options
  const webhooks = webhookDoor({
    sources: new Map(options.pipelines.map((p) => [p.app, p.source])),
    receiver,
    trustProxy,
    log,
    onDelivery: (name, result) => metrics.deliveries.inc({ app: name, result }),
  })
  return { webhooks, routes: routes(options) }
}

/** Errors are rendered here, once. */
function routes(options: HttpOptions): Hono {
  const { db, metrics } = options
  const app = new Hono()
  app.onError((error, c) => renderError(error, c, options.log))
  app.notFound((c) => fail(c, 404, 'not_found', `there is nothing at ${c.req.path}`))

  app.get('/healthz', (c) => c.json({ status: 'ok' }))
  app.get('/readyz', async (c) => {
    const reason = await options.notReady()
    return reason === undefined ? c.json({ status: 'ready' }) : fail(c, 503, 'not_ready', reason)
  })
  const status = shareFor(500, () => readAll(db, options.pipelines))
  app.use('/api/*', requireKey(options))
  app.use('/metrics', requireKey(options))
  app.get('/metrics', async (c) => {
    const text = await metrics.render(await status(), Date.now())
    return c.text(text, 200, { 'content-type': metrics.registry.contentType })
  })

  app.get('/api/v1/status', async (c) => c.json({ now: new Date().toISOString(), apps: await status() }))
  app.get('/api/v1/events', async (c) => {
    const limit = Math.min(200, Math.max(1, Number(c.req.query('limit') ?? 20) || 20))
    const filter = { app: c.req.query('app'), status: c.req.query('status'), limit }
    return c.json({ events: await listEvents(db, filter) })
  })
  app.get('/api/v1/events/:id{[0-9]{1,15}}', async (c) => {
    const event = await showEvent(db, Number(c.req.param('id')))
    return event === undefined ? fail(c, 404, 'not_found', 'no such event') : c.json(event)
  })
  app.route('/api', describedApis(options.apis?.routes ?? []))
  app.get('/', async (c) => c.html(await readFile(join(import.meta.dirname, 'status.html'), 'utf8')))
  return app
}

function renderError(error: Error, c: Context, log: Log): Response {
  if (error instanceof RefusedError) return fail(c, error.status, error.code, error.message)
  if (error instanceof HTTPException) {
    const message = error.status === 415 ? 'give the body as application/json' : error.message
    return fail(c, error.status, 'invalid', message)
  }
  const outage = isOutage(error)
  log[outage ? 'warn' : 'error']({ path: c.req.path, error: describeError(error) }, 'a request failed')
  if (!outage) return fail(c, 500, 'internal', 'something went wrong here; the log says what')
  c.header('Retry-After', String(RETRY_AFTER_S))
  return fail(c, 503, 'unavailable', 'the database does not answer now; ask again')
}

const readAll = (db: Database, pipelines: readonly Pipeline[]): Promise<AppStatus[]> =>
  Promise.all(pipelines.map((pipeline) => readStatus(db, pipeline)))

/** One answer for all who ask within `ms`: many open pages must not multiply the counting. */
function shareFor<T>(ms: number, read: () => Promise<T>): () => Promise<T> {
  let last: { at: number; value: Promise<T> } | undefined
  return () => {
    const now = Date.now()
    if (last === undefined || now - last.at > ms) {
      const value = read()
      last = { at: now, value }
      value.catch(() => (last = undefined))
    }
    return last.value
  }
}

/** The API is open on a loopback address alone; anywhere else, or where a key is set, it asks for the key. */
function requireKey({ apiKey, local }: HttpOptions): MiddlewareHandler {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return async (c, next) => {
    if (apiKey === undefined && local) return next()
    const given = c.req.header('x-api-key') ?? c.req.header('authorization')?.replace(/^Bearer\s+/i, '') ?? ''
    if (apiKey !== undefined && timingSafeEqual(digest(given), digest(apiKey))) return next()
    const what =
      apiKey === undefined
        ? 'set LOCKSTEP_API_KEY to use the API on a public address'
        : 'give the API key as "Authorization: Bearer …"'
    return fail(c, 401, 'no_key', what)
  }
}
