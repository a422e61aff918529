import type { StripeSim, StripeSimOptions } from './sim.ts'
import { startStripeSim } from './start.ts'

/** Runs a test against a simulator and closes it whatever happens. */
export async function withStripeSim<T>(
  options: StripeSimOptions,
  run: (sim: StripeSim) => Promise<T>,
): Promise<T> {
  const sim = await startStripeSim(options)
  try {
    return await run(sim)
  } finally {
    await sim.close()
  }
}
