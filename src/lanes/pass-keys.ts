import { textArray } from '../db/arrays.ts'
import type { Queryable } from '../db/database.ts'
import { sqlName, type TableSpec } from '../mirror/table-spec.ts'
import type { Stream } from '../sources/contract.ts'

/** Keeps the keys that a pass met, for telling at its end which it did not. */
export async function rememberKeys(db: Queryable, run: string, keys: readonly string[]): Promise<void> {
  if (keys.length === 0) return
  await db.query('insert into lockstep.pass_keys (run_id, keys) values ($1, $2::text[])', [
    run,
    textArray(keys),
  ])
}

/** A pass of one stream. */
interface PassOf {
  readonly spec: TableSpec
  readonly stream: Pick<Stream, 'keyPrefix'>
  readonly run: string
}

/**
 * Keys that are here and that the pass did not meet. Rows that came or were read while it ran are left out: their
 * stamp was made after it began.
 */
export async function unmetKeys(db: Queryable, { spec, stream, run }: PassOf): Promise<string[]> {
  const { rows } = await db.query<{ key: string }>(
    // Keys alone, which an index tells, and then the stamps of those few that were not met.
    `with unmet as materialized (
       select t."${spec.key}" as key from ${sqlName(spec)} as t
       where starts_with(t."${spec.key}", $2) and not exists (
         select from (select unnest(p.keys) as key from lockstep.pass_keys as p where p.run_id = $1) as k
         where k.key = t."${spec.key}")
     )
     select u.key from unmet as u
     join ${sqlName(spec)} as t on t."${spec.key}" = u.key
     join lockstep.runs as r on r.id = $1
     where substr(t._stamp, 15, 14) <
       lpad(to_hex((extract(epoch from r.started_at) * 1000000)::bigint), 14, '0') collate "C"
     order by 1`,
    [run, stream.keyPrefix ?? ''],
  )
  return rows.map(({ key }) => key)
}
