import { ConfigError } from '../engine/errors.ts'
import { type Json, jsonText } from '../engine/observation.ts'
import type { SourceStore } from '../sources/contract.ts'
import type { Database } from './database.ts'
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
