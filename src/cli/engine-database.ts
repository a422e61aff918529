import { sqlState } from '../db/database.ts'
import { LockstepError } from '../engine/errors.ts'
import { type Context, openDatabase, type OpenDatabase, readContext } from './context.ts'

const UNDEFINED_TABLE = '42P01'
const UNDEFINED_SCHEMA = '3F000'

/** Opens the database for a command that needs no app, and closes it whatever happens. */
export async function withDatabase<T>(
  name: string,
  work: (database: OpenDatabase, context: Context) => Promise<T>,
): Promise<T> {
  const context = await readContext()
  const database = await openDatabase(context, `lockstep-${name}`)
  try {
    return await work(database, context)
  } catch (error) {
    const state = sqlState(error)
    if (state !== UNDEFINED_TABLE && state !== UNDEFINED_SCHEMA) throw error
    throw new LockstepError(
      'the database has no tables of Lockstep yet. Run "lockstep db migrate", or "lockstep up"',
      {
        cause: error,
      },
    )
  } finally {
    await database.close()
  }
}
