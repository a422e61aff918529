import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from './contract.ts'

export const machineClock: Clock = {
  now: () => Date.now(),
  steady: () => performance.now(),
  sleep: (ms, signal) => sleep(ms, undefined, { signal }),
}
