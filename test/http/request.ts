import { request as httpRequest } from 'node:http'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: Record<string, unknown>
  /** Bytes of the body that were handed to the socket before the answer came. */
  readonly sent: number
}

export interface RawRequest {
  readonly headers?: Record<string, string>
  /** Sent one by one, as fast as the socket takes them, until an answer comes. */
  readonly chunks: readonly (string | Uint8Array)[]
}

/** A bare POST, for bodies that `fetch` would not send: cut, endless, or of a false length. */
export function postRaw(url: string, { headers = {}, chunks }: RawRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method: 'POST', headers, agent: false })
    let sent = 0
    let answered = false
    request.on('response', (response) => {
      answered = true
      let text = ''
      response.on('data', (chunk: Buffer) => (text += chunk.toString()))
      response.on('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>,
          sent,
        })
        request.destroy()
      })
    })
    request.on('error', (error) => (answered ? undefined : reject(error)))
    const send = (index: number): void => {
      const chunk = chunks[index]
      if (answered) return
      if (chunk === undefined) {
        request.end()
        return
      }
      sent += chunk.length
      request.write(chunk, () => setImmediate(() => send(index + 1)))
    }
    send(0)
  })
}

export const post = (
  url: string,
  body: string | Uint8Array,
  headers?: Record<string, string>,
): Promise<Answer> =>
  postRaw(url, {
    headers: { 'content-length': String(Buffer.byteLength(body)), ...headers },
    chunks: body.length === 0 ? [] : [body],
  })
