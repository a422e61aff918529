import type { Clock } from '../../src/sources/contract.ts'

/** Time stands still until somebody waits or moves it; a wait moves it at once. */
export class TestClock implements Clock {
  /** Milliseconds that were waited, one entry a wait. */
  readonly waits: number[] = []
  /** Waits end only when their signal is aborted. */
  frozen = false
  #nowMs = Date.now()
  readonly #startMs = this.#nowMs

  now(): number {
    return this.#nowMs
  }

  steady(): number {
    return this.#nowMs - this.#startMs
  }

  advance(ms: number): void {
    this.#nowMs += Math.ceil(ms)
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    signal?.throwIfAborted()
    this.waits.push(ms)
    if (!this.frozen) return this.advance(ms)
    await new Promise((_, reject) =>
      signal?.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
    )
  }
}
