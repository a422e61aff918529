import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Json } from '../../src/engine/observation.ts'
import type { ApiAnswer } from './subject.ts'

/** What a call gets in place of the vendor's answer. `cut`: half of it. `hang`: nothing, until the caller goes. */
export type Fault = ApiAnswer | 'cut' | 'hang'

export interface ApiCall {
  /** On the test's clock, milliseconds. */
  readonly atMs: number
  readonly method: string
  readonly path: string
  /** 0 where no whole answer was given. */
  status: number
}

/** Stands before a vendor's API: counts its calls, and lets them fail in all the ways that no vendor is needed for. */
export class ApiProxy {
  readonly calls: ApiCall[] = []
  /** Changes the JSON of an answer; undefined leaves it as it is. */
  rewrite: ((answer: Json) => Json | undefined) | undefined
  readonly #upstream: string
  readonly #now: () => number
  readonly #server: Server
  readonly #faults: { readonly fault: Fault | undefined; left: number }[] = []
  #hung = 0
  #onHang: (() => void)[] = []

  private constructor(upstream: string, now: () => number) {
    this.#upstream = new URL(upstream).origin
    this.#now = now
    this.#server = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(upstream: string, now: () => number): Promise<ApiProxy> {
    const proxy = new ApiProxy(upstream, now)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  /** The same address at the proxy. */
  at(url: string): string {
    const { port } = this.#server.address() as AddressInfo
    return url.replace(new URL(url).origin, `http://127.0.0.1:${port}`)
  }

  /** The next calls go so, after those that were already said to fail; Infinity until `heal`. */
  fail(fault: Fault, times: number): void {
    this.#faults.push({ fault, left: times })
  }

  /** The next calls go well, before those that are said to fail after this. */
  pass(times: number): void {
    this.#faults.push({ fault: undefined, left: times })
  }

  heal(): void {
    this.#faults.length = 0
    this.rewrite = undefined
  }

  /** Resolves when a call hangs. */
  hanging(): Promise<void> {
    return this.#hung > 0 ? Promise.resolve() : new Promise((resolve) => this.#onHang.push(resolve))
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const path = request.url ?? '/'
    const call: ApiCall = { atMs: this.#now(), method: request.method ?? 'GET', path, status: 0 }
    this.calls.push(call)
    const fault = this.#nextFault()
    if (fault === 'hang') return this.#hang(response)
    const answer =
      fault === undefined || fault === 'cut'
        ? await this.#ask(request, Buffer.concat(chunks))
        : given(fault, this.#now())
    const bytes = Buffer.from(answer.text)
    response.writeHead(answer.status, { ...answer.headers, 'content-length': bytes.length })
    if (fault === 'cut') {
      response.write(bytes.subarray(0, Math.floor(bytes.length / 2)), () => response.destroy())
      return
    }
    call.status = answer.status
    response.end(bytes)
  }

  #nextFault(): Fault | undefined {
    const [first] = this.#faults
    if (first === undefined) return undefined
    if (--first.left <= 0) this.#faults.shift()
    return first.fault
  }

  #hang(response: ServerResponse): void {
    this.#hung++
    response.once('close', () => this.#hung--)
    for (const resolve of this.#onHang.splice(0)) resolve()
  }

  async #ask(request: IncomingMessage, body: Buffer): Promise<Answered> {
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers
    const answer = await fetch(`${this.#upstream}${request.url ?? '/'}`, {
      method: request.method ?? 'GET',
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
    })
    const text = await answer.text()
    const kept = [...answer.headers].filter(([name]) => !HOP.has(name))
    return { status: answer.status, headers: Object.fromEntries(kept), text: this.#rewritten(text) }
  }

  #rewritten(text: string): string {
    if (this.rewrite === undefined) return text
    const changed = this.rewrite(JSON.parse(text) as Json)
    return changed === undefined ? text : JSON.stringify(changed)
  }
}

interface Answered {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** Headers of one connection, and those that a body of another length makes wrong. */
const HOP = new Set(['connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-encoding'])

function given({ status, headers = {}, body }: ApiAnswer, nowMs: number): Answered {
  const plain = typeof body === 'string'
  const own = {
    'content-type': plain ? 'text/html' : 'application/json',
    date: new Date(nowMs).toUTCString(),
  }
  return { status, headers: { ...own, ...headers }, text: plain ? body : JSON.stringify(body) }
}
