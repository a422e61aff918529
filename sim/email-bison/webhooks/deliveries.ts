import type { Delivery } from './delivery.ts'

const KEPT_MAX = 2_000

export interface DeliveryAttempt {
  readonly at: number
  readonly deliveryId: number
  readonly eventId: number
  readonly url: string
  /** What was sent, to the byte. */
  readonly body: string
  /** The receiver's answer; 0 when none came. */
  readonly status: number
  /** 1 is the first. */
  readonly attempt: number
}

/** Every delivery of one instance, by event, and what became of it. */
export class Deliveries {
  /** The latest attempts, oldest first. */
  readonly attempts: DeliveryAttempt[] = []
  readonly all = new Map<number, Delivery>()
  attempted = 0
  delivered = 0
  failed = 0
  /** Lost on purpose by the `dropRate` knob. */
  dropped = 0
  /** Given up after the last try. */
  lost = 0
  readonly #byEvent = new Map<number, Delivery[]>()
  readonly #byAttempt = new Map<number, Delivery>()
  #inFlight = 0
  #waiting: (() => void)[] = []

  add(delivery: Delivery): void {
    this.all.set(delivery.id, delivery)
    const siblings = this.#byEvent.get(delivery.eventId)
    if (siblings === undefined) this.#byEvent.set(delivery.eventId, [delivery])
    else siblings.push(delivery)
    for (const { id } of delivery.attempts) this.#byAttempt.set(id, delivery)
  }

  ofEvent(eventId: number): readonly Delivery[] {
    return this.#byEvent.get(eventId) ?? []
  }

  ofAttempt(attemptId: number): Delivery | undefined {
    return this.#byAttempt.get(attemptId)
  }

  forget(eventId: number): void {
    for (const delivery of this.ofEvent(eventId)) {
      this.all.delete(delivery.id)
      for (const { id } of delivery.attempts) this.#byAttempt.delete(id)
    }
    this.#byEvent.delete(eventId)
  }

  started(): void {
    this.#inFlight++
  }

  finished(delivery: Delivery, attemptId: number, attempt: DeliveryAttempt): void {
    this.#byAttempt.set(attemptId, delivery)
    this.attempted++
    if (attempt.status === 200) this.delivered++
    else this.failed++
    this.attempts.push(attempt)
    if (this.attempts.length > KEPT_MAX) this.attempts.splice(0, KEPT_MAX / 2)
    if (--this.#inFlight > 0) return
    for (const resolve of this.#waiting.splice(0)) resolve()
  }

  get inFlight(): number {
    return this.#inFlight
  }

  /** Resolves when nothing is on the wire. Deliveries that wait for their time do not count. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Deliveries that wait for their next try. */
  get pending(): number {
    let pending = 0
    for (const { dueAt } of this.all.values()) if (dueAt !== null) pending++
    return pending
  }

  stats(): Record<string, number> {
    const { attempted, delivered, failed, dropped, lost, pending, inFlight } = this
    return { attempted, delivered, failed, dropped, lost, pending, inFlight }
  }
}
