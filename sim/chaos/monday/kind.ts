import type { JsonObject } from '../../../src/engine/observation.ts'
import { delta } from '../../../src/lanes/delta.ts'
import { everyColumnWorld, type Faults, type MondaySim, startMondaySim } from '../../monday/index.ts'
import type { Random } from '../../monday/world/random.ts'
import type { Kind, Setting, Site } from '../kind.ts'
import type { ChaosRun } from '../run.ts'
import { APP, CLIENTS, chaosApp, mappings, PATH_SECRET, SUBTASKS, tablesSql, TASKS } from './app.ts'
import { checkMirror, checkNotes, checkOrphans } from './checks.ts'
import { VendorEdits } from './edits.ts'
import { mutations } from './mutations.ts'
import { activeItems } from './values.ts'

/** Two boards of monday's and one of subitems, with a column of every type. */
export const monday: Kind = {
  name: 'monday',
  app: APP,
  async build(admin, folder) {
    const clock = { now: () => 0, steady: () => 0, sleep: () => Promise.resolve() }
    const app = chaosApp({ endpoint: 'http://127.0.0.1:1', clock, pageSize: 1, migrations: folder })
    await admin.query(tablesSql(app))
  },
  starts: [Date.UTC(2026, 10, 2, 9, 0, 0)],
  mutations,
  start,
}

async function start({ seed, random, time, profile, post }: Setting): Promise<Site> {
  const world = everyColumnWorld(seed, { clock: time.vendor, tasks: 3 + random.int(8) })
  const lags = [0, 2_000, 10_000, 25_000]
  const sim = await startMondaySim({
    world,
    seed,
    clock: time.vendor,
    capture: ({ url, event }) => post(new URL(url).pathname, { event } as JsonObject),
    control: false,
    faults: {
      omitted: random.pick([0, 0, 0.15]),
      withheldField: random.pick([0, 0, 0, 0.4]),
      clockOffsetMs: random.int(600_000) - 300_000,
      replicaLagMs: profile === 'live' ? 0 : random.pick(lags) || (profile === 'lagging' ? 5_000 : 0),
    },
  })
  sim.limits.formulaCellsPerMinute = 1e9
  return new MondaySite(sim, new VendorEdits(sim, random, time), { random, time })
}

const KNOBS: readonly (readonly [keyof Faults, number])[] = [
  ['http429', 0.4], ['http500', 0.5], ['http500', 1], ['html502', 0.5], ['html502', 1], ['halfBody', 0.4],
  ['partialData', 0.6], ['partialData', 1], ['complexity', 0.4], ['minuteRate', 0.3], ['concurrency', 0.4],
  ['internalError', 0.4], ['cursorExpired', 0.5], ['withheldField', 0.7], ['withheldField', 1], ['fieldLimit', 0.3],
] // prettier-ignore

class MondaySite implements Site {
  readonly sim: MondaySim
  readonly edits: VendorEdits
  readonly #random: Random
  readonly #time: Setting['time']
  /** What people wrote here, by table and key. */
  readonly #notes = new Map<string, string>()

  constructor(sim: MondaySim, edits: VendorEdits, { random, time }: Pick<Setting, 'random' | 'time'>) {
    this.sim = sim
    this.edits = edits
    this.#random = random
    this.#time = time
  }

  app(migrations: string) {
    const pageSize = 4 + this.#random.int(12)
    return chaosApp({ endpoint: this.sim.url, clock: this.#time.ours, pageSize, migrations })
  }

  heard(): void {
    this.edits.heard()
  }

  unheard(): void {
    this.edits.unheard()
  }

  burst(): void {
    this.edits.burst()
  }

  touch(board: string, rows: Parameters<Site['touch']>[1]): void {
    if (rows.length === 0) return
    const item = this.sim.world.boards.get(board)?.items.get(Number(this.#random.pick(rows).key))
    this.#time.advance(1 + this.#random.int(120))
    if (item?.state === 'active') this.edits.change(item, {})
  }

  subscribe({ node }: ChaosRun): void {
    for (const { stream, event } of node.pipeline.source.webhooks.wanted) {
      const id = String(++this.sim.world.nextId)
      const url = `http://captured/webhooks/${APP}/${PATH_SECRET}`
      this.sim.world.webhooks.set(id, { id, boardId: stream, event, url, config: null })
    }
  }

  hasWebhooks(): boolean {
    return this.sim.world.webhooks.size > 0
  }

  unsubscribe(): void {
    this.sim.world.webhooks.clear()
  }

  fallIll(): void {
    const random = this.#random
    const [knob, chance] = random.chance(0.04) ? (['timeout', 0.2] as const) : random.pick(KNOBS)
    const errorShape = random.pick(['auto', '2025-01', 'legacy'])
    Object.assign(this.sim.faults, { [knob]: chance, errorShape })
  }

  recover(): void {
    for (const [knob] of KNOBS) Object.assign(this.sim.faults, { [knob]: 0 })
    Object.assign(this.sim.faults, { timeout: 0, errorShape: 'auto' })
  }

  async unhindered<T>(work: () => Promise<T>): Promise<T> {
    const { replicaLagMs, omitted, withheldField } = this.sim.faults
    Object.assign(this.sim.faults, { replicaLagMs: 0, omitted: 0, withheldField: 0 })
    try {
      return await work()
    } finally {
      Object.assign(this.sim.faults, { replicaLagMs, omitted, withheldField })
    }
  }

  calm(): void {
    this.sim.faults.omitted = 0
  }

  stopLagging(): void {
    this.sim.faults.replicaLagMs = 0
  }

  jump(ms: number): void {
    this.sim.faults.clockOffsetMs += ms
  }

  rejected(): number {
    return this.sim.requests.rejected
  }

  identityOf(payload: JsonObject): string {
    const event = payload['event'] as JsonObject
    const item = event['pulseId'] ?? event['itemId'] ?? event['subitem'] ?? ''
    const board = event['boardId'] ?? event['destBoardId'] ?? ''
    return [event['triggerUuid'], event['type'], board, item, event['columnId'] ?? ''].map(String).join('|')
  }

  again(payload: JsonObject, random: Random, fresh: boolean): JsonObject {
    const uuid = fresh ? { triggerUuid: random.hex(32) } : {}
    const retry = random.chance(0.5) ? { isRetry: true } : {}
    return { event: { ...(payload['event'] as JsonObject), ...retry, ...uuid } }
  }

  readonly steps = [
    { name: 'two at one moment', weight: 3, run: (run: ChaosRun) => this.#sameMoment(run) },
    { name: 'read between two changes', weight: 3, run: (run: ChaosRun) => this.#readBetween(run) },
  ]

  readonly flurries = [
    (run: ChaosRun) => this.#sameMoment(run),
    (run: ChaosRun) => this.#readBetween(run),
    (run: ChaosRun) => this.#readBetween(run),
  ]

  /** Two edits at one moment, told in their order: only the order of arrival tells which was the second. */
  async #sameMoment(run: ChaosRun): Promise<void> {
    const items = activeItems(this.sim.world, run.random.pick([TASKS, SUBTASKS, CLIENTS]))
    if (items.length === 0 || run.mail.faults.dropRate > 0 || run.mail.faults.delayMs > 0) return
    await run.deliver(run.mail.waiting)
    if (run.mail.waiting > 0) return
    const item = run.random.pick(items)
    run.time.advance(1)
    for (let i = 0; i < 2; i++) {
      this.sim.edit.rename(item.board.id, item.id, `Twice ${run.random.int(100_000)}`)
      await run.deliver(10)
      // Refused, it comes again after the second: then only a read can tell.
      if (run.mail.waiting > 0) return
    }
  }

  /** A poll reads a row in the second of its change, and then the row changes once more in that second. */
  #readBetween(run: ChaosRun): Promise<void> {
    return run.attempt(async (signal) => {
      const stream = run.random.pick(run.node.pipeline.source.streams)
      const items = activeItems(this.sim.world, stream.id)
      if (items.length === 0 || run.mail.faults.dropRate > 0) return
      const item = run.random.pick(items)
      const rename = (): void =>
        void this.sim.edit.rename(item.board.id, item.id, `Between ${run.random.int(100_000)}`)
      await run.node.prepare(signal)
      // From here it all fits into one second of the vendor's.
      run.time.advance(1_000 - (this.sim.world.clock.now() % 1_000) + 1)
      rename()
      await delta(run.node.db, run.node.pipeline, stream, { signal })
      run.time.advance(1)
      if (item.state === 'active') rename()
    })
  }

  async note(run: ChaosRun): Promise<void> {
    const { table } = run.random.pick(mappings)
    const text = `note ${run.random.int(1000)}`
    const { rows } = await run.server.admin.query<{ key: string }>(
      `update public."${table}" set note = $1
       where monday_id = (select monday_id from public."${table}" order by monday_id offset $2 limit 1) returning monday_id as key`,
      [text, run.random.int(12)],
    )
    for (const { key } of rows) this.#notes.set(`${table} ${key}`, text)
  }

  checkSafety(run: ChaosRun): Promise<void> {
    return checkOrphans(run)
  }

  checkNotes(run: ChaosRun): Promise<void> {
    return checkNotes(run, this.#notes)
  }

  checkMirror(run: ChaosRun, stage: Parameters<Site['checkMirror']>[1]): Promise<void> {
    return checkMirror({ run, sim: this.sim, edits: this.edits }, stage)
  }

  close(): Promise<void> {
    return this.sim.close()
  }
}
