/** The public API: what a `lockstep.config.ts` and programs that run Lockstep inside themselves import. */
import type { Lockstep, LockstepOptions } from './cli/create-lockstep.ts'
import type { Source } from './sources/contract.ts'

export type { ApiContext, App, AppApi, Check, Job, JobContext, SourceContext } from './apps/contract.ts'
export { RefusedError } from './apps/refused.ts'
export { datacube, type DatacubeAppOptions } from './apps/datacube/index.ts'
export { portal, type PortalAppOptions } from './apps/portal/index.ts'
export { mondayAppSource, mondayBoards, type MondayAppOptions } from './apps/monday-boards/app.ts'
export type { Lockstep, LockstepOptions } from './cli/create-lockstep.ts'
export { type Config, defineConfig } from './config/config.ts'
export type { Settings } from './config/environment.ts'
export type { Queryable, Transaction } from './db/database.ts'
export {
  admit,
  type Admission,
  type BudgetLimits,
  type BudgetState,
  blockOf,
  emptyBudget,
  recordDayEnd,
  recordRejection,
  recordSent,
  shiftBudget,
  utcDay,
} from './engine/budget.ts'
export { type ClockOffset, observeDate, offsetMinMs, unknownOffset } from './engine/clock-offset.ts'
export {
  ConfigError,
  CursorExpiredError,
  DailyCapError,
  DatabaseError,
  LockstepError,
  VendorRefusedError,
  VendorUnavailableError,
} from './engine/errors.ts'
export {
  DELETED,
  extraRegister,
  type Json,
  type JsonObject,
  jsonText,
  type Observation,
  type ObservationKind,
  type Value,
} from './engine/observation.ts'
export { readFloor } from './engine/read-time.ts'
export { callRetry, nextDelayMs, type RetryPolicy } from './engine/retry.ts'
export { type Stamp, stamp, type StampParts } from './engine/stamp.ts'
export type { Change } from './mirror/apply.ts'
export {
  type ColumnSpec,
  type ColumnType,
  defineTable,
  type Owner,
  type TableInput,
  type TableSpec,
} from './mirror/table-spec.ts'
export type { BoardMapping, DecoderName, FieldMapping } from './sources/monday/mapping.ts'
export { machineClock } from './sources/clock.ts'
export type { EmailBisonOptions } from './sources/email-bison/source.ts'
export {
  type CallNote,
  type Clock,
  type Delivery,
  type Dependency,
  type EventIdentity,
  type EventLog,
  type EventLogPage,
  type EventLogRequest,
  type Fact,
  type FetchedRow,
  type KeysRequest,
  type LoggedEvent,
  type Outcome,
  type Page,
  type PageRequest,
  type Parsed,
  type Preparation,
  type RedeliverRequest,
  type Refetch,
  ROW,
  type Source,
  type SourceStore,
  type Stream,
  type Usage,
  type Verdict,
  type WebhookAdmin,
  type WebhookChange,
  type WebhookDoor,
  type WebhookInfo,
  type WebhookRequest,
} from './sources/contract.ts'

/** Checks a source's shape where it is written, and keeps its own type. */
export const defineSource = <S extends Source>(source: S): S => source

/**
 * Starts a node in this process, as `lockstep up` does in its own: opens the database (the embedded one where no URL
 * is given), migrates it, and serves. Throws a ConfigError, DatabaseError or MigrationError where it cannot.
 *
 * @example
 * const lockstep = await createLockstep({ config: defineConfig({ apps: [datacube()] }), settings: { port: 4200 } })
 * // …
 * await lockstep.stop()
 */
export async function createLockstep(options: LockstepOptions): Promise<Lockstep> {
  // Loaded only here: a configuration file imports this module at each start of every command.
  const { create } = await import('./cli/create-lockstep.ts')
  return create(options)
}
