import { parentPort, workerData } from 'node:worker_threads'
import { runChaos } from './chaos.ts'
import type { Kind } from './kind.ts'
import { type Asked, type Told, worldsOf } from './seeds.ts'
import { type ChaosServer, startChaosServer } from './server.ts'

/** Runs every `jobs`-th seed on databases of its own, one a world, and tells of each. */
const { asked, url, index } = workerData as { asked: Asked; url: string; index: number }

const worlds = worldsOf(asked)
const servers = new Map<Kind, ChaosServer>()
const state = { stopped: false }
parentPort?.once('message', () => (state.stopped = true)).unref()
try {
  for (let i = index; !state.stopped && i < asked.seeds && Date.now() < asked.endsAt; i += asked.jobs) {
    const seed = asked.seed + i
    // A seed means the same world however many are asked for.
    const kind = worlds[seed % worlds.length]
    if (kind === undefined) throw new Error(`no world "${asked.world}"`)
    const server = servers.get(kind) ?? (await startChaosServer(url, kind))
    servers.set(kind, server)
    const outcome = await runChaos({ ...asked, kind, server, seed })
    parentPort?.postMessage({ seed, world: kind.name, ...outcome } satisfies Told)
    if (outcome.failure !== undefined && !asked.all) break
  }
} finally {
  for (const server of servers.values()) await server.close()
}
