const KEPT_MAX = 2_000

export interface DeliveryAttempt {
  readonly at: number
  readonly webhookId: string
  readonly url: string
  readonly event: Readonly<Record<string, unknown>>
  /** The receiver's answer; 0 when none came. */
  readonly status: number
  readonly attempt: number
}

/** A log of attempted deliveries and what became of them. */
export class Deliveries {
  /** The latest attempts, oldest first. */
  readonly attempts: DeliveryAttempt[] = []
  attempted = 0
  delivered = 0
  failed = 0
  /** Lost on purpose by the `dropRate` knob. */
  dropped = 0
  /** Given up after the last retry. */
  lost = 0
  pendingRetries = 0
  #inFlight = 0
  #waiting: (() => void)[] = []

  started(): void {
    this.#inFlight++
  }

  finished(attempt: DeliveryAttempt): void {
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

  /** Resolves when no delivery is queued, delayed or on the wire. Retries that wait for their minute do not count. */
  idle(): Promise<void> {
    if (this.#inFlight === 0) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  stats(): Record<string, number> {
    const { attempted, delivered, failed, dropped, lost, pendingRetries, inFlight } = this
    return { attempted, delivered, failed, dropped, lost, pendingRetries, inFlight }
  }
}
