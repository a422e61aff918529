import type { JsonObject } from '../../src/engine/observation.ts'
import type { Random } from '../monday/world/random.ts'
import type { Site } from './kind.ts'

interface Letter {
  readonly path: string
  readonly payload: JsonObject
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
export type Post = (path: string, body: string) => Promise<number>

/** The vendor's outgoing deliveries, held until the schedule lets some through. */
export class Mail {
  readonly faults: MailFaults = { dropRate: 0, duplicateRate: 0, newBodyRate: 0, delayMs: 0, inOrder: true }
  /** Identity → deliveries that we answered 2xx. */
  readonly accepted = new Map<string, number>()
  /** Identities of posts that got another answer: they may have been kept all the same. */
  readonly unsure = new Map<string, number>()
  /** The same of events that nothing in their bodies tells apart. */
  readonly nameless = { accepted: 0, unsure: 0 }
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

  readonly take = (path: string, payload: JsonObject): void => {
    if (this.#random.chance(this.faults.dropRate)) {
      this.harm++
      return
    }
    const delay = this.faults.delayMs > 0 ? this.#random.int(this.faults.delayMs) : 0
    if (delay > 0) this.harm++
    this.#waiting.push({ path, payload, dueMs: this.#now() + delay })
  }

  /** Delivers up to `count` letters that are due. Those that are not accepted are sent again later. */
  async deliver(count: number, site: Site, post: Post): Promise<void> {
    for (let i = 0; i < count; i++) {
      const letter = this.#next()
      if (letter === undefined) return
      const status = await post(letter.path, JSON.stringify(letter.payload))
      this.posts++
      const ok = status >= 200 && status < 300
      this.#book(site.identityOf(letter.payload), ok)
      if (!ok || this.#random.chance(this.faults.duplicateRate)) this.#again(letter, site)
    }
  }

  #book(identity: string | undefined, ok: boolean): void {
    if (identity === undefined) {
      this.nameless[ok ? 'accepted' : 'unsure']++
      return
    }
    const book = ok ? this.accepted : this.unsure
    book.set(identity, (book.get(identity) ?? 0) + 1)
  }

  #next(): Letter | undefined {
    const due = this.#waiting.filter((letter) => letter.dueMs <= this.#now())
    const index = this.faults.inOrder ? 0 : this.#random.int(Math.max(1, due.length))
    if (index > 0) this.harm++
    const letter = due[index]
    this.#waiting = this.#waiting.filter((other) => other !== letter)
    return letter
  }

  #again({ path, payload }: Letter, site: Site): void {
    this.harm++
    const again = site.again(payload, this.#random, this.#random.chance(this.faults.newBodyRate))
    this.#waiting.push({ path, payload: again, dueMs: this.#now() + this.#random.int(60_000) })
  }

  /** No delivery waits for its time any longer. */
  hurry(): void {
    this.#waiting = this.#waiting.map((letter) => ({ ...letter, dueMs: 0 }))
  }
}
