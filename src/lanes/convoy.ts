import { setTimeout as sleep } from 'node:timers/promises'

/** Work that was begun behind other work, and holds what that may need: undo it, and begin again. */
export class StepAside extends Error {
  override readonly name = 'StepAside'
}

/** Where a piece of work stands among those that overlap. */
export interface Place<T> {
  /** What the one ahead came to. Throws `StepAside` where that is not to be waited for, and what the one ahead threw. */
  readonly ahead: () => Promise<T>
  /** Asks those behind to let go of what they hold until this one has ended. */
  readonly clearBehind: () => void
}

interface Member<T> {
  readonly ended: Promise<T>
  readonly clears: Promise<void>
}

/**
 * Pieces of work that overlap and end in order, each knowing what the one ahead came to: transactions that write side
 * by side and commit one after the other. The one ahead may wait for a lock that the one behind holds. The database
 * can't tell that for a deadlock, since the other half of it is a wait of ours; so that has an end.
 */
export class Convoy<T> {
  private last: Member<T>
  private readonly patienceMs: number

  /** @param patienceMs how long one that has done its part holds what it holds */
  constructor(first: T, patienceMs = 1_000) {
    this.last = { ended: Promise.resolve(first), clears: new Promise(() => {}) }
    this.patienceMs = patienceMs
  }

  /** What the last one came to. */
  get ended(): Promise<T> {
    return this.last.ended
  }

  /** Begins work behind the others. Where it throws `StepAside`, it is run again when the one ahead has ended. */
  join(work: (place: Place<T>) => Promise<T>): Promise<T> {
    const front = this.last
    const clear = Promise.withResolvers<void>()
    const run = async (): Promise<T> => {
      try {
        return await work({ ahead: () => this.waitFor(front), clearBehind: clear.resolve })
      } catch (error) {
        if (!(error instanceof StepAside)) throw error
        await front.ended
        return work({ ahead: () => front.ended, clearBehind: clear.resolve })
      }
    }
    const ended = run()
    // Whoever waits for it hears of its failure.
    ended.catch(() => {})
    this.last = { ended, clears: clear.promise }
    return ended
  }

  private async waitFor({ ended, clears }: Member<T>): Promise<T> {
    const waiting = new AbortController()
    const { signal } = waiting
    const patience = sleep(this.patienceMs, undefined, { signal, ref: false }).catch(() => {})
    const aside = Promise.race([clears, patience]).then((): never => {
      throw new StepAside()
    })
    try {
      return await Promise.race([ended, aside])
    } finally {
      waiting.abort()
      aside.catch(() => {})
    }
  }
}
