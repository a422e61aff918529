import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BisonInstance, EmailBisonSim, EmailBisonSimOptions } from './sim.ts'
import { startEmailBisonSim } from './start.ts'

/** Runs a test against a simulator and closes it whatever happens. */
export async function withEmailBisonSim<T>(
  options: EmailBisonSimOptions,
  run: (sim: EmailBisonSim) => Promise<T>,
): Promise<T> {
  const sim = await startEmailBisonSim(options)
  try {
    return await run(sim)
  } finally {
    await sim.close()
  }
}

/** An estate small enough to read whole: 2 workspaces of 20 mailboxes in which nothing has happened. */
export const SMALL: EmailBisonSimOptions = {
  workspaces: 2,
  mailboxes: 40,
  campaigns: 2,
  leads: 10,
  historyDays: 0,
}

export interface BisonAnswer {
  readonly status: number
  readonly headers: Headers
  /** Undefined where the answer is not JSON. */
  readonly body: unknown
  readonly text: string
}

/** A bare request; `GET /api/leads?page=2`, with the token of a workspace or the owner's. */
export async function ask(
  sim: BisonInstance,
  request: string,
  { token = sim.token, body }: { token?: string; body?: unknown } = {},
): Promise<BisonAnswer> {
  const [method = 'GET', path = ''] = request.split(' ')
  const response = await fetch(path.startsWith('http') ? path : sim.url + path, {
    method,
    headers: {
      Authorization: `Bearer ${token}`,
      Accept: 'application/json',
      'Content-Type': 'application/json',
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  })
  const text = await response.text()
  const json = response.headers.get('content-type')?.includes('json') === true
  return {
    status: response.status,
    headers: response.headers,
    body: json ? JSON.parse(text) : undefined,
    text,
  }
}

/** The `data` of an answer that must be 200 or 201. */
export async function dataOf<Data>(
  sim: BisonInstance,
  request: string,
  options: { token?: string; body?: unknown } = {},
): Promise<Data> {
  const { status, body, text } = await ask(sim, request, options)
  if (status > 201) throw new Error(`${request}: ${status} ${text}`)
  return (body as { data: Data }).data
}

/** Every row of a list, by cursor. */
export async function walk<Row>(sim: BisonInstance, path: string, token = sim.token): Promise<Row[]> {
  const rows: Row[] = []
  const joint = path.includes('?') ? '&' : '?'
  for (let cursor: string | null = ''; cursor !== null;) {
    const at: string = cursor === '' ? '' : `&cursor=${cursor}`
    const { body } = await ask(sim, `GET ${path}${joint}pagination_type=cursor${at}`, { token })
    const page = body as { data: Row[]; meta: { next_cursor: string | null } }
    rows.push(...page.data)
    cursor = page.meta.next_cursor
  }
  return rows
}

export interface Received {
  readonly type: string
  readonly body: { event: Record<string, unknown>; data: Record<string, unknown> }
  readonly text: string
}

export interface Receiver {
  readonly url: string
  readonly received: Received[]
  /** What the receiver answers; 200 at first. */
  status: number
  /** It takes deliveries and answers none. */
  silent: boolean
}

/** A webhook endpoint that keeps what it is sent. */
export async function withReceiver<T>(run: (receiver: Receiver) => Promise<T>): Promise<T> {
  const state = { received: [] as Received[], status: 200, silent: false, url: '' }
  const server = createServer((request, response) => {
    let text = ''
    request.on('data', (chunk: Buffer) => (text += chunk.toString()))
    request.on('end', () => {
      const body = JSON.parse(text) as Received['body']
      state.received.push({ type: String(body.event['type']), body, text })
      if (state.silent) return
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
