import type { Edits } from './edits/edits.ts'
import type { Faults, FaultsPatch } from './faults.ts'
import type { Limits } from './api/limits.ts'
import type { RequestLog } from './api/request-log.ts'
import type { Deliveries } from './webhooks/deliveries.ts'
import type { Capture } from './webhooks/dispatcher.ts'
import type { Clock, World } from './world/model.ts'

export interface MondaySimOptions {
  /** 0, the default, takes a free one. */
  port?: number
  seed?: number
  /** A world made elsewhere; else the DataCube world of `projects` projects. */
  world?: World
  projects?: number
  token?: string
  /** Boards the token cannot see: absent from every answer. */
  readOnlyBoards?: string[]
  clock?: Clock
  /** When set, deliveries carry the `Authorization` JWT of an app's webhooks. */
  signingSecret?: string
  faults?: FaultsPatch
  limits?: Partial<Limits>
  retryDelayMs?: number
  /** Takes the webhooks' deliveries instead of the network. */
  capture?: Capture
  /** The /control routes; on by default. */
  control?: boolean
}

export interface MondaySim {
  /** Of the API: http://127.0.0.1:PORT/v2 */
  readonly url: string
  readonly origin: string
  readonly world: World
  readonly edit: Edits
  readonly faults: Faults
  readonly limits: Limits
  /** Ids of boards the token cannot see; mutable. */
  readonly hiddenBoards: Set<string>
  readonly requests: RequestLog
  readonly deliveries: Deliveries
  /** Seeded live edits until stopped. */
  traffic(perSecond: number): { stop(): void }
  close(): Promise<void>
}
