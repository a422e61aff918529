import { Agent } from 'node:http'
import type { Change, Stamp } from '../edits/change.ts'
import type { Faults } from '../faults.ts'
import type { Webhook, World } from '../world/model.ts'
import type { Random } from '../world/random.ts'
import { Deliveries } from './deliveries.ts'
import { payloadOf } from './payload.ts'
import { postJson } from './post-json.ts'
import { signDelivery } from './signature.ts'
import { subscribersOf } from './subscribed.ts'

const CONCURRENCY = 32
/** Once a minute for half an hour, then the event is lost. */
const RETRIES_MAX = 30

interface Job {
  readonly webhook: Webhook
  event: Record<string, unknown>
  attempt: number
}

export interface DispatcherOptions {
  readonly world: World
  readonly faults: Faults
  readonly random: Random
  readonly retryDelayMs: number
  readonly signingSecret: string | undefined
  readonly capture?: Capture | undefined
}

/** Takes deliveries instead of the network, for a test that decides itself when, how often and whether they arrive. */
export type Capture = (delivery: {
  readonly url: string
  readonly event: Readonly<Record<string, unknown>>
}) => void

export class Dispatcher {
  readonly deliveries = new Deliveries()
  readonly agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })
  readonly #options: DispatcherOptions
  readonly #queue: Job[] = []
  readonly #timers = new Set<NodeJS.Timeout>()
  #running = 0
  #closed = false

  constructor(options: DispatcherOptions) {
    this.#options = options
  }

  announce(change: Change, stamp: Stamp): void {
    const { world, faults, capture } = this.#options
    this.dropDisabled()
    const webhooks = subscribersOf(world, change)
    if (webhooks.length === 0) return
    const payload = payloadOf(world, change, stamp)
    for (const webhook of webhooks) {
      const event = { ...payload, subscriptionId: Number(webhook.id) }
      if (capture !== undefined) {
        capture({ url: webhook.url, event })
        continue
      }
      if (this.#options.random.chance(faults.webhook.dropRate)) {
        this.deliveries.dropped++
        continue
      }
      const copies = this.#options.random.chance(faults.webhook.duplicateRate) ? 2 : 1
      for (let i = 0; i < copies; i++) this.#schedule({ webhook, event, attempt: 0 })
    }
  }

  /** The `disabled` knob: as when an account admin switches a personal token's webhooks off. */
  dropDisabled(): void {
    if (this.#options.faults.webhook.disabled) this.#options.world.webhooks.clear()
  }

  headersFor(url: string): Record<string, string> {
    const { signingSecret, world } = this.#options
    if (signingSecret === undefined) return {}
    const userId = world.users.keys().next().value
    const claims = { accountId: Number(world.account.id), userId }
    return { Authorization: signDelivery(signingSecret, url, world.clock.now(), claims) }
  }

  close(): void {
    this.#closed = true
    for (const timer of this.#timers) clearTimeout(timer)
    this.#queue.length = 0
    this.agent.destroy()
  }

  #schedule(job: Job): void {
    const { webhook: knobs } = this.#options.faults
    const wait = knobs.delayMs + (knobs.reorderMs > 0 ? this.#options.random.next() * knobs.reorderMs : 0)
    this.deliveries.started()
    if (wait > 0) this.#later(wait, () => this.#enqueue(job))
    else this.#enqueue(job)
  }

  #later(ms: number, run: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer)
      run()
    }, ms)
    timer.unref()
    this.#timers.add(timer)
  }

  #enqueue(job: Job): void {
    this.#queue.push(job)
    this.#pump()
  }

  #pump(): void {
    while (!this.#closed && this.#running < CONCURRENCY) {
      const job = this.#queue.shift()
      if (job === undefined) return
      this.#running++
      void this.#deliver(job)
    }
  }

  async #deliver(job: Job): Promise<void> {
    const { webhook, event } = job
    const { status } = await postJson(
      webhook.url,
      JSON.stringify({ event }),
      this.headersFor(webhook.url),
      this.agent,
    )
    this.#running--
    if (this.#closed) return
    const at = this.#options.world.clock.now()
    this.deliveries.finished({
      at,
      webhookId: webhook.id,
      url: webhook.url,
      event,
      status,
      attempt: job.attempt,
    })
    if (status !== 200) this.#retry(job)
    this.#pump()
  }

  #retry(job: Job): void {
    if (job.attempt >= RETRIES_MAX || !this.#options.world.webhooks.has(job.webhook.id)) {
      this.deliveries.lost++
      return
    }
    const { faults, random, retryDelayMs } = this.#options
    job.attempt++
    job.event = { ...job.event, isRetry: true }
    if (faults.webhook.retryNewBody) job.event['triggerUuid'] = random.hex(32)
    this.deliveries.pendingRetries++
    this.#later(retryDelayMs, () => {
      this.deliveries.pendingRetries--
      this.deliveries.started()
      this.#enqueue(job)
    })
  }
}
