import { openApis } from '../../../src/http/api.ts'
import { createHttp } from '../../../src/http/app.ts'
import { Metrics } from '../../../src/http/metrics.ts'
import { Receiver } from '../../../src/inbox/receive.ts'
import { type Log, silentLog } from '../../../src/jobs/log.ts'
import type { Database } from '../../../src/db/database.ts'
import { app, type World, withWorld } from './world.ts'

export interface Failure {
  readonly status: number
  readonly code: string
  readonly message: string
  readonly retryAfter: string | null
}

type Headers = Readonly<Record<string, string>>
type Ask = (path: string, init: RequestInit) => Response | Promise<Response>

/** The portal's routes on a database, without a socket. */
export class Api {
  private readonly ask: Ask

  constructor(ask: Ask) {
    this.ask = ask
  }

  async raw(method: string, path: string, body?: unknown, headers: Headers = {}): Promise<Response> {
    const json = { 'content-type': 'application/json', ...headers }
    const init = body === undefined ? { headers } : { body: JSON.stringify(body), headers: json }
    return this.ask(path.startsWith('/api') ? path : `/api/v1/portal${path}`, { method, ...init })
  }

  /** The same with a body as it is. */
  async rawText(method: string, path: string, body: string, type: string): Promise<Response> {
    return this.ask(`/api/v1/portal${path}`, { method, body, headers: { 'content-type': type } })
  }

  /** The body of an answer that must be good. */
  async get<T>(path: string): Promise<T> {
    return good<T>(await this.raw('GET', path))
  }

  async send<T>(method: string, path: string, body: unknown, headers: Headers = {}): Promise<T> {
    return good<T>(await this.raw(method, path, body, headers))
  }

  /** What an answer that must not be good says. */
  async fail(method: string, path: string, body?: unknown, headers?: Headers): Promise<Failure> {
    const response = await this.raw(method, path, body, headers)
    const text = await response.text()
    if (response.ok) throw new Error(`${method} ${path} succeeded: ${text}`)
    const { error } = JSON.parse(text) as { error: { code: string; message: string } }
    return { status: response.status, ...error, retryAfter: response.headers.get('retry-after') }
  }
}

async function good<T>(response: Response): Promise<T> {
  const text = await response.text()
  if (!response.ok) throw new Error(`${response.status}: ${text}`)
  return JSON.parse(text) as T
}

/** Routes and cache of one node over the portal's tables. */
export async function withApiOn(
  db: Database,
  test: (api: Api) => Promise<void>,
  { log = silentLog, apiKey }: { log?: Log; apiKey?: string } = {},
): Promise<void> {
  const apis = await openApis({ apps: [app], db, log })
  const { routes } = createHttp({
    db,
    apis,
    pipelines: [],
    receiver: new Receiver(db),
    metrics: new Metrics(),
    log,
    trustProxy: false,
    apiKey,
    local: true,
    notReady: () => Promise.resolve(undefined),
  })
  try {
    await test(new Api((path, init) => routes.request(path, init)))
  } finally {
    await apis.stop()
  }
}

export const withApi = (test: (api: Api, world: World) => Promise<void>): Promise<void> =>
  withWorld((world) => withApiOn(world.db, (api) => test(api, world)))
