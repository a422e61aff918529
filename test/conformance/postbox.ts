import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Letter } from './subject.ts'

/** Where the vendor's webhooks post to: it hands deliveries on to the node, or keeps them until the test does. */
export class Postbox {
  /** Deliveries that were kept, and answered 200. */
  readonly kept: Letter[] = []
  keeps = false
  readonly #node: string
  readonly #server: Server

  private constructor(node: string) {
    this.#node = node
    this.#server = createServer((request, response) => void this.#receive(request, response))
  }

  /** @param node origin of the node that letters are for */
  static async start(node: string): Promise<Postbox> {
    const box = new Postbox(node)
    await new Promise<void>((resolve) => box.#server.listen(0, '127.0.0.1', resolve))
    return box
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** Takes what was kept so far. */
  take(): Letter[] {
    return this.kept.splice(0)
  }

  /** Posts a letter to the node, as the vendor would; the answer. */
  async post({ path, headers, body }: Letter): Promise<{ status: number; text: string }> {
    const answer = await fetch(`${this.#node}${path}`, { method: 'POST', headers, body })
    return { status: answer.status, text: await answer.text() }
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  async #receive(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const { host: _host, connection: _connection, 'content-length': _length, ...headers } = request.headers
    const letter: Letter = {
      path: request.url ?? '/',
      headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)])),
      body: Buffer.concat(chunks).toString(),
    }
    if (this.keeps) this.kept.push(letter)
    const answer = this.keeps ? { status: 200, text: '{}' } : await this.post(letter)
    response.writeHead(answer.status, { 'content-type': 'application/json' })
    response.end(answer.text)
  }
}
