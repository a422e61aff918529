import type { Acts } from './acts/acts.ts'
import type { RequestLog } from './api/request-log.ts'
import type { Faults, FaultsPatch } from './faults.ts'
import type { TrafficMix } from './traffic.ts'
import type { Deliveries } from './webhooks/deliveries.ts'
import type { Capture } from './webhooks/dispatcher.ts'
import type { Clock, World } from './world/model.ts'
import type { Settings } from './world/settings.ts'
import type { SavedInstance } from './world/snapshot.ts'
import type { Truth } from './world/truth.ts'

export interface EmailBisonSimOptions {
  /** Of the first instance, the second takes the next; 0, the default, takes free ones. */
  port?: number
  seed?: number
  /** Own servers with own ids, accounts and faults; only the clock is common. Default 1. */
  instances?: number
  /** Of all instances together. Default 24. */
  workspaces?: number
  /** Of all instances together. Default 4,000. */
  mailboxes?: number
  /** Per workspace. Default 4. */
  campaigns?: number
  /** Per workspace, beside those that come with replies. Default 200. */
  leads?: number
  /** Days of before, today's part included. Default 60; 0 for a world in which nothing has happened. */
  historyDays?: number
  /** Without it, the machine's: what is due is then delivered by itself, and else by `deliverDue`. */
  clock?: Clock
  settings?: Partial<Settings>
  faults?: FaultsPatch
  /** Instances that were kept, in place of new ones. */
  saved?: readonly SavedInstance[]
  /** Takes the webhooks' deliveries instead of the network. */
  capture?: Capture
  /** The /control routes; on by default. */
  control?: boolean
}

export interface BisonInstance {
  /** `http://127.0.0.1:PORT`: the instance's `instance_url`; the API is under `/api`. */
  readonly url: string
  /** A super-admin's: scoped to the workspace that was switched to last. */
  readonly token: string
  readonly world: World
  readonly truth: Truth
  readonly act: Acts
  readonly faults: Faults
  readonly settings: Settings
  readonly requests: RequestLog
  readonly deliveries: Deliveries
  /** Mints an api-user's token, as a person does in the settings of a workspace. */
  workspaceToken(workspaceId: number): string
}

export interface EmailBisonSim extends BisonInstance {
  /** The first is the sim itself. */
  readonly instances: readonly BisonInstance[]
  /**
   * Sends queued mails and tries deliveries whose time has come by the clock, until nothing is due and all is
   * answered. The number of attempts.
   */
  deliverDue(): Promise<number>
  /** Seeded live happenings, over all instances, until stopped. */
  traffic(perSecond: number, mix?: TrafficMix): { stop(): void }
  close(): Promise<void>
}
