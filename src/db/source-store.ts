import { ConfigError } from '../engine/errors.ts'
import { type Json, jsonText } from '../engine/observation.ts'
import type { CallNote, SourceStore } from '../sources/contract.ts'
import type { Database } from './database.ts'
import { encodeJson } from './storable.ts'
import { createSeal, type Seal } from './seal.ts'

/** A source's small lasting facts, kept in the database. */
export function sourceStore(db: Database, app: string, secretKey: string | undefined): SourceStore {
  const seal = secretKey === undefined ? undefined : createSeal(secretKey)
  const sealOf = (): Seal => {
    if (seal !== undefined) return seal
    throw new ConfigError(
      `${app} keeps secrets of its vendor: set LOCKSTEP_ENCRYPTION_KEY, 16 characters or more that nobody can guess`,
    )
  }
  const placeOf = (kind: string, key: string): string => `${app} ${kind} ${key}`
  const store: SourceStore = {
    async read(kind) {
      const { rows } = await db.query<{ key: string; value: Json }>(
        'select key, value from lockstep.source_state where app = $1 and kind = $2',
        [app, kind],
      )
      return Object.fromEntries(rows.map(({ key, value }) => [key, value]))
    },
    async write(kind, key, value) {
      await db.query(
        `insert into lockstep.source_state (app, kind, key, value) values ($1, $2, $3, $4)
         on conflict (app, kind, key) do update set value = excluded.value, updated_at = clock_timestamp()`,
        [app, kind, key, JSON.stringify(value)],
      )
    },
    async remove(kind, key) {
      await db.query('delete from lockstep.source_state where app = $1 and kind = $2 and key = $3', [
        app,
        kind,
        key,
      ])
    },
    noteCalls: (notes) => noteCalls(db, app, notes),
    async countCalls(day, calls, rejected, complexity) {
      const { rows } = await db.query<{ calls: string; rejected: number }>(
        `insert into lockstep.api_usage as u (app, day, calls, rejected, complexity) values ($1, $2, $3, $4, $5)
         on conflict (app, day) do update set calls = u.calls + excluded.calls,
           rejected = u.rejected + excluded.rejected, complexity = u.complexity + excluded.complexity
         returning calls, rejected`,
        [app, day, calls, rejected, complexity],
      )
      return { calls: Number(rows[0]?.calls ?? 0), rejected: rows[0]?.rejected ?? 0 }
    },
    async readSecrets(kind) {
      const kept = Object.entries(await store.read(`secret ${kind}`))
      return Object.fromEntries(
        kept.map(([key, sealed]) => [key, sealOf().open(jsonText(sealed), placeOf(kind, key))]),
      )
    },
    writeSecret: (kind, key, secret) =>
      store.write(`secret ${kind}`, key, sealOf().seal(secret, placeOf(kind, key))),
  }
  return store
}

/** Lets go of how vendors answered more than `days` ago; an account's last success and failure stay. */
export async function purgeVendorCalls(db: Database, days: number): Promise<void> {
  await db.query(
    'delete from lockstep.vendor_calls where slot < clock_timestamp() - make_interval(days => $1)',
    [days],
  )
}

/** An account's last calls, over several notes of one after another. */
function accountOf(notes: readonly CallNote[]): Record<string, Json> {
  const sorted = [...notes].sort((a, b) => a.slotMs - b.slotMs)
  let failures = 0
  let succeeded: number | null = null
  let failed: number | null = null
  let error: string | null = null
  for (const note of sorted) {
    failures = note.succeededAtMs === undefined ? failures + note.failuresInARow : note.failuresInARow
    succeeded = note.succeededAtMs ?? succeeded
    failed = note.failedAtMs ?? failed
    error = note.error ?? error
  }
  return { account: sorted[0]?.account ?? '', succeeded, failed, failures, error }
}

async function noteCalls(db: Database, app: string, notes: readonly CallNote[]): Promise<void> {
  const accounts = [...Map.groupBy(notes, ({ account }) => account).values()].map(accountOf)
  await db.query(
    `with slots as (
       insert into lockstep.vendor_calls as v (app, account, slot, calls, errors, rejected, latencies)
       select $1, account, to_timestamp("slotMs" / 1000), calls, errors, rejected, latencies
       from jsonb_to_recordset($2::jsonb) as n
         (account text, "slotMs" float8, calls int, errors int, rejected int, latencies int[])
       order by account, "slotMs"
       on conflict (app, account, slot) do update set calls = v.calls + excluded.calls,
         errors = v.errors + excluded.errors, rejected = v.rejected + excluded.rejected,
         latencies = lockstep.add_counts(v.latencies, excluded.latencies)
     )
     insert into lockstep.vendor_accounts as a
       (app, account, last_success_at, last_failure_at, failures_in_a_row, last_error)
     select $1, account, to_timestamp(succeeded / 1000), to_timestamp(failed / 1000), failures, error
     from jsonb_to_recordset($3::jsonb) as n
       (account text, succeeded float8, failed float8, failures int, error text)
     order by account
     on conflict (app, account) do update set
       last_success_at = greatest(a.last_success_at, excluded.last_success_at),
       last_failure_at = greatest(a.last_failure_at, excluded.last_failure_at),
       -- A success that another node noted late does not end what failed after it.
       failures_in_a_row = excluded.failures_in_a_row
         + case when excluded.last_success_at >= coalesce(a.last_failure_at, '-infinity') then 0
           else a.failures_in_a_row end,
       last_error = coalesce(excluded.last_error, a.last_error)`,
    [app, encodeJson(notes as unknown as Json), encodeJson(accounts)],
  )
}
