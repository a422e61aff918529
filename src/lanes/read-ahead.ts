/** One reading of a list that goes on: what it brought, how much, and where the next one begins. */
export interface Reading<T, Cursor> {
  readonly item: T
  /** In the unit of `aheadMax`. */
  readonly size: number
  /** Undefined at the end. */
  readonly next: Cursor | undefined
}

/**
 * Reads page after page while those before are being dealt with, up to `aheadMax` ahead: whoever takes them gets
 * all that are there, so that a vendor that is quicker than the database costs one transaction for many pages, and one
 * that is slower is never waited for twice.
 */
export class ReadAhead<T, Cursor> {
  private readonly read: (cursor: Cursor) => Promise<Reading<T, Cursor>>
  private readonly aheadMax: number
  private ready: T[] = []
  private ahead = 0
  private ended = false
  private failure: { readonly error: unknown } | undefined
  private wakeTaker: (() => void) | undefined
  private readonly filled = new Set<() => void>()
  private wakeReader: (() => void) | undefined
  private readonly reading: Promise<void>

  constructor(read: (cursor: Cursor) => Promise<Reading<T, Cursor>>, from: Cursor, aheadMax: number) {
    this.read = read
    this.aheadMax = aheadMax
    this.reading = this.run(from)
  }

  /** The readings that nobody took yet, at least one; undefined at the end. Throws what a reading threw in its turn. */
  async take(): Promise<T[] | undefined> {
    while (this.ready.length === 0) {
      if (this.failure !== undefined) throw this.failure.error
      if (this.ended) return undefined
      await new Promise<void>((resolve) => (this.wakeTaker = resolve))
    }
    const taken = this.ready
    this.ready = []
    this.ahead = 0
    this.wakeReader?.()
    return taken
  }

  /** Resolves when it is as far ahead as it goes, or at the end of what there is to read. */
  async full(): Promise<void> {
    if (this.ended || this.ahead >= this.aheadMax) return
    await new Promise<void>((resolve) => this.filled.add(resolve))
  }

  /** Begins no further reading; resolves when the one under way has ended. */
  async stop(): Promise<void> {
    this.ended = true
    this.wakeReader?.()
    await this.reading
  }

  private async run(from: Cursor): Promise<void> {
    try {
      for (let cursor: Cursor | undefined = from; cursor !== undefined && !this.ended;) {
        const { item, size, next }: Reading<T, Cursor> = await this.read(cursor)
        this.ready.push(item)
        this.ahead += size
        cursor = next
        this.wakeTaker?.()
        if (this.ahead >= this.aheadMax) this.tellFull()
        while (this.ahead >= this.aheadMax && !this.ended)
          await new Promise<void>((resolve) => (this.wakeReader = resolve))
      }
    } catch (error) {
      this.failure = { error }
    } finally {
      this.ended = true
      this.wakeTaker?.()
      this.tellFull()
    }
  }

  private tellFull(): void {
    for (const resolve of this.filled) resolve()
    this.filled.clear()
  }
}
