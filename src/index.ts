/** The public API: what a `lockstep.config.ts` and programs that run Lockstep inside themselves import. */
import type { Lockstep, LockstepOptions } from './cli/create-lockstep.ts'
import type { Source } from './sources/contract.ts'

export type { App, Check, Job, SourceContext } from './apps/contract.ts'
export { datacube, type DatacubeAppOptions } from './apps/datacube/index.ts'
export { portal, type PortalAppOptions } from './apps/portal/index.ts'
export { mondayAppSource, mondayBoards, type MondayAppOptions } from './apps/monday-boards/app.ts'
export type { Lockstep, LockstepOptions } from './cli/create-lockstep.ts'
export { type Config, defineConfig } from './config/config.ts'
export type { Settings } from './config/environment.ts'
export type { Queryable, Transaction } from './db/database.ts'
export {
  ConfigError,
  CursorExpiredError,
  DailyCapError,
  DatabaseError,
  LockstepError,
  VendorRefusedError,
  VendorUnavailableError,
} from './engine/errors.ts'
export type { Json, JsonObject, Observation, Value } from './engine/observation.ts'
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
export type { EmailBisonOptions } from './sources/email-bison/source.ts'
export type {
  Delivery,
  EventLog,
  Fact,
  FetchedRow,
  KeysRequest,
  Page,
  PageRequest,
  Parsed,
  Refetch,
  Source,
  SourceStore,
  Stream,
  WebhookAdmin,
  WebhookDoor,
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
