import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { SlackLimits, SlackSim } from '../../sim/slack/index.ts'
import { withSlackSim } from '../../sim/slack/with-sim.ts'
import { deliverDue, type Delivered } from '../../src/alerts/deliver.ts'
import type { Database } from '../../src/db/database.ts'
import type { Notifier } from '../../src/sinks/contract.ts'
import { createSlack, type SlackUrls } from '../../src/sinks/slack/slack.ts'
import { withDatabase } from '../support/database.ts'

/** One clock for our hooks, the outbox and the simulator; only waiting moves it. */
export class TestClock {
  /** Ahead of the database's clock, which dates what is put in. */
  ms = Date.now() + 60_000
  readonly naps: number[] = []
  now = (): number => this.ms
  steady = (): number => this.ms
  sleep = async (ms: number): Promise<void> => {
    this.naps.push(ms)
    this.ms += ms
  }
}

export interface SlackWorld {
  readonly db: Database
  readonly sim: SlackSim
  readonly clock: TestClock
  readonly notifiers: ReadonlyMap<string, Notifier>
  /** One round of the delivery loop. */
  readonly deliver: () => Promise<Delivered>
  /** Titles of what a channel got, in order. */
  readonly titles: (hook: string) => string[]
}

interface WorldOptions {
  /** Each gets a hook of its own, of the same name. */
  readonly purposes?: readonly string[]
  readonly limits?: Partial<SlackLimits>
  /** Beside those, or instead of them. */
  readonly urls?: SlackUrls
}

export const HASTY: Partial<SlackLimits> = { perSecond: 1_000, burst: 1_000 }

/** A database, a simulated Slack with a hook for each purpose, and time that passes only when told. */
export async function withSlackWorld(
  { purposes = ['alerts'], limits = {}, urls = {} }: WorldOptions,
  test: (world: SlackWorld) => Promise<void>,
): Promise<void> {
  const clock = new TestClock()
  await withSlackSim({ clock, limits }, (sim) =>
    withDatabase(async (db) => {
      const own = Object.fromEntries(purposes.map((purpose) => [purpose, sim.hook(purpose)]))
      const notifiers = createSlack({ clock, timeoutMs: 500 }).notifiers({ ...own, ...urls })
      const signal = new AbortController().signal
      await test({
        db,
        sim,
        clock,
        notifiers,
        deliver: () => deliverDue(db, notifiers, { signal, now: clock.now }),
        titles: (hook) => sim.messages(hook).map(({ payload }) => titleOf(payload)),
      })
    }),
  )
}

export function titleOf(payload: Readonly<Record<string, unknown>>): string {
  const [first] = payload['attachments'] as { title: string }[]
  return first?.title ?? ''
}

export interface Answer {
  readonly status: number
  readonly body: string
  readonly headers?: Readonly<Record<string, string>>
}

/** A server that answers each request as it is told; for what no Slack would say. */
export async function withAnswers<T>(
  answer: (request: IncomingMessage) => Answer | 'hang up',
  test: (url: string) => Promise<T>,
): Promise<T> {
  const server = createServer((request, response) => {
    request.resume()
    const told = answer(request)
    if (told === 'hang up') request.socket.destroy()
    else response.writeHead(told.status, told.headers).end(told.body)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  try {
    return await test(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
  } finally {
    server.closeAllConnections()
    await new Promise((resolve) => {
      server.close(resolve)
    })
  }
}

export const hookAt = (urls: SlackUrls, clock = new TestClock(), timeoutMs = 500): Notifier => {
  const [notifier] = createSlack({ clock, timeoutMs }).notifiers(urls).values()
  if (notifier === undefined) throw new Error('no hook is configured')
  return notifier
}
