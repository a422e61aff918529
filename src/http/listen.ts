import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener } from '@hono/node-server'
import { ConfigError } from '../engine/errors.ts'
import type { Http } from './app.ts'
import { webhookListener } from './webhook-listener.ts'
import type { Log } from '../jobs/log.ts'

export interface Listening {
  /** `http://host:port` as seen from this machine. */
  readonly url: string
  /** Takes no new connections; resolves when the requests under way are answered, or after `graceMs`. */
  close(graceMs: number): Promise<void>
}

/** Listens. Throws a ConfigError where the port is taken or not ours to take. */
export async function listen(
  { webhooks: door, routes }: Http,
  { host, port, log }: { readonly host: string; readonly port: number; readonly log: Log },
): Promise<Listening> {
  const webhooks = webhookListener(door, log)
  const others = getRequestListener(routes.fetch)
  const server = createServer((request, response) => {
    if (!webhooks(request, response)) void others(request, response)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = {
        EADDRINUSE: `port ${port} is in use on ${host}. Stop what uses it, or set PORT to another (0 takes any)`,
        EACCES: `port ${port} needs more rights. Set PORT to one above 1023`,
        EADDRNOTAVAIL: `this machine has no address ${host}. Set HOST to one of its own, or 0.0.0.0`,
      }
      reject(new ConfigError(why[error.code ?? ''] ?? `cannot listen on ${host}:${port}`, { cause: error }))
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return {
    url: `http://${shown.includes(':') ? `[${shown}]` : shown}:${address.port}`,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      server.closeIdleConnections()
      const timer = setTimeout(() => server.closeAllConnections(), graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}
