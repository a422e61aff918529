import { OpenAPIHono, type z } from '@hono/zod-openapi'
import { bodyLimit } from 'hono/body-limit'
import type { App, AppApi } from '../apps/contract.ts'
import type { Database } from '../db/database.ts'
import type { Log } from '../jobs/log.ts'
import { fail } from './fail.ts'

const BODY_MAX = 100_000
const ISSUES_MAX = 3

/** The routes of the apps of one node. */
export interface Apis {
  readonly routes: readonly { readonly app: string; readonly router: OpenAPIHono }[]
  stop(): Promise<void>
}

export interface ApisOptions {
  readonly apps: readonly App[]
  readonly db: Database
  readonly log: Log
}

/** Makes the routes of all apps that have any. */
export async function openApis({ apps, db, log }: ApisOptions): Promise<Apis> {
  const opened: { app: string; router: OpenAPIHono; running: AppApi }[] = []
  for (const { name, api } of apps) {
    if (api === undefined) continue
    const router = createRouter()
    opened.push({ app: name, router, running: await api(router, { db, log }) })
  }
  return {
    routes: opened,
    async stop() {
      await Promise.all(opened.map(({ running }) => running.stop()))
    },
  }
}

/** A router whose requests are checked before a route sees them: a wrong one is answered 400 and says what is wrong. */
function createRouter(): OpenAPIHono {
  const router = new OpenAPIHono({
    defaultHook: (result, c) =>
      result.success ? undefined : fail(c, 400, 'invalid', explain(result.target, result.error)),
  })
  const tooLarge = `a request body may have at most ${BODY_MAX} bytes`
  router.use(bodyLimit({ maxSize: BODY_MAX, onError: (c) => fail(c, 413, 'too_large', tooLarge) }))
  return router
}

/** Where the request's parts are, as its sender calls them. */
const PLACES: Readonly<Record<string, string>> = { json: 'body', param: 'path' }

/** `query "limit": give a whole number from 1 to 500; body "stage": …` */
function explain(target: string, { issues }: z.ZodError): string {
  const place = PLACES[target] ?? target
  const all = issues.map(({ path, message }) => {
    const field = path.length === 0 ? '' : ` "${path.map(String).join('.')}"`
    return `${place}${field}: ${message}`
  })
  // One field may break several rules with one remedy.
  const told = [...new Set(all)]
  const more = told.length - ISSUES_MAX
  return told.slice(0, ISSUES_MAX).join('; ') + (more > 0 ? `; and ${more} more` : '')
}

/** The apps' routes at `/v1/<app>`, and their description at `/openapi.json`. */
export function describedApis(routes: Apis['routes']): OpenAPIHono {
  const all = new OpenAPIHono()
  for (const { app, router } of routes) all.route(`/v1/${app}`, router)
  all.openAPIRegistry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  const header = { type: 'apiKey', in: 'header', name: 'x-api-key' } as const
  all.openAPIRegistry.registerComponent('securitySchemes', 'key', header)
  all.get('/openapi.json', (c) => c.json(all.getOpenAPI31Document(INFO)))
  return all
}

const INFO = {
  openapi: '3.1.0',
  info: {
    title: 'Lockstep',
    version: '1',
    description:
      'What the apps of this node keep and count. The key is LOCKSTEP_API_KEY; on a loopback address without a key none is asked for.',
  },
  servers: [{ url: '/api' }],
  security: [{ bearer: [] }, { key: [] }],
}
