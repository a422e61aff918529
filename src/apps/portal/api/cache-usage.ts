import type { Report } from '../../../cache/usage.ts'
import type { Queryable } from '../../../db/database.ts'

const KEEP_KEYS = `insert into public.data_cache_metadata as m (cache_key, workspace_name, last_updated_at, expires_at,
  hit_count, miss_count, size_bytes, load_ms, error)
select key, label, coalesce(as_of, clock_timestamp()), expires_at, hits, misses, size, load_ms, error
from unnest($1::text[], $2::text[], $3::timestamptz[], $4::timestamptz[], $5::bigint[], $6::bigint[], $7::bigint[],
  $8::int[], $9::text[]) as t (key, label, as_of, expires_at, hits, misses, size, load_ms, error)
order by key
on conflict (cache_key) do update set
  workspace_name = excluded.workspace_name,
  hit_count = m.hit_count + excluded.hit_count,
  miss_count = m.miss_count + excluded.miss_count,
  (last_updated_at, expires_at, size_bytes, load_ms) = (
    -- Without an expiry nothing was read in this while; of several nodes the newest answer is shown.
    select case when n then excluded.last_updated_at else m.last_updated_at end,
      case when n then excluded.expires_at else m.expires_at end,
      case when n then excluded.size_bytes else m.size_bytes end,
      case when n then excluded.load_ms else m.load_ms end
    from (select coalesce(excluded.expires_at >= coalesce(m.expires_at, '-infinity'), false) as n) as newer),
  error = case when excluded.expires_at is null and excluded.error is null then m.error else excluded.error end`

const KEEP_CALLS = `insert into public.function_call_logs (function_name, workspace_name, cache_hit, success, calls,
  response_time_ms, called_at)
select name, label, hit, success, calls, ms, at
from unnest($1::text[], $2::text[], $3::bool[], $4::bool[], $5::int[], $6::int[], $7::timestamptz[])
  as t (name, label, hit, success, calls, ms, at)`

const iso = (ms: number): string => new Date(ms).toISOString()

/** Adds what happened to the cached answers to `data_cache_metadata`, and the calls to `function_call_logs`. */
export async function keepUsage(db: Queryable, { keys, calls }: Report): Promise<void> {
  if (keys.length > 0)
    await db.query(KEEP_KEYS, [
      keys.map(({ key }) => key),
      keys.map(({ label }) => label ?? null),
      keys.map(({ asOf }) => (asOf === undefined ? null : iso(asOf))),
      keys.map(({ expiresAt }) => (expiresAt === undefined ? null : iso(expiresAt))),
      keys.map(({ hits }) => hits),
      keys.map(({ misses }) => misses),
      keys.map(({ sizeBytes }) => sizeBytes ?? null),
      keys.map(({ loadMs }) => loadMs ?? null),
      keys.map(({ error }) => error ?? null),
    ])
  if (calls.length > 0)
    await db.query(KEEP_CALLS, [
      calls.map(({ name }) => `api.${name}`),
      calls.map(({ label }) => label ?? null),
      calls.map(({ hit }) => hit),
      calls.map(({ success }) => success),
      calls.map((call) => call.calls),
      calls.map(({ totalMs, calls }) => Math.round(totalMs / calls)),
      calls.map(({ lastAt }) => iso(lastAt)),
    ])
}
