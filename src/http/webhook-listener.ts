import type { IncomingMessage, ServerResponse } from 'node:http'
import { describeError } from '../engine/errors.ts'
import type { Log } from '../jobs/log.ts'
import { BODY_MAX, refusal, type Reply, type WebhookDoor } from './door.ts'

/** Takes the requests that are webhooks; false for any other, which it leaves alone. */
export type WebhookListener = (request: IncomingMessage, response: ServerResponse) => boolean

const PATH = /^\/webhooks\/([^/?]+)(?:\/([^/?]+))?(?:\?|$)/
const TOO_LARGE = 413

/**
 * The door on Node's own server. A framework's request and response objects would take several times as long as all
 * that the door does: it is measured by how many it lets in.
 */
export function webhookListener(door: WebhookDoor, log: Log): WebhookListener {
  return (request, response) => {
    if (request.method !== 'POST') return false
    const [, app, secret] = PATH.exec(request.url ?? '') ?? []
    if (app === undefined) return false
    const call = {
      app: decoded(app),
      secret: secret === undefined ? undefined : decoded(secret),
      headers: plainHeaders(request),
      clientIp: request.socket.remoteAddress,
      body: () => readBody(request),
    }
    void door(call).then(
      (reply) => send(response, reply),
      (error: unknown) => {
        // The vendor went away before its body was here: nobody is left to be told.
        if (request.destroyed && !request.complete) return
        log.error({ app, error: describeError(error) }, 'a webhook failed')
        send(response, refusal(500, 'internal', 'something went wrong here; the log says what'))
      },
    )
    return true
  }
}

function send(response: ServerResponse, { status, body, headers }: Reply): void {
  const text = JSON.stringify(body)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    // The rest of a body that is too long is not read: its connection is of no more use.
    ...(status === TOO_LARGE ? { connection: 'close' } : {}),
    ...headers,
  })
  response.end(text)
}

/** One value a name; what came several times is joined as HTTP joins it. */
function plainHeaders({ headers }: IncomingMessage): Record<string, string> {
  const plain: Record<string, string> = {}
  for (const name in headers) {
    const value = headers[name]
    if (value !== undefined) plain[name] = typeof value === 'string' ? value : value.join(', ')
  }
  return plain
}

function readBody(request: IncomingMessage): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_MAX) return Promise.resolve(undefined)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    request.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size > BODY_MAX) resolve(undefined)
      else chunks.push(chunk)
    })
    request.on('end', () => resolve(chunks.length === 1 ? chunks[0] : Buffer.concat(chunks)))
    request.on('error', reject)
  })
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
