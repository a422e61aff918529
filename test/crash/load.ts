import { Agent, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { randomUUID } from 'node:crypto'

/** One delivery as it was sent: a change of one text column of a known item, with a value of its own. */
export interface Sent {
  readonly trigger: string
  readonly item: string
  readonly value: string
  /** Grows from delivery to delivery. */
  readonly order: number
  /** Answered 200, at least once. */
  acknowledged: boolean
}

export interface LoadOptions {
  /** Where deliveries go now. */
  readonly hook: () => string
  readonly board: string
  readonly column: string
  readonly items: readonly string[]
  readonly concurrency?: number
  /** Rest of each sender between two deliveries; 0 for as fast as they are answered. */
  readonly restMs?: number
  readonly random?: () => number
}

/** Tries of one delivery, as of a vendor that is in a hurry; then it is left unacknowledged. */
const TRIES_MAX = 40
const RETRY_MS = 25
/** Share of the acknowledged deliveries that are sent once more. */
const REPEATED = 0.15

/** Sends deliveries until it is stopped, repeats those that were not answered 200, and some of those that were. */
export class Load {
  readonly sent: Sent[] = []
  /** Requests made, repetitions included, and what they were answered (0: nothing). */
  readonly answers = new Map<number, number>()
  private readonly options: LoadOptions
  private readonly agent = new Agent({ keepAlive: true, maxSockets: 64 })
  private readonly senders: Promise<void>[] = []
  private stopped = false
  private lastAt = 0

  constructor(options: LoadOptions) {
    this.options = options
  }

  start(): this {
    for (let i = 0; i < (this.options.concurrency ?? 8); i++) this.senders.push(this.run())
    return this
  }

  /** No new deliveries; resolves when those under way are answered or given up. */
  async stop(): Promise<void> {
    this.stopped = true
    await Promise.all(this.senders)
    this.agent.destroy()
  }

  get acknowledged(): number {
    return this.sent.filter((s) => s.acknowledged).length
  }

  get requests(): number {
    return [...this.answers.values()].reduce((sum, n) => sum + n, 0)
  }

  private async run(): Promise<void> {
    const random = this.options.random ?? Math.random
    while (!this.stopped) {
      const { sent, body } = this.next(random)
      this.sent.push(sent)
      for (let tries = 0; tries < TRIES_MAX && !sent.acknowledged; tries++) {
        sent.acknowledged = (await this.post(body)) === 200
        if (sent.acknowledged) break
        // Some are never sent again, as where the vendor gives up: they may have been kept, or not.
        if (random() < 0.02 || this.stopped) break
        await sleep(RETRY_MS)
      }
      if (sent.acknowledged && random() < REPEATED) await this.post(body)
      const rest = this.options.restMs ?? 10
      if (rest > 0) await sleep(random() * 2 * rest)
    }
  }

  private next(random: () => number): { sent: Sent; body: string } {
    const { board, column, items } = this.options
    // Microseconds, never twice: the newest value of an item must be one.
    this.lastAt = Math.max(this.lastAt + 1, Date.now() * 1000)
    const order = this.lastAt
    const item = items[Math.floor(random() * items.length)] ?? ''
    const trigger = randomUUID().replaceAll('-', '')
    const value = `crash ${order}`
    const event = {
      type: 'update_column_value',
      triggerUuid: trigger,
      triggerTime: new Date(order / 1000).toISOString(),
      boardId: Number(board),
      pulseId: Number(item),
      columnId: column,
      columnType: 'text',
      value: { value },
      changedAt: order / 1e6,
    }
    const sent: Sent = { trigger, item, value, order, acknowledged: false }
    return { sent, body: JSON.stringify({ event }) }
  }

  private async post(body: string): Promise<number> {
    const status = await postOnce(this.options.hook(), body, this.agent)
    this.answers.set(status, (this.answers.get(status) ?? 0) + 1)
    return status
  }
}

/** The status once the answer is read to its end; 0 where none came. */
function postOnce(url: string, body: string, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const sending = request(url, { method: 'POST', headers, agent, timeout: 20_000 }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', () => resolve(0))
      response.on('close', () => resolve(response.complete ? (response.statusCode ?? 0) : 0))
    })
    sending.on('timeout', () => sending.destroy())
    sending.on('error', () => resolve(0))
    sending.end(body)
  })
}
