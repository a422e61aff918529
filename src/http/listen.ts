import { serve, type ServerType } from '@hono/node-server'
import type { AddressInfo } from 'node:net'
import type { Server } from 'node:http'
import type { Hono } from 'hono'
import { ConfigError } from '../engine/errors.ts'

export interface Listening {
  /** `http://host:port` as seen from this machine. */
  readonly url: string
  /** Takes no new connections; resolves when the requests under way are answered, or after `graceMs`. */
  close(graceMs: number): Promise<void>
}

/** Listens. Throws a ConfigError where the port is taken or not ours to take. */
export async function listen(app: Hono, host: string, port: number): Promise<Listening> {
  const server = await new Promise<ServerType>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, hostname: host, port }, () => resolve(starting))
    starting.once('error', (error: NodeJS.ErrnoException) => {
      const why: Record<string, string> = {
        EADDRINUSE: `port ${port} is in use on ${host}. Stop what uses it, or set PORT to another (0 takes any)`,
        EACCES: `port ${port} needs more rights. Set PORT to one above 1023`,
        EADDRNOTAVAIL: `this machine has no address ${host}. Set HOST to one of its own, or 0.0.0.0`,
      }
      reject(new ConfigError(why[error.code ?? ''] ?? `cannot listen on ${host}:${port}`, { cause: error }))
    })
  })
  const address = server.address() as AddressInfo
  const shown = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host
  return {
    url: `http://${shown.includes(':') ? `[${shown}]` : shown}:${address.port}`,
    async close(graceMs) {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      ;(server as Server).closeIdleConnections()
      const timer = setTimeout(() => (server as Server).closeAllConnections(), graceMs)
      await closed
      clearTimeout(timer)
    },
  }
}
