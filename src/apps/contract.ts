import type { Database, Queryable, Transaction } from '../db/database.ts'
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
  /** Looks for data that does not fit together, for `doctor` and `status`. */
  readonly checks?: (db: Queryable) => Promise<Check[]>
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
  readonly run: (db: Database, now: Date) => Promise<void>
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
