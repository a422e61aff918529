import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { MondaySim, MondaySimOptions } from './sim.ts'
import { startMondaySim } from './start.ts'

/** Runs a test against a simulator and closes it whatever happens. */
export async function withSim<T>(options: MondaySimOptions, run: (sim: MondaySim) => Promise<T>): Promise<T> {
  const sim = await startMondaySim(options)
  try {
    return await run(sim)
  } finally {
    await sim.close()
  }
}

export interface GraphqlAnswer {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
  readonly text: string
}

/** A bare POST, for what the SDK hides. */
export async function post(
  sim: MondaySim,
  query: string,
  variables: Record<string, unknown> = {},
  headers: Record<string, string> = {},
): Promise<GraphqlAnswer> {
  const response = await fetch(sim.url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Authorization: 'sim-token', ...headers },
    body: JSON.stringify({ query, variables }),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.includes('json') === true
  const body = json ? (JSON.parse(text) as Record<string, unknown>) : {}
  return { status: response.status, headers: response.headers, body, text }
}

/** The `data` of an answer without errors. */
export async function ask<Data>(
  sim: MondaySim,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<Data> {
  const { body } = await post(sim, query, variables)
  if (body['errors'] !== undefined) throw new Error(JSON.stringify(body['errors']))
  return body['data'] as Data
}

export interface Received {
  readonly event: Record<string, unknown>
  readonly headers: IncomingHttpHeaders
}

export interface Receiver {
  readonly url: string
  readonly received: Received[]
  readonly challenges: string[]
  /** What the receiver answers to events; 200 at first. */
  status: number
  /** When false, challenges get an empty answer. */
  echoes: boolean
}

/** A webhook endpoint that keeps what it is sent. */
export async function withReceiver<T>(run: (receiver: Receiver) => Promise<T>): Promise<T> {
  const state = { received: [] as Received[], challenges: [] as string[], status: 200, echoes: true, url: '' }
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const body = JSON.parse(text) as { challenge?: string; event?: Record<string, unknown> }
      if (body.challenge !== undefined) {
        state.challenges.push(body.challenge)
        response.writeHead(200, { 'Content-Type': 'application/json' })
        response.end(state.echoes ? text : '{}')
        return
      }
      state.received.push({ event: body.event ?? {}, headers: request.headers })
      response.writeHead(state.status)
      response.end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  state.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`
  try {
    return await run(state)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
}

export function subscribe(sim: MondaySim, boardId: string, event: string, url: string, config?: string) {
  return ask<{ create_webhook: { id: string } }>(
    sim,
    'mutation($b: ID!, $u: String!, $e: WebhookEventType!, $c: JSON) { create_webhook(board_id: $b, url: $u, event: $e, config: $c) { id } }',
    { b: boardId, u: url, e: event, c: config ?? null },
  )
}
