import { connect, type Socket } from 'node:net'
import { serveTask } from './child.ts'
import { percentile } from './figures.ts'
import { makeRequests, type RequestsOptions } from './requests.ts'

/**
 * Sends signed webhooks over keep-alive connections, each the next when the last is answered. It is written on bare
 * sockets because it shares the machine with what it measures: an HTTP client would take as much of it as the server.
 * All requests are made, and signed, before the first is sent.
 */

export interface LoadTask extends RequestsOptions {
  readonly connections: number
  readonly seconds: number
  /** Before anything is counted. */
  readonly warmUpS: number
  /** Sends the same again when they run out: for a server that keeps nothing. */
  readonly again: boolean
}

export interface LoadAnswer {
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly counted: number
  /** All that were sent, each answered 200: the first so many of the requests. */
  readonly sent: number
}

serveTask(async (task: LoadTask) => ({ answer: await new Load(task, makeRequests(task)).run() }))

class Load {
  private readonly task: LoadTask
  private readonly requests: readonly Buffer[]
  private readonly latencies: number[] = []
  private sent = 0
  private startedAt = 0
  private lastAt = 0

  constructor(task: LoadTask, requests: readonly Buffer[]) {
    this.task = task
    this.requests = requests
  }

  async run(): Promise<LoadAnswer> {
    this.startedAt = performance.now()
    await Promise.all(Array.from({ length: this.task.connections }, () => this.connection()))
    const sorted = Float64Array.from(this.latencies).sort()
    const from = this.startedAt + this.task.warmUpS * 1000
    return {
      perSecond: (sorted.length / (this.lastAt - from)) * 1000,
      p50Ms: percentile(sorted, 0.5),
      p99Ms: percentile(sorted, 0.99),
      counted: sorted.length,
      sent: this.sent,
    }
  }

  private next(now: number): Buffer | undefined {
    const { seconds, warmUpS, again } = this.task
    if (now - this.startedAt >= (seconds + warmUpS) * 1000) return undefined
    const request = this.requests[again ? this.sent % this.requests.length : this.sent]
    if (request !== undefined) this.sent++
    return request
  }

  private connection(): Promise<void> {
    const { port } = this.task
    return new Promise((resolve, reject) => {
      const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true })
      let sentAt = 0
      let text = ''
      const send = (now: number): void => {
        const request = this.next(now)
        if (request === undefined) {
          socket.end(() => resolve())
          return
        }
        sentAt = now
        socket.write(request)
      }
      socket.setEncoding('latin1')
      socket.once('connect', () => send(performance.now()))
      socket.on('data', (chunk: string) => {
        text = text === '' ? chunk : text + chunk
        if (!isWhole(text)) return
        if (!text.startsWith('HTTP/1.1 200 ')) {
          socket.destroy()
          reject(new Error(`answered ${text.slice(0, 300)}`))
          return
        }
        text = ''
        const now = performance.now()
        this.count(sentAt, now)
        send(now)
      })
      socket.once('error', reject)
      socket.once('close', () => reject(new Error('the server closed a connection')))
    })
  }

  private count(sentAt: number, now: number): void {
    if (sentAt - this.startedAt < this.task.warmUpS * 1000) return
    this.latencies.push(now - sentAt)
    this.lastAt = now
  }
}

/** Whether a response is there to its end. Ours and the others' are short and come in one piece. */
function isWhole(text: string): boolean {
  const head = text.indexOf('\r\n\r\n')
  if (head < 0) return false
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, head + 2))?.[1]
  return length === undefined ? text.endsWith('\r\n0\r\n\r\n') : text.length >= head + 4 + Number(length)
}
