import { parentPort, workerData } from 'node:worker_threads'
import { runChaos } from './chaos.ts'
import type { Asked, Told } from './seeds.ts'
import { startChaosServer } from './server.ts'

/** Runs every `jobs`-th seed on a database of its own, and tells of each. */
const { asked, url, index } = workerData as { asked: Asked; url: string; index: number }

const server = await startChaosServer(url)
const state = { stopped: false }
parentPort?.once('message', () => (state.stopped = true)).unref()
try {
  for (let i = index; !state.stopped && i < asked.seeds && Date.now() < asked.endsAt; i += asked.jobs) {
    const seed = asked.seed + i
    const outcome = await runChaos({ ...asked, server, seed })
    parentPort?.postMessage({ seed, ...outcome } satisfies Told)
    if (outcome.failure !== undefined && !asked.all) break
  }
} finally {
  await server.close()
}
