import { Hono } from 'hono'
import { ActError } from './acts/stage.ts'
import { mergeFaults } from './faults.ts'
import type { App } from './api/app.ts'
import type { BisonInstance, EmailBisonSim } from './sim.ts'
import type { TrafficMix } from './traffic.ts'
import { NotFoundError } from './world/lookup.ts'
import type { Clock } from './world/model.ts'

type Fields = Record<string, unknown>

/** A test harness in another process drives an instance through these; no vendor has them. */
export function addControl(instance: BisonInstance & { app: App }, sim: EmailBisonSim, clock: Clock): App {
  let traffic: { stop(): void } | undefined
  const app: App = new Hono()
  const posts: Readonly<Record<string, (body: Fields) => unknown>> = {
    act: (body) => runAct(instance, String(body['op']), (body['args'] ?? []) as unknown[]),
    faults: (body) => {
      mergeFaults(instance.faults, body)
      return instance.faults
    },
    settings: (body) => Object.assign(instance.settings, body),
    traffic: (body) => {
      traffic?.stop()
      const perSecond = Number(body['perSecond'])
      traffic = perSecond > 0 ? sim.traffic(perSecond, body['mix'] as TrafficMix | undefined) : undefined
      return { perSecond }
    },
    'deliver-due': async () => ({ attempts: await sim.deliverDue() }),
  }
  app.post('/control/:what', async (c) => {
    const post = posts[c.req.param('what')]
    if (post === undefined) return c.json({ error: 'no such control' }, 404)
    try {
      const text = await c.req.text()
      const answer = await post((text === '' ? {} : JSON.parse(text)) as Fields)
      return c.json(answer as Fields)
    } catch (error) {
      if (error instanceof ActError || error instanceof NotFoundError || error instanceof SyntaxError)
        return c.json({ error: error.message }, 400)
      throw error
    }
  })
  app.get('/control/stats', (c) => c.json(stats(instance)))
  app.get('/control/counts', (c) => {
    const from = Number(c.req.query('from') ?? 0)
    const to = Number(c.req.query('to') ?? clock.now() + 1)
    const counts = instance.world.workspaces.map(({ id, name }) => ({
      id,
      name,
      ...instance.truth.counts(id, from, to),
    }))
    return c.json(counts)
  })
  app.all('*', (c) => instance.app.fetch(c.req.raw, c.env))
  return app
}

function stats({ requests, deliveries, world }: BisonInstance): unknown {
  const { calls, rejected, byRoute, byStatus, last } = requests
  return {
    requests: { calls, rejected, byRoute, byStatus, last: last.slice(-20) },
    deliveries: deliveries.stats(),
    events: world.events.length,
    memoryBytes: process.memoryUsage.rss(),
    workspaces: world.workspaces.map(({ id, name, senders, campaigns, leads, webhooks }) => ({
      id,
      name,
      mailboxes: senders.length,
      campaigns: campaigns.length,
      leads: leads.length,
      webhooks: webhooks.length,
    })),
  }
}

/** Runs one of the acts by name. */
function runAct(instance: BisonInstance, op: string, args: unknown[]): Fields {
  if (!Object.hasOwn(instance.act, op)) throw new ActError(`no act "${op}"`)
  const run = instance.act[op as keyof typeof instance.act] as (...args: unknown[]) => { id: number }
  return { ok: true, id: run(...args).id }
}
