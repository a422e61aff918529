import type { OpenAPIHono } from '@hono/zod-openapi'
import type { Database, Queryable, Transaction } from '../db/database.ts'
import type { Log } from '../jobs/log.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import type { Change } from '../mirror/apply.ts'
import type { TableSpec } from '../mirror/table-spec.ts'
import type { Fact, Source, SourceStore } from '../sources/contract.ts'

/** What turns a vendor's records into tables that mean something: mapping, derived data, jobs, checks. */
export interface App {
  /** Lower-case name: the `:app` of routes and commands. */
  readonly name: string
  readonly tables: readonly TableSpec[]
  /** Folders of migrations, applied in this order after the engine's. */
  readonly migrations: readonly { readonly set: string; readonly folder: string }[]
  /** Makes the app's source. Called once a process. Throws a ConfigError where a setting is missing. */
  readonly source: (store: SourceStore, context: SourceContext) => Source
  /**
   * Recomputes what depends on these changes, set-based, in the transaction that made them. Must lock the rows that
   * it recomputes, in key order, in a statement of its own before it reads their inputs.
   */
  readonly derive?: (tx: Transaction, changes: readonly Change[]) => Promise<void>
  /**
   * Keeps what happened, in the transaction that settles the deliveries that told it. The same fact may come again,
   * from another delivery or by another way: it must count once. Must lock what it changes in key order.
   */
  readonly record?: (tx: Transaction, facts: readonly Fact[]) => Promise<void>
  /** Runs once at each start, after the migrations: for settings that change derived data. */
  readonly start?: (db: Database) => Promise<void>
  readonly jobs?: readonly Job[]
  /** Where messages of purposes of the app's own go: purpose → Slack incoming webhook. Not kept anywhere else. */
  readonly slack?: () => Readonly<Record<string, string | undefined>>
  /**
   * Reads again what past days were, for `lockstep sync <app> --date`. Killed anywhere, the same request goes on where
   * it was. Throws a ConfigError for days that cannot be read.
   */
  readonly backfill?: (db: Database, request: BackfillRequest) => Promise<Backfilled>
  /** Looks for data that does not fit together, for `doctor` and `status`. */
  readonly checks?: (db: Queryable) => Promise<Check[]>
  /**
   * Adds the app's routes to a router that is mounted at `/api/v1/<name>`, behind the key, and described at
   * `/api/openapi.json`. A route that refuses throws a RefusedError. Called once in a process that serves.
   */
  readonly api?: (routes: OpenAPIHono, context: ApiContext) => Promise<AppApi>
}

export interface BackfillRequest {
  readonly pipeline: Pipeline
  /** Days of the app's own calendar, `YYYY-MM-DD`, both included; undefined: all that there ever were. */
  readonly days: { readonly from: string; readonly to: string } | undefined
  readonly now: Date
  /** Begin anew even where an interrupted one could go on. */
  readonly fresh: boolean
  /** Stops after what is in hand; that is kept. */
  readonly signal: AbortSignal
  readonly onProgress?: ((progress: { readonly done: number; readonly total: number }) => void) | undefined
}

export interface Backfilled {
  readonly from: string
  readonly to: string
  /** Accounts whose days were read. */
  readonly accounts: number
  /** Days of accounts whose figures were written; those that an interrupted one had written before are not among them. */
  readonly days: number
  /** Days of accounts that it had. */
  readonly resumed: number
  /** Events that were missing, and now are here. */
  readonly events: number
  readonly failures: readonly { readonly name: string; readonly error: string }[]
  /** What a person should know of the result. */
  readonly notes: readonly string[]
}

export interface ApiContext {
  readonly db: Database
  readonly log: Log
}

export interface AppApi {
  /** Ends what the routes do in the background; no request comes any more. */
  stop(): Promise<void>
}

export interface SourceContext {
  /** The URL at which the vendor calls this app's webhook, with its path secret; undefined where none is known. */
  readonly webhookUrl: () => string | undefined
}

/** Work on a schedule of its own. */
export interface Job {
  readonly name: string
  /** Five-field cron expression, in `timeZone` (default UTC). */
  readonly cron: string
  readonly timeZone?: string
  readonly run: (db: Database, now: Date, context: JobContext) => Promise<void>
}

export interface JobContext {
  /** The app's own. */
  readonly pipeline: Pipeline
  /** Aborts when the node stops. */
  readonly signal: AbortSignal
}

export interface Check {
  readonly name: string
  /** How many rows are affected; 0 is good. */
  readonly count: number
  readonly level: 'ok' | 'info' | 'warning'
  /** What it means and what to do about it. */
  readonly detail: string
  /** Up to ten keys. */
  readonly examples: readonly string[]
}
