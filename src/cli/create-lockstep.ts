import type { Config } from '../config/config.ts'
import { readSettings, type Settings } from '../config/environment.ts'
import type { Queryable } from '../db/database.ts'
import { type Context, HOME, openAll, refuseOpenDoors } from './context.ts'
import { createLog, type Role, startServer } from './server.ts'

export interface LockstepOptions {
  readonly config: Config
  /** Instead of what the environment says. */
  readonly settings?: Partial<Settings>
  /** `ingest`: the door and the API; `worker`: the rest; default `all`. */
  readonly role?: Role
}

/** A node that runs in this process. */
export interface Lockstep {
  /** Of its door, API and status page. */
  readonly url: string
  readonly databaseUrl: string
  readonly db: Queryable
  /** Ends it clean: finishes what is under way, then closes the database. */
  stop(): Promise<void>
}

export async function create({ config, settings: given, role = 'all' }: LockstepOptions): Promise<Lockstep> {
  const settings: Settings = { ...readSettings(process.env), ...given }
  const context: Context = { settings, home: settings.home ?? HOME, config: async () => config }
  const opened = await openAll(context, `lockstep-${role}`)
  try {
    refuseOpenDoors(settings, opened.pipelines)
    const server = await startServer({ ...opened, settings, role, log: createLog(settings.logLevel) })
    return {
      url: server.url,
      databaseUrl: opened.db.url,
      db: opened.db,
      async stop() {
        await server.stop()
        await opened.close()
      },
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}
