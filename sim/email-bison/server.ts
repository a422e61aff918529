import { serve } from '@hono/node-server'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { App } from './api/app.ts'

export interface Listening {
  /** `http://127.0.0.1:PORT` */
  readonly origin: string
  /** Cuts whatever is under way. */
  close(): Promise<void>
}

/** 0 takes a free port. */
export async function listen(app: App, port: number): Promise<Listening> {
  const server = await new Promise<Server>((resolve, reject) => {
    const starting = serve({ fetch: app.fetch, hostname: '127.0.0.1', port }, () =>
      resolve(starting as Server),
    )
    starting.once('error', reject)
  })
  server.keepAliveTimeout = 60_000
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
