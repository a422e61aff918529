export type { HookState, SlackMessage } from './hook.ts'
export type { SlackLimits } from './receive.ts'
export type { SlackFaults, SlackSim, SlackSimOptions } from './sim.ts'
export { startSlackSim } from './start.ts'
