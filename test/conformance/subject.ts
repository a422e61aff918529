import type { App } from '../../src/apps/contract.ts'
import type { Json, JsonObject } from '../../src/engine/observation.ts'
import type { Clock } from '../../src/sources/contract.ts'

/**
 * What the conformance suite needs to know of a vendor and to do at its simulator. Everything else is the suite's: it
 * starts a proxy before the vendor's API, a door behind a postbox for its webhooks, a database, and the node.
 */
export interface Subject {
  /** As in `sources/<name>`; the app goes by it too. */
  readonly vendor: string
  /** The tables and the source, as a configuration makes them. Tables that are not there yet are made from these. */
  readonly app: (settings: SubjectSettings) => Pick<App, 'tables' | 'source'>
  /**
   * Starts the simulator, its own clock being this one. At least one stream must need three pages or more, and every
   * table must hold rows.
   */
  readonly start: (clock: Clock) => Promise<World>
  /** What may happen to a record. Each kind needs at least one act, or the reason why the vendor has none. */
  readonly acts: Readonly<Record<ActKind, readonly Act[] | Absent>>
  /** What forged deliveries look like, made of a genuine one; beside a missing or wrong path secret where it has one. */
  readonly forgeries: (letter: Letter) => readonly Letter[]
  /** A payload of an event type that nobody knows, made of one that is known; no other event's. */
  readonly unknownType: (payload: JsonObject) => JsonObject
  /** The handshake of a webhook, and the answer that the vendor expects. */
  readonly challenge: { readonly payload: JsonObject; readonly answer: JsonObject } | Absent
  /** Whether a delivery is proven by its bytes: then one with its keys in another order is refused, not repeated. */
  readonly signsBody: boolean
  /** An answer to a list as the vendor gives it where it withholds something and says so. */
  readonly withGap: ((answer: JsonObject) => JsonObject) | Absent
  /** The same answer to a list without one record, as when pages shift; undefined where the answer holds it not. */
  readonly without: (answer: Json, key: string) => Json | undefined
  /** How the vendor refuses more than it allows; default 429 with `Retry-After`. */
  readonly limit?: (retryAfterS: number) => ApiAnswer
  /** How many calls a day the settings may allow. */
  readonly dailyCap: true | Absent
  /** Whether the vendor keeps a record of what it told. */
  readonly eventLog: true | Absent
  /** A change at one record that others show. */
  readonly dependency: { readonly run: (world: World) => Change; readonly name: string } | Absent
  /** Tables with columns that are computed when they are read: their stamps move with every read. */
  readonly computed?: readonly string[]
  /** Keys that have the form of the table's and that the vendor never had. */
  readonly unknownKey: (stream: string) => string
}

/** The vendor has no such thing, and this is why: the suite names it instead of testing it. */
export interface Absent {
  readonly absent: string
}
export const absent = (why: string): Absent => ({ absent: why })
export const isAbsent = (thing: unknown): thing is Absent =>
  typeof thing === 'object' && thing !== null && 'absent' in thing

export const ACT_KINDS = ['create', 'change', 'delete', 'restore'] as const
export type ActKind = (typeof ACT_KINDS)[number]

/** Something that happens at the vendor to one record. */
export interface Act {
  readonly name: string
  readonly run: (world: World) => Target
  /** What its webhook brings, with what that makes us read: the whole row, `but` columns that it says nothing of. */
  readonly webhook: Told | Absent
  /** What a delta finds of it. */
  readonly delta: Told | Absent
}

export interface Told {
  readonly but?: readonly string[]
}
/** The whole row. */
export const WHOLE: Told = {}

/** A row of ours. */
export interface Target {
  /** The table's name, without its schema. */
  readonly table: string
  readonly key: string
}

export interface Change extends Target {
  /** Rows elsewhere that show it. */
  readonly shown: readonly Target[]
}

export interface SubjectSettings {
  /** Where the vendor's API answers, as `World.url` but for its origin. */
  readonly url: string
  /** `World.credentials`; another process may use them. */
  readonly credentials: Credentials
  /** Undefined: the machine's. */
  readonly clock: Clock | undefined
  /** Milliseconds that one call may take. */
  readonly timeoutMs: number
  /** Calls a day, where the vendor has a cap. */
  readonly callsPerDay?: number
}

/** What a person would put into the environment. */
export type Credentials = Readonly<Record<string, string>>

/** A running simulator. */
export interface World {
  /** Of its API. */
  readonly url: string
  readonly credentials: Credentials
  /** Everything that nobody may read: tokens, also those that were made meanwhile, and webhook secrets. */
  readonly secrets: () => readonly string[]
  /** What every table must hold now: the vendor's records, told from the simulator's state and not by our decoders. */
  readonly truth: () => readonly Row[]
  /** Resolves when every delivery that is due has been posted and answered. */
  readonly told: () => Promise<void>
  /** A webhook that somebody else made, by an address of theirs. */
  readonly addForeignWebhook: () => void
  /** How many webhooks there are, whoever made them. */
  readonly webhooks: () => number
  /** Removes every webhook without a word. */
  readonly dropWebhooks: () => void
  /** Said where the API is reached at another address than the simulator's own. */
  readonly reachedAt?: (url: string) => void
  /** The headers that prove a body to be the vendor's, where headers do. */
  readonly sign?: (body: string, url: string) => Readonly<Record<string, string>>
  readonly close: () => Promise<void>
}

export interface Row extends Target {
  /** Column → its value; columns that are left out are not compared. Times as Postgres reads them. */
  readonly values: Readonly<Record<string, Json>>
}

/** One delivery as the vendor posted it. */
export interface Letter {
  /** Below the postbox's address, with the path's secret. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

export interface ApiAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: Json | string
}

export const payloadOf = (letter: Letter): JsonObject => JSON.parse(letter.body) as JsonObject
