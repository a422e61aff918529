import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Config } from '../../src/config/config.ts'
import { readSettings } from '../../src/config/environment.ts'
import { serveTask } from './child.ts'
import { POOL_SIZE, WEBHOOK_SECRET } from './ours.ts'

/**
 * A server of webhooks, in a process of its own: ours, the peer's, or one that only checks the signature. Each loads
 * what it needs and no more.
 */

export type Subject = 'ours' | 'peer' | 'bare'

export interface ServerTask {
  readonly subject: Subject
  readonly databaseUrl: string
  /** Of ours: where its vendor is. With one it is a whole node, without one the door alone. */
  readonly vendorUrl?: string
}

export interface ServerAnswer {
  readonly port: number
  readonly path: string
}

interface Serving {
  readonly answer: ServerAnswer
  readonly close: () => Promise<void>
}

const servers: Readonly<Record<Subject, (task: ServerTask) => Promise<Serving>>> = {
  async ours({ databaseUrl, vendorUrl }) {
    const { createLockstep, defineConfig } = await import('../../src/index.ts')
    const { stripeApp } = await import('./stripe-app.ts')
    const settings = {
      ...readSettings({}),
      databaseUrl,
      port: 0,
      logLevel: 'warn',
      poolSize: POOL_SIZE,
    } as const
    const app = stripeApp(vendorUrl)
    const role = vendorUrl === undefined ? 'ingest' : 'all'
    const config = defineConfig({ apps: [app], ...schedulesAfter(new Date()) })
    const node = await createLockstep({ config, settings, role })
    const port = Number(new URL(node.url).port)
    return { answer: { port, path: `/webhooks/${app.name}` }, close: () => node.stop() }
  },
  // Behind Node's own server, without a framework: what it loses here is not the framework's.
  async peer({ databaseUrl }) {
    const { openPeer } = await import('./peer.ts')
    const sync = openPeer(databaseUrl)
    return serve(
      async (body, signature) => sync.processWebhook(body, signature),
      () => sync.close(),
    )
  },
  // The limit: what any server must do, and no more.
  async bare() {
    return serve(checkSignature, async () => {})
  },
}

/** As often as by default, but not in the minutes of a measurement: those passes are no idling. */
function schedulesAfter(now: Date): Pick<Config, 'deltaCron' | 'sweepCron' | 'verifyCron'> {
  const minute = now.getUTCMinutes()
  return {
    deltaCron: `${(minute + 7) % 15}-59/15 * * * *`,
    verifyCron: `${(minute + 7) % 10}-59/10 * * * *`,
    sweepCron: `${minute} ${(now.getUTCHours() + 12) % 24} * * *`,
  }
}

async function checkSignature(body: Buffer, header: string): Promise<void> {
  const [, t, v1] = /^t=(\d+),v1=([0-9a-f]{64})/.exec(header) ?? []
  const expected = createHmac('sha256', WEBHOOK_SECRET).update(`${t}.`).update(body).digest()
  if (!timingSafeEqual(expected, Buffer.from(v1 ?? '', 'hex'))) throw new Error('the signature does not fit')
}

async function serve(
  receive: (body: Buffer, signature: string) => Promise<void>,
  close: () => Promise<void>,
): Promise<Serving> {
  const listener: RequestListener = (request, response) => {
    void readBody(request)
      .then((body) => receive(body, String(request.headers['stripe-signature'])))
      .then(
        () => response.writeHead(200, { 'content-type': 'application/json' }).end('{"received":true}'),
        (error: unknown) => response.writeHead(500).end(String(error)),
      )
  }
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    answer: { port, path: '/webhooks' },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await close()
    },
  }
}

const readBody = (request: IncomingMessage): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.once('end', () => resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks)))
    request.once('error', reject)
  })

serveTask((task: ServerTask) => servers[task.subject](task))
