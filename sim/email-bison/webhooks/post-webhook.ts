import { type Agent, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'

/** The status of the answer; 0 when none came in time. Never rejects: a receiver that is down is an ordinary outcome. */
export function postWebhook(
  url: string,
  body: string,
  { agent, timeoutMs }: { agent: Agent; timeoutMs: number },
): Promise<number> {
  return new Promise((resolve) => {
    const secure = url.startsWith('https:')
    const headers = { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) }
    const options = { method: 'POST', headers, ...(secure ? {} : { agent }) }
    // Not the socket's own timeout: that one begins again with every byte.
    const abort = new AbortController()
    const timer = setTimeout(() => abort.abort(), timeoutMs)
    const done = (status: number): void => {
      clearTimeout(timer)
      resolve(status)
    }
    try {
      const signal = abort.signal
      const request = (secure ? httpsRequest : httpRequest)(url, { ...options, signal }, (response) => {
        response.resume()
        response.on('end', () => done(response.statusCode ?? 0))
        response.on('error', () => done(0))
      })
      request.on('error', () => done(0))
      request.end(body)
    } catch {
      done(0)
    }
  })
}
