import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type ApiOptions, handleApi } from './api/handler.ts'

/** Answers a request and says so, or leaves it. */
export type Route = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>

/** Serves the API at /v2 and whatever `control` takes. */
export async function listen(options: ApiOptions, control: Route | undefined, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    const path = (request.url ?? '/').split('?')[0]
    const handled =
      path === '/v2' || path === '/v2/' ? handleApi(options, request, response) : other(request, response)
    handled.catch((error: unknown) => {
      // A bug of the simulator itself must be seen, not retried as if the vendor had failed.
      process.stderr.write(
        `monday simulator: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
      )
      if (!response.headersSent) response.writeHead(500, { 'Content-Type': 'text/plain' })
      response.end('simulator error')
    })
  })
  const other = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (control !== undefined && (await control(request, response))) return
    response.writeHead(404, { 'Content-Type': 'text/plain' })
    response.end('not found')
  }
  server.keepAliveTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return server
}

export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port
}
