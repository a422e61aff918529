import { Agent } from 'node:http'
import type { Random } from '../../monday/world/random.ts'
import type { Faults } from '../faults.ts'
import { payloadOf } from '../payload/payload.ts'
import { find, takeIds } from '../world/lookup.ts'
import type { BisonEvent, World } from '../world/model.ts'
import { Deliveries } from './deliveries.ts'
import type { Delivery } from './delivery.ts'
import { DueQueue } from './due-queue.ts'
import { postWebhook } from './post-webhook.ts'
import { shuffleKeys } from './shuffle-keys.ts'

const CONCURRENCY = 32

export interface DispatcherOptions {
  readonly world: World
  readonly faults: Faults
  readonly random: Random
  /** Tries what is due by itself, on the machine's clock; else only `deliverDue` does, on the world's. */
  readonly realTime: boolean
  readonly capture?: Capture | undefined
}

interface Job {
  readonly delivery: Delivery
  readonly event: BisonEvent
}

/** Takes deliveries instead of the network, for a test that decides itself when, how often and whether they arrive. */
export type Capture = (delivery: { readonly url: string; readonly body: string }) => void

/** Sends events to the webhooks of their workspace, and again until they answer 200 or the tries are spent. */
export class Dispatcher {
  readonly deliveries = new Deliveries()
  readonly #options: DispatcherOptions
  readonly #agent = new Agent({ keepAlive: true, maxSockets: CONCURRENCY })
  readonly #due: DueQueue<Job>
  #running = 0
  #closed = false

  constructor(options: DispatcherOptions) {
    this.#options = options
    this.#due = new DueQueue(options.world.clock, options.realTime, () => this.#pump())
  }

  announce(event: BisonEvent): void {
    const { faults, random, capture } = this.#options
    this.dropDisabled()
    if (faults.webhook.off) return
    const id = event.type.toLowerCase()
    for (const webhook of event.workspace.webhooks.filter(({ events }) => events.includes(id))) {
      if (capture !== undefined) {
        capture({ url: webhook.url, body: JSON.stringify(this.#bodyOf(event)) })
        continue
      }
      const dropped = random.chance(faults.webhook.dropRate)
      if (dropped) this.deliveries.dropped++
      this.#create(event, webhook, dropped ? null : this.#firstDue())
    }
    this.#pump()
  }

  /** The `disabled` knob: as when someone removes every webhook by hand. */
  dropDisabled(): void {
    const { faults, world } = this.#options
    if (!faults.webhook.disabled) return
    for (const workspace of world.workspaces) workspace.webhooks.length = 0
  }

  /** Delivers an event again: a new delivery to the same address. */
  retry(old: Delivery, event: BisonEvent): Delivery {
    const { world, faults } = this.#options
    const dueAt = faults.webhook.off ? null : world.clock.now()
    const delivery = this.#create(event, { id: old.webhookId, url: old.url }, dueAt)
    this.#pump()
    return delivery
  }

  /** One POST outside of all books, as the vendor's "test event" button makes. */
  async send(url: string, body: unknown): Promise<number> {
    const timeoutMs = this.#options.world.settings.webhookTimeoutMs
    return postWebhook(url, JSON.stringify(body), { agent: this.#agent, timeoutMs })
  }

  /** Takes up what a saved world had under way. */
  resume(delivery: Delivery, event: BisonEvent): void {
    this.deliveries.add(delivery)
    if (delivery.dueAt !== null) this.#due.push(delivery.dueAt, { delivery, event })
  }

  /** Tries everything whose time has come by the world's clock, and what that makes due; resolves when all is answered. */
  async deliverDue(): Promise<number> {
    const before = this.deliveries.attempted
    do {
      this.#pump()
      await this.deliveries.idle()
    } while (this.#due.isDue())
    return this.deliveries.attempted - before
  }

  close(): void {
    this.#closed = true
    this.#due.close()
    this.#agent.destroy()
  }

  #create(event: BisonEvent, webhook: { id: number; url: string }, dueAt: number | null): Delivery {
    const { world } = this.#options
    const delivery: Delivery = {
      id: takeIds(world, 'delivery'),
      eventId: event.id,
      webhookId: webhook.id,
      url: webhook.url,
      createdAt: world.clock.now(),
      attempts: [],
      status: 'pending',
      dueAt,
    }
    this.deliveries.add(delivery)
    if (dueAt === null) return delivery
    const copies = this.#options.random.chance(this.#options.faults.webhook.duplicateRate) ? 2 : 1
    for (let i = 0; i < copies; i++) this.#due.push(dueAt, { delivery, event })
    return delivery
  }

  #firstDue(): number {
    const { world, faults, random } = this.#options
    const { delayMs, reorderMs } = faults.webhook
    const first = world.settings.retryDelaysMs[0] ?? 0
    return world.clock.now() + first + delayMs + (reorderMs > 0 ? Math.floor(random.next() * reorderMs) : 0)
  }

  #pump(): void {
    while (!this.#closed && this.#running < CONCURRENCY) {
      const job = this.#due.shift()
      if (job === undefined) return
      this.#running++
      this.deliveries.started()
      void this.#attempt(job)
    }
  }

  #bodyOf(event: BisonEvent): unknown {
    const { world } = this.#options
    const payload = payloadOf(world, event)
    if (world.settings.eventCase === 'upper') return payload
    return { ...payload, event: { ...payload.event, type: event.type.toLowerCase() } }
  }

  async #attempt(job: Job): Promise<void> {
    const { world, faults, random } = this.#options
    const { delivery, event } = job
    const plain = this.#bodyOf(event)
    const again = delivery.attempts.length > 0 && faults.webhook.shuffleKeys
    const body = JSON.stringify(again ? shuffleKeys(plain, random) : plain)
    const number = delivery.attempts.length + 1
    delivery.dueAt = null
    const timeoutMs = world.settings.webhookTimeoutMs
    const status = await postWebhook(delivery.url, body, { agent: this.#agent, timeoutMs })
    this.#running--
    if (this.#closed) return
    const at = world.clock.now()
    const missed = random.chance(faults.webhook.redeliverRate)
    const ok = status === 200 && !missed
    const id = takeIds(world, 'attempt')
    delivery.attempts.push({ id, at, ok, status: status === 0 || missed ? null : status })
    world.version++
    this.#settle(job, ok)
    const { eventId, url } = delivery
    this.deliveries.finished(delivery, id, {
      at,
      deliveryId: delivery.id,
      eventId,
      url,
      body,
      status,
      attempt: number,
    })
    this.#pump()
  }

  #settle(job: Job, ok: boolean): void {
    const { world } = this.#options
    const { delivery } = job
    delivery.status = ok || delivery.status === 'success' ? 'success' : 'failed'
    const wait = world.settings.retryDelaysMs[delivery.attempts.length]
    const listed = world.workspaces.some(({ webhooks }) => find(webhooks, delivery.webhookId) !== undefined)
    // A duplicate may have settled it already.
    if (delivery.status === 'success' || delivery.dueAt !== null) return
    if (wait === undefined || !listed) {
      this.deliveries.lost++
      return
    }
    delivery.dueAt = world.clock.now() + wait
    this.#due.push(delivery.dueAt, job)
  }
}
