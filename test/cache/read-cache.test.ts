import { afterEach, describe, expect, it } from 'vitest'
import type { Changes, Mark } from '../../src/cache/marks.ts'
import { type Answer, ReadCache, type ReadCacheOptions } from '../../src/cache/read-cache.ts'
import type { Reading } from '../../src/cache/slot.ts'
import type { Report } from '../../src/cache/usage.ts'
import { settled, TestClock } from './support.ts'

class NoSuchThing extends Error {}

/** A cache on a clock of its own, with what it reads and what changes in the test's hands. */
class Bench {
  readonly clock = new TestClock()
  readonly reports: Report[] = []
  readonly errors: string[] = []
  polls = 0
  loads = 0
  /** What the source holds. */
  value = 0
  loadMs = 0
  pollMs = 0
  fault: Error | undefined
  reportFault: Error | undefined
  pollFault: Error | undefined
  private marks: Mark[] = []
  readonly cache: ReadCache

  constructor(options: Partial<ReadCacheOptions> = {}) {
    this.cache = new ReadCache({
      changes: { poll: this.poll },
      report: (report) => {
        if (this.reportFault !== undefined) return Promise.reject(this.reportFault)
        this.reports.push(report)
        return Promise.resolve()
      },
      onError: (what, error) => this.errors.push(`${what}: ${(error as Error).message}`),
      isAnswer: (error) => error instanceof NoSuchThing,
      clock: this.clock,
      ...options,
    })
  }

  private readonly poll = async (): Promise<Changes> => {
    this.polls++
    if (this.pollMs > 0) await this.clock.sleep(this.pollMs, new AbortController().signal)
    if (this.pollFault !== undefined) throw this.pollFault
    const marks = this.marks
    this.marks = []
    return { all: this.polls === 1, marks }
  }

  /** The source changes, and the change is committed. */
  change(mark: Mark = { topic: 'leads', scope: 'a' }): void {
    this.value++
    this.marks.push(mark)
  }

  reading(key = 'k', more: Partial<Reading<number>> = {}): Reading<number> {
    return { key, name: 'figures', topics: ['leads'], load: this.load, ...more }
  }

  readonly load = async (): Promise<{ value: number }> => {
    this.loads++
    const { value, fault } = this
    if (this.loadMs > 0) await this.clock.sleep(this.loadMs, new AbortController().signal)
    if (fault !== undefined) throw fault
    return { value }
  }

  read(key = 'k', more: Partial<Reading<number>> = {}): Promise<Answer<number>> {
    return this.cache.read(this.reading(key, more))
  }

  /** Reads every so many milliseconds, for so long. */
  async readEvery(ms: number, forMs: number): Promise<Answer<number>[]> {
    const answers: Answer<number>[] = []
    for (let at = 0; at < forMs; at += ms) {
      const reading = this.read()
      await settled()
      void reading.then((answer) => answers.push(answer))
      await this.clock.advance(ms)
    }
    await this.clock.advance(5_000)
    return answers
  }
}

let open: Bench[] = []
const bench = (options?: Partial<ReadCacheOptions>): Bench => {
  const made = new Bench(options)
  open.push(made)
  return made
}
afterEach(async () => {
  for (const { cache, clock } of open) {
    const stopped = cache.stop()
    await clock.advance(60_000)
    await stopped
  }
  open = []
})

const hitsOf = (reports: readonly Report[]): { hits: number; misses: number } => {
  const keys = reports.flatMap((report) => report.keys)
  const sum = (of: 'hits' | 'misses'): number => keys.reduce((n, key) => n + key[of], 0)
  return { hits: sum('hits'), misses: sum('misses') }
}

describe('an answer', () => {
  it('is read once, however many ask at once while there is none', async () => {
    const b = bench()
    b.loadMs = 300
    const all = Promise.all(Array.from({ length: 50 }, () => b.read()))
    await b.clock.advance(300)
    expect(new Set((await all).map(({ value }) => value))).toEqual(new Set([0]))
    expect(b.loads).toBe(1)
  })

  it('of which nothing changed is served for 50 seconds without a reading, and then read again behind one that is served', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(34_000)
    expect(await b.read()).toMatchObject({ ageMs: 34_000, stale: false })
    await b.clock.advance(17_000)
    expect(b.loads).toBe(1)
    b.value = 7
    b.loadMs = 400
    const served = await b.read()
    expect(served).toMatchObject({ value: 0, stale: false })
    const during = await Promise.all(Array.from({ length: 20 }, () => b.read()))
    expect(new Set(during.map(({ value }) => value)), 'the older one while one reading runs').toEqual(
      new Set([0]),
    )
    await b.clock.advance(400)
    expect(await b.read()).toMatchObject({ value: 7, stale: false })
    expect(b.loads).toBe(2)
  })

  it('that is watched never gets older than 60 seconds', async () => {
    const b = bench()
    const answers = await b.readEvery(10_000, 300_000)
    expect(Math.max(...answers.map(({ ageMs }) => ageMs))).toBeLessThan(60_000)
    expect(b.loads).toBeLessThanOrEqual(7)
  })

  it('that nobody asked for in its 60 seconds is waited for', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(61_000)
    b.value = 3
    expect(await b.read()).toMatchObject({ value: 3, ageMs: 0 })
  })

  it('without an older one to show fails with the error of its reading, and is never nothing', async () => {
    const b = bench()
    b.fault = new Error('the database is away')
    await expect(b.read()).rejects.toThrow('the database is away')
    b.fault = undefined
    expect(await b.read()).toMatchObject({ value: 0 })
  })
})

describe('a reading that fails', () => {
  it('leaves the older answer, marked as stale with its age, and is tried again', async () => {
    const b = bench()
    await b.read()
    b.fault = new Error('away')
    await b.clock.advance(61_000)
    expect(await b.read()).toMatchObject({ value: 0, ageMs: 61_000, stale: true })
    expect(await b.read(), 'at once, without another attempt').toMatchObject({ stale: true })
    expect(b.loads).toBe(2)
    expect(b.errors).toEqual(['reading k: away'])
    b.fault = undefined
    b.value = 5
    await b.clock.advance(3_000)
    expect(await b.read()).toMatchObject({ value: 5, stale: false })
  })

  it('is an error once the older answer has lived for ten lifetimes', async () => {
    const b = bench()
    await b.read()
    b.fault = new Error('away')
    await b.clock.advance(599_000)
    expect(await b.read()).toMatchObject({ stale: true })
    await b.clock.advance(1_000)
    await expect(b.read()).rejects.toThrow('away')
  })

  it('is tried less and less often, but at least each half minute while somebody asks', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(60_000)
    b.fault = new Error('away')
    await b.readEvery(1_000, 240_000)
    expect(b.loads).toBeGreaterThan(8)
    expect(b.loads).toBeLessThan(16)
  })

  it('that takes too long is not waited for by those who can be shown something older', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(61_000)
    b.loadMs = 30_000
    const reading = b.read()
    await b.clock.advance(2_000)
    expect(await reading).toMatchObject({ value: 0, stale: true })
    await b.clock.advance(28_000)
    expect(await b.read()).toMatchObject({ ageMs: 30_000, stale: false })
  })

  it('by which the thing is known not to be there is the answer, at once and every time', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(61_000)
    b.fault = new NoSuchThing('gone')
    await expect(b.read()).rejects.toThrow('gone')
    await expect(b.read()).rejects.toThrow('gone')
    expect(b.errors).toEqual([])
  })
})

describe('a change', () => {
  it('of what an answer shows is in it five seconds after, and of anything else costs no reading', async () => {
    const b = bench()
    const ours = { load: async () => ({ ...(await b.load()), scope: 'a' }) }
    await b.read('k', ours)
    b.change({ topic: 'mailboxes', scope: 'a' })
    b.change({ topic: 'leads', scope: 'b' })
    await b.clock.advance(5_000)
    await b.read('k', ours)
    expect(b.loads).toBe(1)
    b.change({ topic: 'leads', scope: 'a' })
    await b.clock.advance(5_000)
    expect(await b.read('k', ours)).toMatchObject({ value: 3 })
    b.change({ topic: 'leads', scope: '' })
    await b.clock.advance(5_000)
    expect(await b.read('k', ours), 'everybody’s').toMatchObject({ value: 4 })
  })

  it('of any workspace concerns what is of all', async () => {
    const b = bench()
    await b.read()
    b.change({ topic: 'leads', scope: 'b' })
    await b.clock.advance(5_000)
    expect(await b.read()).toMatchObject({ value: 1 })
  })

  it('while an answer is being read makes that answer one to be read again', async () => {
    const b = bench()
    b.loadMs = 1_500
    const reading = b.read()
    await b.clock.advance(500)
    b.change()
    await b.clock.advance(1_000)
    expect(await reading).toMatchObject({ value: 0 })
    await b.clock.advance(20_000)
    expect(await b.read()).toMatchObject({ value: 1 })
  })

  it('every fifth of a second: nearly all who ask every few seconds are served at once, with data of a few seconds', async () => {
    const b = bench()
    b.loadMs = 150
    await Promise.all([b.read(), b.clock.advance(200)])
    const answers: { answer: Answer<number>; missed: number }[] = []
    const times = new Map<number, number>([[b.value, b.clock.now()]])
    for (let i = 0; i < 600; i++) {
      b.change()
      times.set(b.value, b.clock.now())
      // A page that asks every three seconds, and one that asks every four.
      if (i % 15 === 0 || i % 20 === 7) {
        const answer = await b.read()
        const next = times.get(answer.value + 1) ?? b.clock.now()
        answers.push({ answer, missed: b.clock.now() - next })
      }
      await b.clock.advance(200)
    }
    await b.cache.stop()
    const { hits, misses } = hitsOf(b.reports)
    expect(hits / (hits + misses)).toBeGreaterThan(0.95)
    expect(Math.max(...answers.map(({ missed }) => missed))).toBeLessThanOrEqual(5_000)
    expect(answers.some(({ answer }) => answer.stale)).toBe(false)
    // Two minutes of changes: read every two to three seconds, not five times a second.
    expect(b.loads).toBeLessThan(62)
    expect(b.loads).toBeGreaterThan(35)
  })

  it('costs no more than a fifth of the time where a reading takes long', async () => {
    const b = bench()
    b.loadMs = 3_000
    for (let i = 0; i < 600; i++) {
      b.change()
      if (i % 10 === 0) void b.read()
      await b.clock.advance(200)
    }
    // Two minutes: the first, and one each quarter of a minute.
    expect(b.loads).toBeLessThanOrEqual(9)
    expect(b.loads).toBeGreaterThan(6)
  })

  it('of what nobody has asked for since five seconds is waited for, not left out', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(20_000)
    b.change()
    await b.clock.advance(10_000)
    expect(await b.read()).toMatchObject({ value: 1, ageMs: 0 })
  })

  it('that cannot be asked for may have been: answers are read again, and where they cannot be, stale', async () => {
    const b = bench()
    await b.read()
    b.pollFault = new Error('away')
    b.fault = new Error('away')
    await b.clock.advance(8_000)
    expect(await b.read()).toMatchObject({ value: 0, stale: true })
    b.pollFault = undefined
    b.fault = undefined
    b.value = 2
    await b.clock.advance(6_000)
    await b.read()
    await b.clock.advance(6_000)
    expect(await b.read()).toMatchObject({ value: 2, stale: false })
  })
})

describe('looking for what changed', () => {
  it('that takes long does not hold up who asks, and the answer is marked as stale', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(30_000)
    b.pollMs = 20_000
    const reading = b.read()
    await b.clock.advance(2_000)
    expect(await reading).toMatchObject({ value: 0, ageMs: 32_000, stale: true })
    b.pollMs = 0
    await b.clock.advance(20_000)
    expect(await b.read()).toMatchObject({ stale: false })
  })
})

describe('a change from here', () => {
  it('is in the next answer', async () => {
    const b = bench()
    await b.read()
    b.value = 9
    b.cache.overwrite({ topic: 'leads', scope: 'a' })
    expect(await b.read()).toMatchObject({ value: 9 })
  })

  it('is in the next answer also where a reading was under way before it', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(51_000)
    b.loadMs = 500
    await b.read()
    b.value = 9
    b.cache.overwrite({ topic: 'leads', scope: 'a' })
    const reading = b.read()
    await b.clock.advance(1_000)
    expect(await reading).toMatchObject({ value: 9 })
  })
})

describe('the cache', () => {
  it('asks nothing while nobody reads', async () => {
    const b = bench()
    await b.read()
    await b.clock.advance(20_000)
    const { polls, loads } = b
    expect(b.clock.sleeping).toBe(0)
    b.change()
    await b.clock.advance(3_600_000)
    expect({ polls: b.polls, loads: b.loads }).toEqual({ polls, loads })
  })

  it('asks once a second what changed, however many keys and readers there are', async () => {
    const b = bench()
    for (let i = 0; i < 10; i++) {
      await Promise.all(Array.from({ length: 40 }, (_, k) => b.read(`k${k}`)))
      await b.clock.advance(1_000)
    }
    expect(b.polls).toBeLessThanOrEqual(11)
  })

  it('reads at most two keys at a time that nobody waits for', async () => {
    const b = bench()
    let running = 0
    let most = 0
    let done = 0
    const load = async (): Promise<{ value: number }> => {
      most = Math.max(most, ++running)
      await b.clock.sleep(400, new AbortController().signal)
      running--
      done++
      return { value: 1 }
    }
    const reads = Array.from({ length: 10 }, (_, k) => b.read(`k${k}`, { load }))
    await b.clock.advance(400)
    await Promise.all(reads)
    expect(most, 'ten who wait for ten answers').toBe(10)
    most = 0
    b.change()
    await b.clock.advance(5_000)
    expect(most).toBe(2)
    expect(done).toBe(20)
  })

  it('keeps the last 500 keys', async () => {
    const b = bench()
    for (let i = 0; i < 501; i++) await b.read(`k${i}`)
    await b.read('k1')
    expect(b.loads).toBe(501)
    await b.read('k0')
    expect(b.loads).toBe(502)
  })

  it('reports hits, misses, sizes and times every half minute as sums, and the rest when the reads end', async () => {
    const b = bench()
    b.loadMs = 20
    const first = b.read('k', { label: 'Acme' })
    await b.clock.advance(20)
    await first
    for (let i = 0; i < 9; i++) await b.read('k', { label: 'Acme' })
    expect(b.reports).toEqual([])
    await b.clock.advance(20_000)
    expect(b.reports).toHaveLength(1)
    const began = Date.parse('2026-03-05T12:00:00Z')
    expect(b.reports[0]).toEqual({
      keys: [
        {
          key: 'k', label: 'Acme', hits: 9, misses: 1, asOf: began, expiresAt: began + 60_000, sizeBytes: 1, loadMs: 20,
          error: undefined,
        },
      ],
      calls: [
        { name: 'figures', label: 'Acme', hit: false, success: true, calls: 1, totalMs: 20, lastAt: began + 20 },
        { name: 'figures', label: 'Acme', hit: true, success: true, calls: 9, totalMs: 0, lastAt: began + 20 },
      ],
    }) // prettier-ignore
  })

  it('adds to the next report what could not be reported', async () => {
    const b = bench()
    b.reportFault = new Error('away')
    await b.read()
    await b.read()
    await b.clock.advance(20_000)
    expect(b.errors).toEqual(['keeping the figures of the cache: away'])
    b.reportFault = undefined
    await b.read()
    await b.clock.advance(20_000)
    expect(b.reports).toHaveLength(1)
    expect(hitsOf(b.reports)).toEqual({ hits: 2, misses: 1 })
    expect(b.reports[0]?.calls.map(({ calls }) => calls)).toEqual(expect.arrayContaining([1, 2]))
  })

  it('ends only when its readings have, and reports what is left', async () => {
    const b = bench()
    await b.read('other')
    b.loadMs = 1_000
    const reading = b.read()
    await settled()
    let stopped = false
    const stopping = b.cache.stop().then(() => (stopped = true))
    await b.clock.advance(500)
    expect(stopped).toBe(false)
    await b.clock.advance(500)
    await Promise.all([reading, stopping])
    expect(b.reports.flatMap(({ keys }) => keys).map(({ key }) => key)).toEqual(['other', 'k'])
  })
})
