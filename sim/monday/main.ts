import { fstatSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { MondaySim } from './sim.ts'
import { startMondaySim } from './start.ts'
import { loadState, StateFile } from './state-file.ts'
import { REAL_CLOCK } from './world/create-world.ts'

/** The simulator as a child process: one JSON line when ready, and it ends with its parent. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      projects: { type: 'string', default: '100' },
      seed: { type: 'string', default: '1' },
      traffic: { type: 'string', default: '0' },
      token: { type: 'string', default: 'sim-token' },
      'signing-secret': { type: 'string' },
      'retry-delay-ms': { type: 'string' },
      state: { type: 'string' },
    },
  })
  const world = values.state === undefined ? undefined : loadState(values.state, REAL_CLOCK)
  const secret = values['signing-secret']
  const retryDelay = values['retry-delay-ms']
  const sim = await startMondaySim({
    port: Number(values.port),
    seed: Number(values.seed),
    projects: Number(values.projects),
    token: values.token,
    ...(world === undefined ? {} : { world }),
    ...(secret === undefined ? {} : { signingSecret: secret }),
    ...(retryDelay === undefined ? {} : { retryDelayMs: Number(retryDelay) }),
  })
  const state = values.state === undefined ? undefined : new StateFile(values.state, sim.world)
  state?.start()
  if (Number(values.traffic) > 0) sim.traffic(Number(values.traffic))
  endWithParent(sim, state)
  const boards = [...sim.world.boards.values()].map(({ id, name, type, items }) => ({
    id,
    name,
    type,
    items: items.size,
  }))
  const resumed = world !== undefined
  process.stdout.write(
    `${JSON.stringify({ ready: true, url: sim.url, origin: sim.origin, resumed, boards })}\n`,
  )
}

function endWithParent(sim: MondaySim, state: StateFile | undefined): void {
  let ending = false
  const end = (): void => {
    if (ending) return
    ending = true
    // Closed first: nothing may change the world after it is saved.
    void sim.close().then(() => {
      state?.stop()
      process.exit(0)
    })
  }
  process.on('SIGTERM', end)
  process.on('SIGINT', end)
  const stdin = fstatSync(0)
  // A parent holds the other end of a pipe; /dev/null is at its end from the start and says nothing.
  if (!stdin.isFIFO() && !stdin.isSocket()) return
  for (const gone of ['end', 'close', 'error']) process.stdin.on(gone, end)
  process.stdin.resume()
}

await main()
