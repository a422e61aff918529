import type { Json, JsonObject, Observation, Value } from '../engine/observation.ts'

/**
 * What a vendor must offer so that the engine can keep its records in Postgres. A source knows the vendor and the
 * engine's rules; it has no database, and all time comes to it as input or from its own requests.
 */
export interface Source {
  /** The vendor's name, as in `sources/<name>`. */
  readonly vendor: string
  readonly streams: readonly Stream[]
  readonly door: WebhookDoor
  /** Reads what parsing needs (columns, labels, people), from the kept state or, with `fresh`, from the vendor. */
  prepare(options: { fresh: boolean; signal: AbortSignal }): Promise<Preparation>
  /** Turns one committed delivery into observations and hints. Makes no call. Throws on what it cannot read. */
  readonly parse: (delivery: Delivery) => Parsed
  /** One page of a stream; `cursor` comes from the page before, undefined begins. */
  readonly readPage: (request: PageRequest) => Promise<Page>
  /** The records of these ids, at most `keysMax`; an id that a clean answer lacks does not exist at the vendor. */
  readonly readKeys: (request: KeysRequest) => Promise<Page>
  /** Which records show values of which others, so that a change there is read again here. */
  dependencies(): readonly Dependency[]
  readonly webhooks: WebhookAdmin
  /** The vendor's own record of what it told, where it keeps one: what lost deliveries would have brought. */
  readonly eventLog?: EventLog
  readonly keysMax: number
  /** How long rows that only show changed values wait for others of their kind, so that one call serves many. */
  readonly coalesceMs: number
  /** Requests made and what is left, for status and metrics. */
  usage(): Promise<Usage>
}

/** One kind of record, kept in one table. */
export interface Stream {
  /** The vendor's id: a board, an endpoint. */
  readonly id: string
  readonly name: string
  readonly table: string
  /** The columns of the table that it fills. */
  readonly columns: readonly string[]
  /** Readings beside the whole row that must be paced apart, such as formulas. */
  readonly parts: readonly string[]
  /** Where several streams fill one table: what the keys of this one begin with, and of no other. */
  readonly keyPrefix?: string
  /** False where the vendor cannot list the newest first: only whole passes tell what changed. */
  readonly deltas?: false
  /** How old its rows may get, milliseconds: it is read again before; beside what the app's schedules do. */
  readonly maxAgeMs?: number
  /** Where a source has several: out of which budget its calls are paid. One that waits does not hold another's. */
  readonly budget?: string
}

/** Whether a key of the stream's table is one of the stream's. */
export const holdsKey = (stream: Stream, key: string): boolean =>
  stream.keyPrefix === undefined || key.startsWith(stream.keyPrefix)

/** The whole row; every stream has it. */
export const ROW = 'row'

export interface Preparation {
  /** What is wrong at the vendor with what we are configured to read, a sentence each. */
  readonly problems: readonly string[]
}

export interface PageRequest {
  readonly stream: Stream
  readonly part: string
  readonly cursor: Json | undefined
  /** Newest change first, for a delta; otherwise the vendor's order. */
  readonly newestFirst: boolean
  readonly signal: AbortSignal
}

export interface KeysRequest {
  readonly stream: Stream
  readonly part: string
  readonly keys: readonly string[]
  readonly signal: AbortSignal
}

export interface FetchedRow {
  readonly key: string
  readonly values: Readonly<Record<string, Value>>
  readonly extra?: Readonly<Record<string, Json>>
  /** Vendor columns that this read did not carry. */
  readonly omitted?: readonly string[]
  /** Registers whose value is computed when read, so that they stand for the time of the read. */
  readonly live?: readonly string[]
  /** Start of the granule of its modification time, microseconds on the vendor's clock. */
  readonly updatedAt?: number
  /** It has a modification time, which this read did not tell: a replica may lag behind it all the same. */
  readonly undated?: true
  /** Where "newest first" goes by another time than that of the modification: that time, microseconds. */
  readonly orderedAt?: number
  readonly deleted?: boolean
  /** No longer in this stream (moved elsewhere): deleted here, whatever it holds. */
  readonly gone?: boolean
}

export interface Page {
  readonly rows: readonly FetchedRow[]
  /** Lower bound of the vendor's time of this read, microseconds. */
  readonly floor: number
  /** The unit of `updatedAt`, microseconds. */
  readonly granule: number
  readonly next: Json | undefined
  /** Why this page may lack rows or values; an empty list says it is complete. Only such a page proves absence. */
  readonly gaps: readonly string[]
  /** Rows of other streams that this answer says to look at. */
  readonly refetches?: readonly Refetch[]
  /** Records in the stream altogether, where the vendor tells. */
  readonly total?: number
}

/** A wish to read records again; made durable, and coalesced by key. */
export interface Refetch {
  readonly stream: string
  readonly part: string
  readonly keys: readonly string[]
  readonly reason: string
  /** Milliseconds that it may wait for company; default none. */
  readonly delayMs?: number
}

/** A delivery as the inbox holds it. */
export interface Delivery {
  /** Its arrival number. */
  readonly n: number
  /** Microseconds on the database's clock. */
  readonly receivedAt: number
  readonly payload: Json
}

/**
 * - `applied`: observations tell all; `hint`: something must be read; `ignored`: concerns nothing that is kept;
 *   `unknown`: an event that this version does not know, kept for later.
 */
export type Outcome = 'applied' | 'hint' | 'ignored' | 'unknown'

export interface Parsed {
  readonly outcome: Outcome
  readonly observations: readonly Observation[]
  readonly refetches: readonly Refetch[]
  /** What happened, for the app's own ledger: recorded in the transaction that settles the delivery. */
  readonly facts?: readonly Fact[]
  /** For `ignored` and `unknown`: why. */
  readonly note?: string
}

/** Something that happened at the vendor, and that counts once however often and by whatever way it is learnt. */
export interface Fact {
  /** What tells it from any other, in the vendor's terms. */
  readonly key: string
  readonly type: string
  /** Whose it is: an account, a workspace. */
  readonly scope: string
  /** When it happened, microseconds on the vendor's clock. */
  readonly at: number
  readonly data: JsonObject
}

/** A vendor's record of its events, read beside the webhooks so that none of them has to arrive. */
export interface EventLog {
  /** How far back it goes, milliseconds. */
  readonly keptMs: number
  /** What is read apart from each other. */
  readonly scopes: () => readonly { readonly id: string; readonly name: string }[]
  /** Payloads as a webhook would bring them, newest first. */
  readonly read: (request: EventLogRequest) => Promise<EventLogPage>
  /** Where the vendor delivers an event again when it is asked to: asks for it, by one of its attempts. */
  readonly redeliver?: (request: RedeliverRequest) => Promise<void>
}

export interface RedeliverRequest {
  readonly scope: string
  readonly attempt: string
  readonly signal: AbortSignal
}

export interface EventLogRequest {
  readonly scope: string
  /** Milliseconds since 1970, both included. */
  readonly sinceMs: number
  readonly untilMs: number
  readonly cursor: Json | undefined
  readonly signal: AbortSignal
}

export interface EventLogPage {
  readonly events: readonly LoggedEvent[]
  readonly next: Json | undefined
  /** Lower bound of the vendor's time of this read, microseconds. */
  readonly floor: number
}

export interface LoggedEvent {
  /** Undefined where the record has it no more. */
  readonly payload: Json | undefined
  readonly atMs: number
  /** What the record says of its deliveries to us, where it says anything. */
  readonly delivered?: {
    readonly ok: boolean
    /** The last attempt, in the vendor's terms. */
    readonly attempt: string
  }
}

/** Rows of `to` whose `part` shows `columns` of rows of `from`. */
export interface Dependency {
  /** Table whose change matters. */
  readonly from: string
  /** Registers of `from`: column names, or `+id` for one in `extra`. */
  readonly registers: readonly string[]
  readonly to: string
  readonly part: string
  /**
   * How the rows of `to` are found: `holds`, their column holds (or, an array, contains) the changed row's key;
   * `held`, the changed row's column holds their key; `self`, they are the changed rows.
   */
  readonly link: { readonly kind: 'holds' | 'held'; readonly column: string } | { readonly kind: 'self' }
}

/** How deliveries are told apart, proven genuine, and answered. */
export interface WebhookDoor {
  /** True where a delivery can be proven to be the vendor's: needed on a public address. */
  readonly guarded: boolean
  /** What the webhook's path must end in, if anything. */
  readonly pathSecret: string | undefined
  /** Checks a request; `now` in milliseconds. Never throws. */
  verify(request: WebhookRequest, now: number): Promise<Verdict>
  /** The answer to a handshake, or undefined for an event. */
  challenge(payload: Json): JsonObject | undefined
  /** What identifies the event however often it is delivered. */
  identify(payload: Json): EventIdentity
}

export interface WebhookRequest {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The last part of the path, if any. */
  readonly secret: string | undefined
}

export type Verdict = { readonly ok: true } | { readonly ok: false; readonly reason: string }

export interface EventIdentity {
  /** Undefined where the body carries no id: then its hash serves, within `horizonMs`. */
  readonly key: string | undefined
  /** What is hashed where there is no key, if not the body as it came. */
  readonly sameAs?: string
  readonly type: string | undefined
  readonly stream: string | undefined
  readonly entity: string | undefined
}

export interface WebhookAdmin {
  /** How long the vendor may deliver one event again, milliseconds. */
  readonly retryHorizonMs: number
  /** Those that `register` sees to. */
  readonly wanted: readonly { readonly stream: string; readonly event: string }[]
  /** Makes what is missing; each is named. `url` is complete. Idempotent. */
  register(url: string, signal: AbortSignal): Promise<WebhookChange[]>
  list(signal: AbortSignal): Promise<WebhookInfo[]>
  /** Removes those that Lockstep made. */
  remove(signal: AbortSignal): Promise<WebhookChange[]>
}

export interface WebhookInfo {
  readonly id: string
  readonly stream: string
  readonly event: string
  /** Made by this installation. */
  readonly ours: boolean
}

export interface WebhookChange {
  readonly stream: string
  readonly event: string
  readonly id: string | undefined
  readonly action: 'created' | 'kept' | 'removed' | 'failed'
  readonly error?: string
}

export interface Usage {
  readonly day: string
  readonly calls: number
  readonly rejected: number
  readonly dailyCap: number | undefined
  /** Milliseconds since 1970 until which no request may be made; why. */
  readonly blockedUntilMs: number | undefined
  readonly blockedBy: string | undefined
}

/** How a vendor answered the calls of one account for a while; times in milliseconds since 1970. */
export interface CallNote {
  /** Whose token asked. */
  readonly account: string
  /** Start of the five minutes in which the calls ended. */
  readonly slotMs: number
  /** Calls that ended, whatever the answer; those that were refused for asking too much are not among them. */
  readonly calls: number
  /** Those of them without a usable answer, or with one that refused the token. */
  readonly errors: number
  /** Refused for asking too much. */
  readonly rejected: number
  /** How long the calls took, by place: see `LATENCY_BOUNDS_MS`. */
  readonly latencies: readonly number[]
  readonly succeededAtMs: number | undefined
  readonly failedAtMs: number | undefined
  /** Failures since the last success that this note knows of. */
  readonly failuresInARow: number
  /** Of the last failure. */
  readonly error: string | undefined
}

/** What tells a source the time and lets it wait: the machine's, unless a simulation brings its own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Milliseconds of a clock that nobody sets; where it begins means nothing. */
  steady(): number
  /** Rejects with the signal's reason where it is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

/** Small facts about a vendor that outlive a restart, given to a source by whoever composes it. */
export interface SourceStore {
  read(kind: string): Promise<Readonly<Record<string, Json>>>
  write(kind: string, key: string, value: Json): Promise<void>
  /** The same for what nobody may read who reads the database. Throws a ConfigError where no key is given for it. */
  readSecrets(kind: string): Promise<Readonly<Record<string, string>>>
  writeSecret(kind: string, key: string, secret: string): Promise<void>
  remove(kind: string, key: string): Promise<void>
  /** Adds to what is known of how the vendor answers, by account. */
  noteCalls(notes: readonly CallNote[]): Promise<void>
  /** Adds to today's counts; returns their sums. */
  countCalls(
    day: string,
    calls: number,
    rejected: number,
    complexity: number,
  ): Promise<{ calls: number; rejected: number }>
}
