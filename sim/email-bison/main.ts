import { fstatSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { EmailBisonSim } from './sim.ts'
import { startEmailBisonSim } from './start.ts'
import { loadState, StateFile } from './state-file.ts'
import { REAL_CLOCK } from './world/create-world.ts'

/** The simulator as a child process: one JSON line when ready, and it ends with its parent. */
async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      instances: { type: 'string', default: '1' },
      workspaces: { type: 'string', default: '24' },
      mailboxes: { type: 'string', default: '4000' },
      'history-days': { type: 'string', default: '60' },
      'event-case': { type: 'string', default: 'upper' },
      'retry-delays-ms': { type: 'string' },
      weekends: { type: 'boolean', default: false },
      'time-zone': { type: 'string', default: 'UTC' },
      traffic: { type: 'string', default: '0' },
      state: { type: 'string' },
    },
  })
  const saved = values.state === undefined ? undefined : loadState(values.state, REAL_CLOCK)
  const delays = values['retry-delays-ms']
  const sim = await startEmailBisonSim({
    port: Number(values.port),
    seed: Number(values.seed),
    instances: Number(values.instances),
    workspaces: Number(values.workspaces),
    mailboxes: Number(values.mailboxes),
    historyDays: Number(values['history-days']),
    settings: {
      weekends: values.weekends,
      timeZone: values['time-zone'],
      eventCase: values['event-case'] === 'lower' ? 'lower' : 'upper',
      ...(delays === undefined ? {} : { retryDelaysMs: delays.split(',').map(Number) }),
    },
    ...(saved === undefined ? {} : { saved }),
  })
  const state = values.state === undefined ? undefined : new StateFile(values.state, () => instancesOf(sim))
  state?.start()
  if (Number(values.traffic) > 0) sim.traffic(Number(values.traffic))
  endWithParent(sim, state)
  const instances = sim.instances.map(({ url, token, world }) => ({
    url,
    token,
    workspaces: world.workspaces.map(({ id, name, senders }) => ({ id, name, mailboxes: senders.length })),
  }))
  const resumed = saved !== undefined
  process.stdout.write(
    `${JSON.stringify({ ready: true, url: sim.url, token: sim.token, resumed, instances })}\n`,
  )
}

function instancesOf(sim: EmailBisonSim) {
  return sim.instances.map(({ world, deliveries }) => ({ world, deliveries: [...deliveries.all.values()] }))
}

function endWithParent(sim: EmailBisonSim, state: StateFile | undefined): void {
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
