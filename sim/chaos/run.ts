import {
  ConfigError,
  CursorExpiredError,
  DailyCapError,
  VendorRefusedError,
  VendorUnavailableError,
} from '../../src/engine/errors.ts'
import { isOutage } from '../../src/db/database.ts'
import { createRandom, type Random } from '../monday/world/random.ts'
import type { Effect, Moment } from './database.ts'
import type { Kind, Mutation, Site } from './kind.ts'
import { Mail } from './mail.ts'
import { ChaosNode, type Hooks } from './node.ts'
import { type Profile, profiles } from './profile.ts'
import { type Figures, noFigures } from './report.ts'
import type { ChaosServer } from './server.ts'
import { VirtualTime } from './time.ts'

export interface RunOptions {
  readonly kind: Kind
  readonly server: ChaosServer
  readonly seed: number
  readonly steps: number
  readonly mutation?: string | undefined
  /** Instead of the one that the seed draws. */
  readonly profile?: Profile | undefined
}

const EFFECTS: readonly Effect[] = ['die', 'die', 'terminate', 'lose', 'refuse']
const MOMENTS: readonly Moment[] = ['statement', 'statement', 'claimed', 'settling', 'commit', 'committed']

/** One vendor, one node, and the dice. */
export class ChaosRun {
  readonly options: RunOptions
  readonly server: ChaosServer
  readonly random: Random
  readonly time: VirtualTime
  readonly profile: Profile
  readonly mail: Mail
  readonly figures: Figures = noFigures()
  site!: Site
  node!: ChaosNode
  /** Steps until the vendor's API is well again. */
  unwell = 0
  /** Events that are yet to fail to be parsed. */
  poison = 0
  /** Set in the liveness phase: nothing happens beside what is asked for. */
  calm = false
  #interluding = false
  readonly #mutation: Mutation

  private constructor(options: RunOptions) {
    const { kind, seed, mutation } = options
    this.options = options
    this.server = options.server
    this.random = createRandom(seed * 7919 + 1)
    const drawn = this.random.pick(profiles)
    this.profile = options.profile ?? drawn
    this.time = new VirtualTime(createRandom(seed * 7919 + 2), this.random.pick(kind.starts))
    this.mail = new Mail(createRandom(seed * 7919 + 3), () => this.time.nowMs)
    this.#mutation = mutation === undefined ? {} : (kind.mutations[mutation] as Mutation)
  }

  static async start(options: RunOptions): Promise<ChaosRun> {
    const run = new ChaosRun(options)
    const { random, time, mail, profile } = run
    await options.server.reset()
    await options.server.plant(run.#mutation)
    time.ourOffsetMs = random.int(600_000) - 300_000
    time.databaseOffsetMs = random.int(600_000) - 300_000
    mail.faults.inOrder = random.chance(0.2)
    mail.faults.duplicateRate = random.pick([0, 0.1, 0.3])
    mail.faults.newBodyRate = random.pick([0, 0, 0.5])
    mail.faults.delayMs = random.pick([0, 0, 5_000, 90_000])
    if (profile === 'storm') mail.faults.dropRate = random.pick([0, 0.05, 0.3])
    const seed = options.seed * 31 + 7
    run.site = await options.kind.start({ seed, random, time, profile, post: mail.take })
    try {
      await run.openNode()
      run.site.subscribe(run)
    } catch (error) {
      await run.site.close()
      throw error
    }
    return run
  }

  async openNode(): Promise<void> {
    const { server, time } = this
    const { settleOutside, intercept } = this.#mutation
    const options = {
      url: server.url,
      poolSize: 4,
      time,
      admin: server.admin,
      intercept,
      ...(settleOutside === undefined ? {} : { settleOutside }),
    }
    this.node = await ChaosNode.open(options, this.site.app(server.folder), this.#hooks())
  }

  #hooks(): Hooks {
    return {
      noEventLog: this.#mutation.noEventLog === true,
      beforeParse: (delivery) => {
        if (this.poison > 0) {
          this.poison--
          this.figures.faults++
          throw new Error('poisoned by the schedule')
        }
        return this.#mutation.delivery?.(delivery) ?? delivery
      },
      afterRead: async (page, request) => {
        const read = (await this.#mutation.page?.(page, request, this.server.admin)) ?? page
        await this.#interlude(() => this.site.touch(request.stream.id, page.rows))
        return read
      },
    }
  }

  /** What others do while an answer is on its way. */
  interlude: ((touch: () => void) => Promise<void>) | undefined
  async #interlude(touch: () => void): Promise<void> {
    if (this.calm || this.#interluding || this.interlude === undefined || !this.random.chance(0.3)) return
    this.#interluding = true
    try {
      await this.interlude(touch)
    } finally {
      this.#interluding = false
    }
  }

  /** Something will go wrong in the next piece of work, if it gets that far. */
  arm(): void {
    const moment = this.random.pick(MOMENTS)
    const countdown = moment === 'statement' ? 1 + this.random.int(25) : 1 + this.random.int(2)
    this.node.db.failpoint = { moment, countdown, effect: this.random.pick(EFFECTS) }
  }

  /** Does a piece of the node's work; what operation must bear it bears. A node that died is replaced by a new one. */
  async attempt(work: (signal: AbortSignal) => Promise<unknown>): Promise<void> {
    const { node } = this
    try {
      await work(AbortSignal.timeout(20_000))
    } catch (error) {
      if (!isBearable(error)) throw error
    } finally {
      node.db.failpoint = undefined
      node.db.parallel = false
      this.figures.faults += node.db.fired
      node.db.fired = 0
    }
    if (node.db.dead) await this.restart()
  }

  async restart(): Promise<void> {
    this.figures.kills++
    const old = this.node
    await this.openNode()
    await old.close()
  }

  deliver(count: number): Promise<void> {
    return this.mail.deliver(count, this.site, (path, body) => this.node.post(path, body))
  }

  async close(): Promise<void> {
    await this.node.close()
    await this.site.close()
  }
}

function isBearable(error: unknown): boolean {
  return (
    isOutage(error) ||
    (error as { code?: unknown } | null)?.code === '22000' ||
    error instanceof VendorUnavailableError ||
    error instanceof VendorRefusedError ||
    // A workspace that was found while no token could be made for it.
    error instanceof ConfigError ||
    error instanceof CursorExpiredError ||
    error instanceof DailyCapError
  )
}
