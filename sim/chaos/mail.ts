import type { Capture } from '../monday/webhooks/dispatcher.ts'
import type { Random } from '../monday/world/random.ts'

type Event = Readonly<Record<string, unknown>>

interface Letter {
  readonly event: Event
  /** Lies until this moment. */
  readonly dueMs: number
}

export interface MailFaults {
  dropRate: number
  duplicateRate: number
  /** A repeated delivery carries a new id, so that nothing tells it from a second event. */
  newBodyRate: number
  delayMs: number
  /** The oldest first, as long as nothing is wrong; otherwise any. */
  inOrder: boolean
}

/** The status of the answer; 0 where none came. */
export type Post = (body: string) => Promise<number>

/** The vendor's outgoing deliveries, held until the schedule lets some through. */
export class Mail {
  readonly faults: MailFaults = { dropRate: 0, duplicateRate: 0, newBodyRate: 0, delayMs: 0, inOrder: true }
  /** Identity → deliveries that we answered 2xx. */
  readonly accepted = new Map<string, number>()
  /** Identities of posts that got another answer: they may have been kept all the same. */
  readonly unsure = new Map<string, number>()
  posts = 0
  harm = 0
  #waiting: Letter[] = []
  readonly #random: Random
  readonly #now: () => number

  constructor(random: Random, now: () => number) {
    this.#random = random
    this.#now = now
  }

  get waiting(): number {
    return this.#waiting.length
  }

  readonly capture: Capture = ({ event }) => {
    if (this.#random.chance(this.faults.dropRate)) {
      this.harm++
      return
    }
    const delay = this.faults.delayMs > 0 ? this.#random.int(this.faults.delayMs) : 0
    if (delay > 0) this.harm++
    this.#waiting.push({ event, dueMs: this.#now() + delay })
  }

  /** Delivers up to `count` letters that are due. Those that are not accepted are sent again later. */
  async deliver(count: number, post: Post): Promise<void> {
    for (let i = 0; i < count; i++) {
      const letter = this.#take()
      if (letter === undefined) return
      const { event } = letter
      const status = await post(JSON.stringify({ event }))
      this.posts++
      const ok = status >= 200 && status < 300
      const book = ok ? this.accepted : this.unsure
      book.set(identityOf(event), (book.get(identityOf(event)) ?? 0) + 1)
      if (!ok || this.#random.chance(this.faults.duplicateRate)) this.#again(event)
    }
  }

  #take(): Letter | undefined {
    const due = this.#waiting.filter((letter) => letter.dueMs <= this.#now())
    const index = this.faults.inOrder ? 0 : this.#random.int(Math.max(1, due.length))
    if (index > 0) this.harm++
    const letter = due[index]
    this.#waiting = this.#waiting.filter((other) => other !== letter)
    return letter
  }

  #again(event: Event): void {
    this.harm++
    const fresh = this.#random.chance(this.faults.newBodyRate) ? { triggerUuid: this.#random.hex(32) } : {}
    const retry = this.#random.chance(0.5) ? { isRetry: true } : {}
    this.#waiting.push({
      event: { ...event, ...retry, ...fresh },
      dueMs: this.#now() + this.#random.int(60_000),
    })
  }

  /** No delivery waits for its time any longer. */
  hurry(): void {
    this.#waiting = this.#waiting.map(({ event }) => ({ event, dueMs: 0 }))
  }
}

/** What makes two deliveries one event, told from the vendor's side. */
function identityOf(event: Event): string {
  const item = event['pulseId'] ?? event['itemId'] ?? event['subitem'] ?? ''
  const board = event['boardId'] ?? event['destBoardId'] ?? ''
  return [event['triggerUuid'], event['type'], board, item, event['columnId'] ?? ''].map(String).join('|')
}
