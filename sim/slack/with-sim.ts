import type { SlackSim, SlackSimOptions } from './sim.ts'
import { startSlackSim } from './start.ts'

/** Runs a test against a simulator and closes it whatever happens. */
export async function withSlackSim<T>(
  options: SlackSimOptions,
  run: (slack: SlackSim) => Promise<T>,
): Promise<T> {
  const slack = await startSlackSim(options)
  try {
    return await run(slack)
  } finally {
    await slack.close()
  }
}
