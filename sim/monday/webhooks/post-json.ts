import { type Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

const TIMEOUT_MS = 30_000

export interface PostResult {
  /** 0 when no answer came. */
  readonly status: number
  readonly body: string
}

/** Never rejects: a receiver that is down is an ordinary outcome. */
export function postJson(
  url: string,
  body: string,
  headers: Record<string, string>,
  agent: Agent,
): Promise<PostResult> {
  return new Promise((resolve) => {
    const secure = url.startsWith('https:')
    const options = {
      method: 'POST',
      timeout: TIMEOUT_MS,
      headers: { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body), ...headers },
      ...(secure ? {} : { agent }),
    }
    const failed = (): void => resolve({ status: 0, body: '' })
    try {
      const request = (secure ? httpsRequest : httpRequest)(url, options, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
        response.on('error', failed)
      })
      request.on('timeout', () => request.destroy())
      request.on('error', failed)
      request.end(body)
    } catch {
      failed()
    }
  })
}
