import { createRandom } from '../monday/world/random.ts'
import { createActs } from './acts/acts.ts'
import { Outbox } from './acts/outbox.ts'
import { Stage } from './acts/stage.ts'
import { type App, createApp } from './api/app.ts'
import { Replica } from './api/replica.ts'
import { RequestLog } from './api/request-log.ts'
import { addControl } from './control.ts'
import { createFaults } from './faults.ts'
import { listen, type Listening } from './server.ts'
import type { BisonInstance, EmailBisonSim, EmailBisonSimOptions } from './sim.ts'
import { startTraffic } from './traffic.ts'
import { Dispatcher } from './webhooks/dispatcher.ts'
import { createWorld, mintToken, REAL_CLOCK } from './world/create-world.ts'
import { find } from './world/lookup.ts'
import type { World } from './world/model.ts'
import type { SavedInstance } from './world/snapshot.ts'
import { createTruth } from './world/truth.ts'

interface Running extends BisonInstance {
  readonly app: App
  readonly outbox: Outbox
  readonly dispatcher: Dispatcher
}

export async function startEmailBisonSim(options: EmailBisonSimOptions = {}): Promise<EmailBisonSim> {
  const clock = options.clock ?? REAL_CLOCK
  const saved = options.saved ?? createInstances(options)
  const running = saved.map((instance) => createInstance(instance, options))
  const servers: Listening[] = []
  const traffics = new Set<{ stop(): void }>()
  const seed = options.seed ?? 1
  const sim: Omit<EmailBisonSim, keyof BisonInstance> = {
    instances: running,
    async deliverDue() {
      for (const { outbox } of running) outbox.sendDue()
      const attempts = await Promise.all(running.map(({ dispatcher }) => dispatcher.deliverDue()))
      return attempts.reduce((sum, each) => sum + each, 0)
    },
    traffic(perSecond, mix) {
      const traffic = startTraffic(running, createRandom(seed + 303 + traffics.size), perSecond, mix)
      traffics.add(traffic)
      return traffic
    },
    async close() {
      for (const traffic of traffics) traffic.stop()
      for (const { outbox, dispatcher } of running) {
        outbox.close()
        dispatcher.close()
      }
      await Promise.all(servers.map((server) => server.close()))
    },
  }
  const first = running[0]
  if (first === undefined) throw new RangeError('a simulator needs an instance')
  const whole: EmailBisonSim = Object.assign(first, sim)
  for (const [index, instance] of running.entries()) {
    const app = options.control === false ? instance.app : addControl(instance, whole, clock)
    const server = await listen(
      app,
      options.port === undefined || options.port === 0 ? 0 : options.port + index,
    )
    servers.push(server)
    instance.world.origin = server.origin
  }
  return whole
}

/** Seeds of instances differ, and their ids begin alike: only the instance tells two records apart. */
function createInstances(options: EmailBisonSimOptions): SavedInstance[] {
  const { seed = 1, instances = 1, workspaces = 24, mailboxes = 4_000, campaigns = 4, leads = 200 } = options
  const { clock = REAL_CLOCK, historyDays = 60, settings } = options
  const part = (total: number, index: number): number =>
    Math.floor(((index + 1) * total) / instances) - Math.floor((index * total) / instances)
  return Array.from({ length: instances }, (_, index) => ({
    world: createWorld({
      seed: seed + index * 1_000,
      clock,
      workspaces: part(workspaces, index),
      mailboxes: part(mailboxes, index),
      campaigns,
      leads,
      historyDays,
      ...(settings === undefined ? {} : { settings }),
    }),
    deliveries: [],
  }))
}

function createInstance({ world, deliveries }: SavedInstance, options: EmailBisonSimOptions): Running {
  Object.assign(world.settings, options.settings)
  const faults = createFaults(options.faults)
  const realTime = options.clock === undefined
  const random = createRandom(world.seed + 101)
  const { capture } = options
  const dispatcher = new Dispatcher({ world, faults, random, realTime, capture })
  const replica = new Replica(world, faults)
  const stage = new Stage({
    world,
    changed: () => replica.keep(),
    random: world.random,
    announce: (event) => dispatcher.announce(event),
    forget: (event) => dispatcher.deliveries.forget(event.id),
  })
  const act = createActs(stage)
  const outbox = new Outbox(act, { world, faults, random, realTime })
  for (const delivery of deliveries) {
    const event = find(world.events, delivery.eventId)
    if (event !== undefined) dispatcher.resume(delivery, event)
  }
  const requests = new RequestLog()
  const service = {
    world,
    acts: act,
    dispatcher,
    faults,
    random,
    replica,
    queueSend: (workspace: { id: number }, send: { replyId: number; senderId: number; text: string }) =>
      outbox.add({ workspaceId: workspace.id, ...send }),
  }
  const { settings } = world
  return {
    world,
    act,
    faults,
    settings,
    requests,
    outbox,
    dispatcher,
    get url() {
      return world.origin
    },
    token: ownerToken(world),
    truth: createTruth(world),
    deliveries: dispatcher.deliveries,
    app: createApp(service, requests),
    workspaceToken: (workspaceId) => mintToken(world, 'test', workspaceId).text,
  }
}

function ownerToken(world: World): string {
  for (const { kind, text } of world.tokens.values()) if (kind === 'super-admin') return text
  return mintToken(world, 'owner', null).text
}
