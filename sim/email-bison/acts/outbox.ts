import type { Random } from '../../monday/world/random.ts'
import type { Faults } from '../faults.ts'
import { DueQueue } from '../webhooks/due-queue.ts'
import type { QueuedSend, World } from '../world/model.ts'
import type { Acts } from './acts.ts'

interface OutboxOptions {
  readonly world: World
  readonly faults: Faults
  readonly random: Random
  readonly realTime: boolean
}

/** Mails that the API took: they go out later, and it was seen that one is never announced. */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #acts: Acts
  readonly #due: DueQueue<QueuedSend>

  constructor(acts: Acts, options: OutboxOptions) {
    this.#acts = acts
    this.#options = options
    this.#due = new DueQueue(options.world.clock, options.realTime, () => this.sendDue())
    for (const queued of options.world.queued) this.#due.push(queued.dueAt, queued)
  }

  add(send: Omit<QueuedSend, 'dueAt'>): void {
    const { world } = this.#options
    const queued = { ...send, dueAt: world.clock.now() + world.settings.queuedSendMs }
    world.queued.push(queued)
    world.version++
    this.#due.push(queued.dueAt, queued)
  }

  sendDue(): void {
    const { world, faults, random } = this.#options
    for (let queued = this.#due.shift(); queued !== undefined; queued = this.#due.shift()) {
      world.queued.splice(world.queued.indexOf(queued), 1)
      const { workspaceId, replyId, senderId, text } = queued
      const sender = world.workspaces
        .find(({ id }) => id === workspaceId)
        ?.senders.find(({ id }) => id === senderId)
      // Disconnected or gone since: the mail stays unsent and nobody is told.
      if (sender?.status !== 'Connected') continue
      const unannounced = random.chance(faults.manualSendUnannounced)
      this.#acts.manualSend(workspaceId, { reply: replyId, sender: senderId, text, unannounced })
    }
  }

  close(): void {
    this.#due.close()
  }
}
