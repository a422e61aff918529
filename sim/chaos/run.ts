import {
  CursorExpiredError,
  DailyCapError,
  VendorRefusedError,
  VendorUnavailableError,
} from '../../src/engine/errors.ts'
import type { Page } from '../../src/sources/contract.ts'
import { isOutage } from '../../src/db/database.ts'
import { everyColumnWorld, type MondaySim, startMondaySim } from '../monday/index.ts'
import { createRandom, type Random } from '../monday/world/random.ts'
import type { Effect, Moment } from './database.ts'
import { VendorEdits } from './edits.ts'
import { Mail } from './mail.ts'
import { type Mutation, mutations } from './mutations.ts'
import { ChaosNode, type Hooks } from './node.ts'
import { type Figures, noFigures } from './report.ts'
import type { ChaosServer } from './server.ts'
import { VirtualTime } from './time.ts'
import { chaosApp } from './world.ts'

/**
 * What may go wrong at the vendor, and so how much must hold before a full pass. `live`: nothing is lost, so events
 * alone must do. `lagging`: reads answer what was a while ago, so a delta must follow. `storm`: anything.
 */
export const profiles = ['live', 'lagging', 'storm'] as const
export type Profile = (typeof profiles)[number]

export interface RunOptions {
  readonly server: ChaosServer
  readonly seed: number
  readonly steps: number
  readonly mutation?: string | undefined
  /** Instead of the one that the seed draws. */
  readonly profile?: Profile | undefined
}

const EFFECTS: readonly Effect[] = ['die', 'die', 'terminate', 'lose', 'refuse']
const MOMENTS: readonly Moment[] = ['statement', 'statement', 'claimed', 'settling', 'commit', 'committed']

/** One world, one node, and the dice. */
export class ChaosRun {
  readonly server: ChaosServer
  readonly random: Random
  readonly time: VirtualTime
  readonly profile: Profile
  readonly mail: Mail
  readonly figures: Figures = noFigures()
  /** What people wrote here, by table and key. */
  readonly notes = new Map<string, string>()
  sim!: MondaySim
  edits!: VendorEdits
  node!: ChaosNode
  /** Steps until the vendor's API is well again. */
  unwell = 0
  /** Events that are yet to fail to be parsed. */
  poison = 0
  /** Set in the liveness phase: nothing happens beside what is asked for. */
  calm = false
  #interluding = false
  readonly #mutation: Mutation
  readonly #options: RunOptions

  private constructor(options: RunOptions) {
    this.#options = options
    this.server = options.server
    this.random = createRandom(options.seed * 7919 + 1)
    this.time = new VirtualTime(createRandom(options.seed * 7919 + 2))
    this.mail = new Mail(createRandom(options.seed * 7919 + 3), () => this.time.nowMs)
    const drawn = this.random.pick(profiles)
    this.profile = options.profile ?? drawn
    this.#mutation = options.mutation === undefined ? {} : (mutations[options.mutation] as Mutation)
  }

  static async start(options: RunOptions): Promise<ChaosRun> {
    const run = new ChaosRun(options)
    await options.server.reset()
    if (run.#mutation.sql !== undefined) await options.server.admin.query(run.#mutation.sql)
    const { random, time } = run
    const seed = options.seed * 31 + 7
    const world = everyColumnWorld(seed, { clock: time.vendor, tasks: 3 + random.int(8) })
    run.sim = await startMondaySim({
      world,
      seed,
      clock: time.vendor,
      capture: run.mail.capture,
      control: false,
      faults: run.#startFaults(),
    })
    run.sim.limits.formulaCellsPerMinute = 1e9
    run.edits = new VendorEdits(run.sim, random, time)
    try {
      await run.openNode()
      run.subscribe()
    } catch (error) {
      await run.sim.close()
      throw error
    }
    return run
  }

  #startFaults() {
    const { random, profile, time } = this
    time.ourOffsetMs = random.int(600_000) - 300_000
    time.databaseOffsetMs = random.int(600_000) - 300_000
    this.mail.faults.inOrder = random.chance(0.2)
    this.mail.faults.duplicateRate = random.pick([0, 0.1, 0.3])
    this.mail.faults.newBodyRate = random.pick([0, 0, 0.5])
    this.mail.faults.delayMs = random.pick([0, 0, 5_000, 90_000])
    if (profile === 'storm') this.mail.faults.dropRate = random.pick([0, 0.05, 0.3])
    return {
      omitted: random.pick([0, 0, 0.15]),
      withheldField: random.pick([0, 0, 0, 0.4]),
      clockOffsetMs: random.int(600_000) - 300_000,
      replicaLagMs:
        profile === 'live'
          ? 0
          : random.pick([0, 2_000, 10_000, 25_000]) || (profile === 'lagging' ? 5_000 : 0),
    }
  }

  /** Makes the webhooks that registering would make, without its calls. */
  subscribe(): void {
    for (const { stream, event } of this.node.pipeline.source.webhooks.wanted) {
      const id = String(++this.sim.world.nextId)
      this.sim.world.webhooks.set(id, { id, boardId: stream, event, url: 'captured:', config: null })
    }
  }

  async openNode(): Promise<void> {
    const { server, time, sim } = this
    const app = chaosApp({
      endpoint: sim.url,
      clock: time.ours,
      pageSize: 4 + this.random.int(12),
      migrations: server.folder,
    })
    const { settleOutside, intercept } = this.#mutation
    const options = {
      url: server.url,
      poolSize: 4,
      time,
      admin: server.admin,
      intercept,
      ...(settleOutside === undefined ? {} : { settleOutside }),
    }
    this.node = await ChaosNode.open(options, app, this.#hooks())
  }

  #hooks(): Hooks {
    return {
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
        await this.#interlude(request.stream.id, page.rows)
        return read
      },
    }
  }

  /** What others do while an answer is on its way. */
  interlude: ((touch: () => void) => Promise<void>) | undefined
  async #interlude(board: string, rows: Page['rows']): Promise<void> {
    if (this.calm || this.#interluding || this.interlude === undefined || !this.random.chance(0.3)) return
    this.#interluding = true
    try {
      await this.interlude(() => this.#touchOne(board, rows))
    } finally {
      this.#interluding = false
    }
  }

  /** Changes one of the rows that were just read: the read does not know of it. */
  #touchOne(board: string, rows: Page['rows']): void {
    if (rows.length === 0) return
    const item = this.sim.world.boards.get(board)?.items.get(Number(this.random.pick(rows).key))
    this.time.advance(1 + this.random.int(120))
    if (item?.state === 'active') this.edits.change(item, {})
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

  async close(): Promise<void> {
    await this.node.close()
    await this.sim.close()
  }

  get options(): RunOptions {
    return this.#options
  }
}

function isBearable(error: unknown): boolean {
  return (
    isOutage(error) ||
    (error as { code?: unknown } | null)?.code === '22000' ||
    error instanceof VendorUnavailableError ||
    error instanceof VendorRefusedError ||
    error instanceof CursorExpiredError ||
    error instanceof DailyCapError
  )
}
