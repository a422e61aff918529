import { setImmediate as turn, setTimeout as rest } from 'node:timers/promises'
import { inject } from 'vitest'
import { Database, type DatabaseOptions, type Transaction } from '../../src/db/database.ts'
import type { Clock } from '../../src/sources/contract.ts'
import { databaseUrl, dropDatabase, onServer } from './database.ts'

interface Sleeper {
  readonly at: number
  wake(): void
}

/** Turns of the event loop in which nothing must be under way before time may pass. */
const CALM_TURNS = 4

/**
 * Time that passes only while everybody sleeps, so that hours take seconds and no machine is too slow: work takes no
 * time at all. One clock for the vendor, for us and for the database.
 */
export class VirtualTime {
  #now: number
  #inFlight = 0
  #onIdle: (() => void) | undefined
  readonly #startedAt: number
  #sleepers: Sleeper[] = []
  /** What shows the time elsewhere: a database. */
  readonly watchers: ((now: number) => Promise<void>)[] = []

  constructor(startAt: number) {
    this.#now = startAt
    this.#startedAt = startAt
  }

  readonly clock: Clock = {
    now: () => this.#now,
    steady: () => this.#now - this.#startedAt,
    sleep: (ms, signal) => this.sleep(ms, signal),
  }

  get now(): number {
    return this.#now
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted()
      const sleeper = { at: this.#now + Math.max(0, ms), wake: resolve }
      this.#sleepers.push(sleeper)
      signal?.addEventListener('abort', () => {
        this.#sleepers = this.#sleepers.filter((one) => one !== sleeper)
        reject(signal.reason as Error)
      })
    })
  }

  /** Work that must be over before time passes. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#inFlight++
    try {
      return await work()
    } finally {
      if (--this.#inFlight === 0) this.#onIdle?.()
    }
  }

  /** Lets so much time pass; who sleeps wakes in his moment, and what he does then is done in it. */
  async pass(ms: number): Promise<void> {
    const end = this.#now + ms
    for (;;) {
      await this.#calm()
      const next = Math.min(end, ...this.#sleepers.map(({ at }) => at))
      if (next > this.#now) await this.#set(next)
      const due = this.#sleepers.filter(({ at }) => at <= next)
      if (due.length === 0 && next >= end) return
      this.#sleepers = this.#sleepers.filter(({ at }) => at > next)
      for (const sleeper of due) sleeper.wake()
    }
  }

  /** Lets time pass until this work is done; where nobody sleeps it may do something else, such as load a module. */
  async until<T>(work: Promise<T>): Promise<T> {
    const state = { done: false }
    const end = work.finally(() => (state.done = true))
    end.catch(() => {})
    while (!state.done) {
      await this.#calm()
      if (state.done) break
      const next = Math.min(...this.#sleepers.map(({ at }) => at))
      if (Number.isFinite(next)) await this.pass(Math.max(0, next - this.#now))
      else await rest(1)
    }
    return end
  }

  async #calm(): Promise<void> {
    for (let calm = 0; calm < CALM_TURNS;) {
      if (this.#inFlight > 0) await new Promise<void>((resolve) => (this.#onIdle = resolve))
      await turn()
      calm = this.#inFlight === 0 ? calm + 1 : 0
    }
  }

  async #set(now: number): Promise<void> {
    this.#now = now
    for (const show of this.watchers) await show(now)
  }
}

/** A database that says when it is at work. */
class TimedDatabase extends Database {
  readonly #time: VirtualTime

  constructor(options: DatabaseOptions, time: VirtualTime) {
    super(options)
    this.#time = time
  }

  override query: Database['query'] = (sql, params) => this.#time.during(() => super.query(sql, params))

  override transaction<T>(work: (tx: Transaction, attempt: number) => Promise<T>): Promise<T> {
    return this.#time.during(() => super.transaction(work))
  }
}

/** Before pg_catalog in the search path: every statement and default of ours looks at this clock. */
const CLOCK_SQL = `
create schema virtual;
create sequence virtual.tick;
create function virtual.clock_timestamp() returns timestamptz language sql volatile as $$
  select timestamptz 'epoch' + pg_catalog.nextval('virtual.tick') * interval '1 microsecond'
$$;
create function virtual.now() returns timestamptz language sql stable as $$
  select timestamptz 'epoch' + last_value * interval '1 microsecond' from virtual.tick
$$;
`

let made = 0

export interface VirtualOptions {
  /** Milliseconds since 1970. */
  readonly startAt: number
  /** How long every `fetch` takes. */
  readonly latencyMs?: number
}

/**
 * Runs a test on an empty database whose clock is `time`, and with `fetch` as work that time waits for. The test
 * migrates it.
 */
export async function withVirtualTime(
  { startAt, latencyMs = 0 }: VirtualOptions,
  test: (world: { readonly db: Database; readonly time: VirtualTime }) => Promise<void>,
): Promise<void> {
  const name = `lockstep_virtual_${process.pid}_${++made}`
  const adminUrl = inject('adminUrl')
  await onServer(adminUrl, `create database ${name}`)
  await onServer(adminUrl, `alter database ${name} set search_path = virtual, pg_catalog, public`)
  const url = databaseUrl(inject('postgresUrl'), name)
  const time = new VirtualTime(startAt)
  const shown = new Database({ url, poolSize: 1 })
  const db = new TimedDatabase({ url, applicationName: 'lockstep-test', poolSize: 16 }, time)
  const realFetch = globalThis.fetch
  try {
    await shown.query(CLOCK_SQL)
    const show = async (now: number): Promise<void> => {
      await shown.query(
        `select pg_catalog.setval('virtual.tick', greatest($1::bigint, (select last_value from virtual.tick)))`,
        [Math.round(now * 1000)],
      )
    }
    await show(startAt)
    time.watchers.push(show)
    globalThis.fetch = async (...request) => {
      if (latencyMs > 0) await time.sleep(latencyMs)
      return time.during(() => wholeAnswer(realFetch, request))
    }
    await test({ db, time })
  } finally {
    globalThis.fetch = realFetch
    await db.close()
    await shown.close()
    await dropDatabase(adminUrl, name)
  }
}

/** With its body read: that takes time as well. */
async function wholeAnswer(realFetch: typeof fetch, request: Parameters<typeof fetch>): Promise<Response> {
  const answer = await realFetch(...request)
  const text = await answer.text()
  const { status, headers } = answer
  return new Response(status === 204 ? null : text, { status, headers })
}
