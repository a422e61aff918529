import type { Clock } from '../world/model.ts'

/** Timers of Node hold at most this. */
const WAIT_MAX_MS = 2_147_483_647

interface Entry<T> {
  readonly at: number
  readonly order: number
  readonly item: T
}

/** Things that wait for their time; those of the same time come in the order in which they were put. */
export class DueQueue<T> {
  readonly #clock: Clock
  readonly #wake: (() => void) | undefined
  /** A binary heap: the next is first. */
  readonly #heap: Entry<T>[] = []
  #order = 0
  #timer: NodeJS.Timeout | undefined

  /** With `realTime` it calls `wake` when the next is due. */
  constructor(clock: Clock, realTime: boolean, wake: () => void) {
    this.#clock = clock
    this.#wake = realTime ? wake : undefined
  }

  push(at: number, item: T): void {
    const heap = this.#heap
    let i = heap.length
    heap.push({ at, order: this.#order++, item })
    for (let parent = (i - 1) >> 1; i > 0 && this.#before(i, parent); parent = (i - 1) >> 1) {
      this.#swap(i, parent)
      i = parent
    }
    this.#arm()
  }

  isDue(): boolean {
    const first = this.#heap[0]
    return first !== undefined && first.at <= this.#clock.now()
  }

  /** The next whose time has come. */
  shift(): T | undefined {
    if (!this.isDue()) return undefined
    const heap = this.#heap
    const first = heap[0] as Entry<T>
    const last = heap.pop() as Entry<T>
    if (heap.length > 0) {
      heap[0] = last
      this.#sink()
    }
    this.#arm()
    return first.item
  }

  close(): void {
    clearTimeout(this.#timer)
    this.#heap.length = 0
  }

  #sink(): void {
    let i = 0
    for (;;) {
      let least = i
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < this.#heap.length && this.#before(child, least)) least = child
      }
      if (least === i) return
      this.#swap(i, least)
      i = least
    }
  }

  #before(a: number, b: number): boolean {
    const [one, two] = [this.#heap[a] as Entry<T>, this.#heap[b] as Entry<T>]
    return one.at === two.at ? one.order < two.order : one.at < two.at
  }

  #swap(a: number, b: number): void {
    const held = this.#heap[a] as Entry<T>
    this.#heap[a] = this.#heap[b] as Entry<T>
    this.#heap[b] = held
  }

  #arm(): void {
    const first = this.#heap[0]
    if (this.#wake === undefined || first === undefined) return
    clearTimeout(this.#timer)
    const wait = Math.max(1, Math.min(WAIT_MAX_MS, first.at - this.#clock.now()))
    this.#timer = setTimeout(() => {
      this.#wake?.()
      // A timer may come a moment before the clock says so: nothing was due yet, and nobody else would wake again.
      this.#arm()
    }, wait)
    this.#timer.unref()
  }
}
