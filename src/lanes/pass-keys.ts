import { textArray } from '../db/arrays.ts'
import type { Queryable } from '../db/database.ts'

/** Keeps the keys that a pass met, for telling at its end which it did not. */
export async function rememberKeys(db: Queryable, run: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await db.query('insert into lockstep.pass_keys (run_id, keys) values ($1, $2::text[])', [
    run,
    textArray(keys),
  ])
}

/** SQL: that the pass of run $1 did not meet this key. */
export const unmet = (key: string): string => `not exists (
  select from (select unnest(p.keys) as key from lockstep.pass_keys as p where p.run_id = $1) as k
  where k.key = ${key})`
