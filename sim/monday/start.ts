import { Cursors } from './api/cursors.ts'
import type { Service } from './api/context.ts'
import { Budget, DEFAULT_LIMITS } from './api/limits.ts'
import { Replica } from './api/replica.ts'
import { RequestLog } from './api/request-log.ts'
import { createControl } from './control.ts'
import { createDatacubeWorld } from './datacube/world.ts'
import { createEdits } from './edits/edits.ts'
import { createFaults } from './faults.ts'
import { listen, portOf, type Route } from './server.ts'
import type { MondaySim, MondaySimOptions } from './sim.ts'
import { startTraffic } from './traffic.ts'
import { Dispatcher } from './webhooks/dispatcher.ts'
import { REAL_CLOCK } from './world/create-world.ts'
import type { Clock } from './world/model.ts'
import { createRandom } from './world/random.ts'

const RETRY_DELAY_MS = 60_000

export async function startMondaySim(options: MondaySimOptions = {}): Promise<MondaySim> {
  const seed = options.seed ?? 1
  const base = options.clock ?? options.world?.clock ?? REAL_CLOCK
  const world = options.world ?? createDatacubeWorld({ seed, clock: base, projects: options.projects ?? 100 })
  const faults = createFaults(options.faults)
  const clock: Clock = { now: () => base.now() + faults.clockOffsetMs }
  world.clock = clock
  const limits = { ...DEFAULT_LIMITS, ...options.limits }
  const dispatcher = new Dispatcher({
    world,
    faults,
    random: createRandom(seed + 101),
    retryDelayMs: options.retryDelayMs ?? RETRY_DELAY_MS,
    signingSecret: options.signingSecret,
    capture: options.capture,
  })
  const replica = new Replica(faults, clock)
  const edit = createEdits({
    world,
    announce: (change, stamp) => dispatcher.announce(change, stamp),
    beforeChange: (item) => replica.keep(item),
  })
  const requests = new RequestLog()
  const hiddenBoards = new Set((options.readOnlyBoards ?? []).map(String))
  const random = createRandom(seed + 202)
  const budget = new Budget(limits, clock)
  const service: Service = {
    world,
    edits: edit,
    faults,
    budget,
    cursors: new Cursors(clock),
    replica,
    dispatcher,
    random,
    hiddenBoards,
  }
  const running = new Set<{ stop(): void }>()
  let control: Route | undefined
  const late: Route = (request, response) => control?.(request, response) ?? Promise.resolve(false)
  const route = options.control === false ? undefined : late
  const access = { service, token: options.token ?? 'sim-token', log: requests }
  const server = await listen(access, route, options.port ?? 0)
  const origin = `http://127.0.0.1:${portOf(server)}`
  const sim: MondaySim = {
    url: `${origin}/v2`,
    origin,
    world,
    edit,
    faults,
    limits,
    hiddenBoards,
    requests,
    deliveries: dispatcher.deliveries,
    traffic(perSecond) {
      const traffic = startTraffic(world, edit, createRandom(seed + 303 + running.size), perSecond)
      running.add(traffic)
      return traffic
    },
    async close() {
      running.forEach((traffic) => traffic.stop())
      dispatcher.close()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  control = createControl(sim)
  return sim
}
