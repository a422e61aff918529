import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What a test may change of an answer: its JSON body, by the operation that was asked. */
export type Rewrite = (
  operation: string,
  body: Record<string, unknown>,
  variables: Record<string, unknown>,
) => unknown

export interface Proxy {
  readonly url: string
  /** Mutable; at first answers pass unchanged. */
  rewrite: Rewrite
}

/** Stands between Lockstep and a vendor's API, for answers that the simulator does not give by itself. */
export async function withProxy<T>(upstream: string, test: (proxy: Proxy) => Promise<T>): Promise<T> {
  const proxy: { url: string; rewrite: Rewrite } = { url: '', rewrite: (_operation, body) => body }
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const sent = Buffer.concat(chunks).toString()
      void forward(upstream, sent, request.headers.authorization ?? '', proxy).then(
        ({ status, headers, text }) => {
          response.writeHead(status, headers)
          response.end(text)
        },
      )
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v2`
  try {
    return await test(proxy)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

async function forward(upstream: string, sent: string, authorization: string, { rewrite }: Proxy) {
  const answer = await fetch(upstream, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'api-version': '2026-10', authorization },
    body: sent,
  })
  const body = (await answer.json()) as Record<string, unknown>
  const { query, variables } = JSON.parse(sent) as { query: string; variables?: Record<string, unknown> }
  const operation = /(?:query|mutation) (\w+)/.exec(query)?.[1] ?? ''
  const headers = { 'content-type': 'application/json', date: answer.headers.get('date') ?? '' }
  return { status: answer.status, headers, text: JSON.stringify(rewrite(operation, body, variables ?? {})) }
}
