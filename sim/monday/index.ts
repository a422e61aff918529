export { DEFAULT_LIMITS, type Limits } from './api/limits.ts'
export type { RequestLog } from './api/request-log.ts'
export { createDatacubeWorld } from './datacube/world.ts'
export type { EditOptions } from './edits/change.ts'
export { type Edits } from './edits/edits.ts'
export type { Faults, WebhookFaults } from './faults.ts'
export type { MondaySim, MondaySimOptions } from './sim.ts'
export { startMondaySim } from './start.ts'
export type { Deliveries, DeliveryAttempt } from './webhooks/deliveries.ts'
export {
  type BoardSpec,
  type ColumnSpec,
  createWorld,
  type ItemSpec,
  type WorldSpec,
} from './world/create-world.ts'
export { everyColumnWorld } from './world/every-column.ts'
export type { Board, Clock, Column, Item, TruthItem, TruthValue, Webhook, World } from './world/model.ts'
