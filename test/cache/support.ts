import type { CacheClock } from '../../src/cache/read-cache.ts'

/** A clock that stands still until it is moved. */
export class TestClock implements CacheClock {
  private time = Date.parse('2026-03-05T12:00:00Z')
  private sleepers = new Set<{ at: number; wake: () => void }>()

  readonly now = (): number => this.time

  readonly sleep = (ms: number, signal: AbortSignal): Promise<void> =>
    new Promise((resolve, reject) => {
      const sleeper = { at: this.time + ms, wake: resolve }
      this.sleepers.add(sleeper)
      signal.addEventListener('abort', () => {
        this.sleepers.delete(sleeper)
        reject(new Error('aborted'))
      })
    })

  get sleeping(): number {
    return this.sleepers.size
  }

  /** Moves on, waking each sleeper at its time and letting follow what follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.time + ms
    await settled()
    for (;;) {
      const next = [...this.sleepers].sort((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.time = Math.max(this.time, next.at)
      this.sleepers.delete(next)
      next.wake()
      await settled()
    }
    this.time = end
    await settled()
  }
}

/** Lets everything run that waits for nothing but its turn. */
export async function settled(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}
