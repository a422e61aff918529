import { type Database, isOutage } from '../db/database.ts'
import { dedupeKey, type Incoming, insertDeliveries } from './deliveries.ts'

export interface Receipt {
  readonly id: number
  readonly duplicate: boolean
}

/** The inbox takes no more now: answer 503 and let the vendor come back. */
export class InboxFullError extends Error {
  override readonly name = 'InboxFullError'
}

export interface ReceiverOptions {
  /** Deliveries that may wait for their commit at one time. */
  readonly waitingMax?: number
  /** Bytes of bodies that may wait for their commit at one time. */
  readonly waitingBytesMax?: number
  /** Longest that a delivery waits for its commit, milliseconds; default 5 s. */
  readonly waitMaxMs?: number
  /** Called after each commit that brought something new. */
  readonly onCommit?: (apps: ReadonlySet<string>) => void
}

interface Waiting {
  readonly incoming: Incoming
  readonly key: string
  readonly resolve: (receipt: Receipt) => void
  readonly reject: (error: unknown) => void
  /** Refused because it waited too long. */
  expired: boolean
}

const BATCH_MAX = 500
/** Two commits at a time: while one waits for the disk, the next batch gathers. */
const FLUSHES_MAX = 2
/**
 * How much more than the batch under way must wait for a second one beside it. Without that the second takes the few
 * that are there at the moment, and the two go on like this: many small statements, each at the price of a large one.
 */
const SECOND_FACTOR = 2
/**
 * A server that is gone answers at once, but one behind a pooler or a dead link does not answer at all: PgBouncer
 * holds queries for two minutes, TCP for a quarter of an hour. Vendors give up long before.
 */
const WAIT_MAX_MS = 5_000

/**
 * Group commit: deliveries that arrive while a commit is under way share the next one. A lone delivery is committed
 * at once; under load the cost of a commit is spread over hundreds. `accept` resolves after the commit (I1).
 */
export class Receiver {
  private readonly waiting: Waiting[] = []
  private waitingBytes = 0
  private gathering = false
  /** How many deliveries are in each batch under way. */
  private readonly underWay: number[] = []
  private readonly db: Database
  private readonly options: ReceiverOptions

  constructor(db: Database, options: ReceiverOptions = {}) {
    this.db = db
    this.options = options
  }

  /** Resolves when the delivery, or the one that it repeats, is committed. Rejects where it could not be. */
  accept(incoming: Incoming): Promise<Receipt> {
    const { waitingMax = 5_000, waitingBytesMax = 64 << 20 } = this.options
    if (this.waiting.length >= waitingMax || this.waitingBytes + incoming.body.length > waitingBytesMax) {
      return Promise.reject(new InboxFullError(`${this.waiting.length} deliveries wait for their commit`))
    }
    return new Promise((resolve, reject) => {
      this.waiting.push(
        this.withDeadline({ incoming, key: dedupeKey(incoming), resolve, reject, expired: false }),
      )
      this.waitingBytes += incoming.body.length
      this.flushSoon()
    })
  }

  /** Where the database does not answer, the vendor is told to come again. It may have been kept all the same. */
  private withDeadline(waiting: Waiting): Waiting {
    const { waitMaxMs = WAIT_MAX_MS } = this.options
    const timer = setTimeout(() => {
      entry.expired = true
      waiting.reject(new InboxFullError(`not committed within ${waitMaxMs} ms`))
    }, waitMaxMs)
    const entry: Waiting = {
      ...waiting,
      resolve(receipt) {
        clearTimeout(timer)
        waiting.resolve(receipt)
      },
      reject(error) {
        clearTimeout(timer)
        waiting.reject(error)
      },
    }
    return entry
  }

  /** Deliveries that are not yet committed. */
  get depth(): number {
    return this.waiting.length
  }

  private flushSoon(): void {
    if (this.gathering || this.waiting.length === 0) return
    if (this.underWay.length >= FLUSHES_MAX) return
    const [first = 0] = this.underWay
    if (this.waiting.length < Math.min(first * SECOND_FACTOR, BATCH_MAX)) return
    this.gathering = true
    // Requests that this turn of the event loop has already read join the batch.
    setImmediate(() => {
      this.gathering = false
      const batch = this.take()
      const size = batch.length
      this.underWay.push(size)
      void this.flush(batch).finally(() => {
        this.underWay.splice(this.underWay.indexOf(size), 1)
        this.flushSoon()
      })
    })
  }

  private take(): Waiting[] {
    const taken = this.waiting.splice(0, BATCH_MAX)
    for (const { incoming } of taken) this.waitingBytes -= incoming.body.length
    return taken.filter(({ expired }) => !expired)
  }

  private async flush(batch: readonly Waiting[]): Promise<void> {
    if (batch.length === 0) return
    try {
      const receipts = await insertDeliveries(this.db, batch)
      for (const { key, incoming, resolve } of batch) {
        const receipt = receipts.get(`${incoming.app} ${key}`)
        if (receipt === undefined) throw new Error(`the inbox did not report on ${key}`)
        resolve({ id: receipt.id, duplicate: receipt.taken || !receipt.fresh })
        receipt.taken = true
      }
      const fresh = [...receipts.values()].filter((r) => r.fresh)
      if (fresh.length > 0) this.options.onCommit?.(new Set(fresh.map((r) => r.app)))
    } catch (error) {
      if (batch.length === 1 || isOutage(error)) for (const { reject } of batch) reject(error)
      else await this.flushOneByOne(batch)
    }
  }

  /** Something in the batch is refused by the database: the others must not go down with it. */
  private async flushOneByOne(batch: readonly Waiting[]): Promise<void> {
    for (const waiting of batch) {
      try {
        const [receipt] = (await insertDeliveries(this.db, [waiting])).values()
        if (receipt === undefined) throw new Error(`the inbox did not report on ${waiting.key}`)
        waiting.resolve({ id: receipt.id, duplicate: !receipt.fresh })
        if (receipt.fresh) this.options.onCommit?.(new Set([receipt.app]))
      } catch (error) {
        waiting.reject(error)
      }
    }
  }
}
