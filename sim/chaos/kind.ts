import type { App } from '../../src/apps/contract.ts'
import type { Database } from '../../src/db/database.ts'
import type { JsonObject } from '../../src/engine/observation.ts'
import type { Delivery, Page } from '../../src/sources/contract.ts'
import type { Random } from '../monday/world/random.ts'
import type { ReadRequest } from './node.ts'
import type { Profile } from './profile.ts'
import type { ChaosRun } from './run.ts'
import type { VirtualTime } from './time.ts'

/** A vendor with an app as the simulation knows it: what is the same in every run. */
export interface Kind {
  readonly name: string
  /** The app's name in the webhooks' path. */
  readonly app: string
  /** Makes the app's tables in a new database. */
  readonly build: (admin: Database, folder: string) => Promise<void>
  /** When a run may begin, milliseconds since 1970; the seed picks. */
  readonly starts: readonly number[]
  readonly mutations: Readonly<Record<string, Mutation>>
  readonly start: (setting: Setting) => Promise<Site>
}

/** What a run gives to its vendor. */
export interface Setting {
  readonly seed: number
  readonly random: Random
  readonly time: VirtualTime
  readonly profile: Profile
  /** The vendor's deliveries go here instead of to the network. */
  readonly post: (path: string, payload: JsonObject) => void
}

/** One running vendor, with what people and faults do to it. */
export interface Site {
  /** The app, for a node that starts now. `migrations` is an empty folder. */
  readonly app: (migrations: string) => App
  /** One thing that happens, of those that the vendor tells of. */
  readonly heard: () => void
  /** One that no webhook tells of. */
  readonly unheard: () => void
  /** Several within a second, mostly to one record. */
  readonly burst: () => void
  /** Changes one of these rows, which were just read: the read does not know of it. */
  readonly touch: (stream: string, rows: Page['rows']) => void
  /** Makes the webhooks that registering would make, without its calls. */
  readonly subscribe: (run: ChaosRun) => void
  readonly hasWebhooks: () => boolean
  readonly unsubscribe: () => void
  /** The vendor's API falls ill in one way; well again. */
  readonly fallIll: () => void
  readonly recover: () => void
  /** While the work lasts, reads answer what is, and all of it. */
  readonly unhindered: <T>(work: () => Promise<T>) => Promise<T>
  /** Nothing is left out of answers any more; reads may still lag. */
  readonly calm: () => void
  readonly stopLagging: () => void
  /** Somebody sets the vendor's clock. */
  readonly jump: (ms: number) => void
  /** Calls that were refused. */
  readonly rejected: () => number
  /** What makes two deliveries one event, told from the vendor's side; undefined where nothing in it does. */
  readonly identityOf: (payload: JsonObject) => string | undefined
  /** The same event as the vendor posts it once more; `fresh`, so that nothing tells it from another. */
  readonly again: (payload: JsonObject, random: Random, fresh: boolean) => JsonObject
  /** Identities that may be kept though no delivery brought them. */
  readonly recorded?: () => ReadonlySet<string>
  readonly steps: readonly Step[]
  /** What a run's faults may end with. */
  readonly flurries: readonly ((run: ChaosRun) => Promise<void>)[]
  /** A person writes into a row of ours. */
  readonly note: (run: ChaosRun) => Promise<void>
  /** Throw a Divergence: what holds after every step; what people wrote; what must equal the vendor by now. */
  readonly checkSafety: (run: ChaosRun) => Promise<void>
  readonly checkNotes: (run: ChaosRun) => Promise<void>
  readonly checkMirror: (run: ChaosRun, stage: Stage) => Promise<void>
  /** Takes what lost deliveries would have brought from the vendor's own record. */
  readonly fillGaps?: (run: ChaosRun) => Promise<void>
  readonly close: () => Promise<void>
}

/** What is compared when: after events alone; after events while reads lag; after a delta; after a full pass. */
export type Stage = 'events' | 'lagging events' | 'delta' | 'full'

export interface Step {
  readonly name: string
  /** How often, against the others; by profile where they differ. */
  readonly weight: number | Readonly<Record<Profile, number>>
  readonly run: (run: ChaosRun) => Promise<void>
}

/** A bug planted on purpose: the simulation must find it. */
export interface Mutation {
  readonly settleOutside?: boolean
  readonly intercept?: (sql: string) => object[] | undefined
  readonly delivery?: (delivery: Delivery) => Delivery
  readonly page?: (page: Page, request: ReadRequest, admin: Database) => Promise<Page> | Page
  /** The vendor's own record of events cannot be read, and says nothing of it. */
  readonly noEventLog?: boolean
  /** Run on the fresh database; what it replaces is put back after the run. */
  readonly sql?: string
  /** Functions that `sql` replaces, as `schema.name(types)`. */
  readonly replaces?: readonly string[]
}
