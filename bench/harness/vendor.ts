import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { customer } from './customers.ts'
import { serveTask } from './child.ts'

/** As much of Stripe as a node of the tutorial's app asks for, in a process of its own: customers that nobody changes. */

export interface VendorTask {
  readonly customers: number
}

export interface VendorAnswer {
  readonly url: string
}

serveTask(async ({ customers }: VendorTask) => {
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    response.writeHead(200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer(url, customers)))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    answer: { url: `http://127.0.0.1:${port}` },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
})

const numberOf = (id: string): number => Number(id.slice('cus_'.length))

function answer(url: URL, customers: number): unknown {
  const [, , kind, id] = url.pathname.split('/')
  if (kind !== 'customers') return { object: 'list', has_more: false, data: [] }
  if (id !== undefined) return customer(numberOf(id), 0)
  const after = url.searchParams.get('starting_after')
  const start = after === null ? 0 : numberOf(after) + 1
  const end = Math.min(customers, start + Number(url.searchParams.get('limit') ?? 10))
  const data = Array.from({ length: end - start }, (_, i) => customer(start + i, 0))
  return { object: 'list', has_more: end < customers, data }
}
