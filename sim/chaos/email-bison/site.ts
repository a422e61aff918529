import { checkEventLog } from '../../../src/inbox/event-log.ts'
import { delta } from '../../../src/lanes/delta.ts'
import type { JsonObject } from '../../../src/engine/observation.ts'
import { pathSecretOf } from '../../../src/sources/email-bison/door.ts'
import { type EmailBisonSim, EVENT_TYPES, type Faults, type Workspace } from '../../email-bison/index.ts'
import type { Token } from '../../email-bison/world/model.ts'
import { shuffleKeys } from '../../email-bison/webhooks/shuffle-keys.ts'
import type { Random } from '../../monday/world/random.ts'
import type { Setting, Site, Step } from '../kind.ts'
import type { ChaosRun } from '../run.ts'
import type { VirtualTime } from '../time.ts'
import type { VendorActs } from './acts.ts'
import { chaosApp, HOOKS, INSTANCE, WEBHOOK_SECRET } from './app.ts'
import { checkBooks, checkMirror } from './checks.ts'
import { identityOf } from './identity.ts'
import { People } from './people.ts'

export interface VendorClock {
  offsetMs: number
  now(): number
}

interface Parts extends Pick<Setting, 'random' | 'time'> {
  readonly sim: EmailBisonSim
  readonly acts: VendorActs
  readonly clock: VendorClock
}

type Knob = 'http429' | 'http500' | 'html502' | 'halfBody' | 'falseSuccess' | 'timeout'
const KNOBS: readonly (readonly [Knob, number])[] = [
  ['http429', 0.3], ['http429', 1], ['http500', 0.5], ['http500', 1], ['html502', 0.5], ['html502', 1],
  ['halfBody', 0.4], ['falseSuccess', 0.5],
] // prettier-ignore

/** Deliveries take longer than this are missing: the grace that a node gives before it reads the vendor's record. */
const GRACE_MS = 90_000
const HOUR_MS = 3_600_000
/** All of them together stay within the days that the vendor keeps its events for. */
const LEAPS_MAX = 4

export class BisonSite implements Site {
  readonly sim: EmailBisonSim
  readonly acts: VendorActs
  readonly #clock: VendorClock
  readonly #random: Random
  readonly #time: VirtualTime
  readonly #people = new People()
  /** Tokens that were revoked, to be given back. */
  #revoked: Token[] = []
  #leaps = 0

  constructor({ sim, acts, clock, random, time }: Parts) {
    this.sim = sim
    this.acts = acts
    this.#clock = clock
    this.#random = random
    this.#time = time
  }

  app() {
    return chaosApp({ url: this.sim.url, token: this.sim.token, clock: this.#time.ours })
  }

  heard(): void {
    this.acts.heard()
  }

  unheard(): void {
    this.acts.unheard()
  }

  burst(): void {
    this.acts.burst()
  }

  touch(stream: string, rows: Parameters<Site['touch']>[1]): void {
    const workspace = this.#workspaceOf(stream)
    if (workspace === undefined || rows.length === 0) return
    const id = Number(this.#random.pick(rows).key.split('/')[2])
    this.#time.advance(1 + this.#random.int(120))
    this.acts.do(() => {
      const sender = workspace.senders.find((one) => one.id === id)
      const reply = workspace.replies.find((one) => one.id === id)
      if (stream.endsWith('/sender-emails') && sender !== undefined) this.acts.toggle(workspace, sender)
      else if (stream.endsWith('/replies') && reply?.type === 'Tracked Reply')
        this.acts.answer(workspace, reply)
      else this.sim.act.sendEmail(workspace.id)
    })
  }

  #workspaceOf(stream: string): Workspace | undefined {
    const id = Number(stream.split('/')[1])
    return this.sim.world.workspaces.find((workspace) => workspace.id === id)
  }

  subscribe(): void {
    this.sim.faults.webhook.off = false
    const at = this.#clock.now()
    for (const { id, webhooks } of this.sim.world.workspaces) {
      const url = `${HOOKS}/${pathSecretOf(`${INSTANCE}/${id}`, WEBHOOK_SECRET)}`
      if (webhooks.some((webhook) => webhook.url === url)) continue
      const events = EVENT_TYPES.map((type) => type.id)
      const own = { id: this.sim.world.ids.webhook++, name: 'Lockstep', url, events }
      webhooks.push({ ...own, createdAt: at, updatedAt: at })
    }
  }

  hasWebhooks(): boolean {
    return (
      !this.sim.faults.webhook.off && this.sim.world.workspaces.some(({ webhooks }) => webhooks.length > 0)
    )
  }

  /** Removed, or still listed and silent. */
  unsubscribe(): void {
    if (this.#random.chance(0.5)) this.sim.faults.webhook.off = true
    else for (const { webhooks } of this.sim.world.workspaces) webhooks.length = 0
  }

  fallIll(): void {
    const random = this.#random
    const { faults, world } = this.sim
    const kind = random.int(10)
    if (kind === 0) faults.timeout = 0.2
    else if (kind <= 2) {
      faults.withheldStatus = random.pick([403, 500])
      faults.withheldWorkspaces = [random.pick(world.workspaces).id]
    } else if (kind === 3) this.#revoke()
    else if (kind === 4) faults.pagination = random.pick(['asked', 'page', 'cursor'])
    else {
      const [knob, chance] = random.pick(KNOBS)
      faults[knob] = chance
    }
  }

  /** Somebody deletes a workspace's token, and, when the vendor is well again, takes that back. */
  #revoke(): void {
    const { tokens } = this.sim.world
    const minted = [...tokens.values()].filter(({ kind }) => kind === 'api-user')
    if (minted.length === 0) return
    const token = this.#random.pick(minted)
    tokens.delete(token.text)
    this.#revoked.push(token)
  }

  recover(): void {
    const { faults, world } = this.sim
    const well: Partial<Faults> = {
      http429: 0,
      http500: 0,
      html502: 0,
      halfBody: 0,
      falseSuccess: 0,
      timeout: 0,
    }
    Object.assign(faults, well, { withheldWorkspaces: [] })
    for (const token of this.#revoked.splice(0)) world.tokens.set(token.text, token)
  }

  async unhindered<T>(work: () => Promise<T>): Promise<T> {
    const { replicaLagMs } = this.sim.faults
    this.sim.faults.replicaLagMs = 0
    try {
      return await work()
    } finally {
      this.sim.faults.replicaLagMs = replicaLagMs
    }
  }

  calm(): void {
    this.sim.faults.pagination = 'asked'
  }

  stopLagging(): void {
    this.sim.faults.replicaLagMs = 0
  }

  jump(ms: number): void {
    this.#clock.offsetMs += ms
  }

  rejected(): number {
    return this.sim.requests.rejected
  }

  readonly identityOf = identityOf

  again(payload: JsonObject, random: Random): JsonObject {
    return shuffleKeys(payload, random) as JsonObject
  }

  recorded(): ReadonlySet<string> {
    const told = [...this.sim.truth.events()].map(({ payload }) =>
      identityOf(payload as unknown as JsonObject),
    )
    return new Set(told.filter((identity) => identity !== undefined))
  }

  readonly steps: readonly Step[] = [
    { name: 'read the vendor’s record', weight: 4, run: (run) => this.#readRecord(run) },
    { name: 'read between two changes', weight: 3, run: (run) => this.#readBetween(run) },
    { name: 'a reply and its mark at one moment', weight: 3, run: (run) => this.#atOneMoment(run) },
    { name: 'a person moves a lead, and it replies again', weight: 5, run: (run) => this.#moveLead(run) },
    { name: 'hours go by', weight: 1, run: async () => this.#leap() },
  ]

  readonly flurries = [(run: ChaosRun) => this.#readBetween(run), (run: ChaosRun) => this.#atOneMoment(run)]

  /** In the time between, either clock may be the later one. */
  async #moveLead(run: ChaosRun): Promise<void> {
    const who = await this.#people.move(run)
    if (who === undefined || this.#random.chance(0.3)) return
    this.#time.advance(this.#random.int(1_200_000))
    const [scope = '', address] = who.split(' ')
    const workspace = this.#workspaceOf(scope)
    const email = workspace?.replies.find(({ lead }) => lead?.email.toLowerCase() === address)?.emailId
    if (workspace !== undefined && typeof email === 'number')
      this.acts.do(() => this.sim.act.reply(workspace.id, { email }))
  }

  #leap(): void {
    if (this.#leaps++ < LEAPS_MAX) this.#time.advance((1 + this.#random.int(40)) * HOUR_MS)
  }

  #readRecord(run: ChaosRun): Promise<void> {
    return run.attempt(async (signal) => {
      await run.node.prepare(signal)
      const scopes = run.node.pipeline.source.eventLog?.scopes() ?? []
      if (scopes.length === 0) return
      const options = { signal, nowMs: this.#time.ours.now(), graceMs: GRACE_MS }
      await checkEventLog(run.node.db, run.node.pipeline, this.#random.pick(scopes).id, options)
    })
  }

  async fillGaps({ node }: ChaosRun): Promise<void> {
    const signal = AbortSignal.timeout(30_000)
    for (const { id } of node.pipeline.source.eventLog?.scopes() ?? [])
      await checkEventLog(node.db, node.pipeline, id, {
        signal,
        nowMs: this.#time.ours.now(),
        graceMs: GRACE_MS,
      })
  }

  /** A poll reads a reply in the second in which it came, and then it is marked within that second. */
  #readBetween(run: ChaosRun): Promise<void> {
    return run.attempt(async (signal) => {
      await run.node.prepare(signal)
      const workspace = this.#random.pick(this.sim.world.workspaces)
      const stream = run.node.pipeline.source.streams.find(
        ({ id }) => id === `${INSTANCE}/${workspace.id}/replies`,
      )
      if (stream === undefined) return
      this.#time.advance(1_000 - (this.#clock.now() % 1_000) + 1)
      const made: { reply?: ReturnType<VendorActs['firstReply']> } = {}
      this.acts.do(() => (made.reply = this.acts.firstReply(workspace)))
      const { reply } = made
      if (reply === undefined) return
      await delta(run.node.db, run.node.pipeline, stream, { signal })
      this.#time.advance(1)
      this.acts.do(() => this.acts.answer(workspace, reply))
    })
  }

  /** The vendor tells of both with one second, and in any order. */
  async #atOneMoment({ random }: ChaosRun): Promise<void> {
    const workspace = random.pick(this.sim.world.workspaces)
    this.#time.advance(1)
    this.acts.do(() => this.acts.firstReply(workspace, { interested: true }))
  }

  note(run: ChaosRun): Promise<void> {
    return this.#people.act(run)
  }

  checkSafety(run: ChaosRun): Promise<void> {
    return checkBooks(run)
  }

  checkNotes(run: ChaosRun): Promise<void> {
    return this.#people.check(run)
  }

  checkMirror(run: ChaosRun, stage: Parameters<Site['checkMirror']>[1]): Promise<void> {
    return checkMirror({ run, sim: this.sim, moves: this.#people.moves }, stage)
  }

  close(): Promise<void> {
    return this.sim.close()
  }
}
