import type { Queryable } from '../db/database.ts'
import type { Refetch } from '../sources/contract.ts'

/** A claimed request: its `seq` tells whether it was repeated while the fetch was under way. */
export interface ClaimedKey {
  readonly key: string
  readonly seq: number
  readonly attempts: number
  /** Seconds since it was first asked for. */
  readonly age_s: number
  /** Whether it was asked for before, and not answered. */
  readonly asked: boolean
}

export interface ClaimedBatch {
  readonly stream: string
  readonly part: string
  readonly keys: readonly ClaimedKey[]
}

/** Makes wishes durable, one a key however many there are. Returns how many keys were asked for. */
export async function requestRefetch(
  db: Queryable,
  app: string,
  wanted: readonly Refetch[],
): Promise<number> {
  const unique = new Map<string, Omit<Refetch, 'keys'> & { key: string }>()
  for (const { keys, ...wish } of wanted) {
    for (const key of keys) {
      const id = `${wish.stream} ${wish.part} ${key}`
      const known = unique.get(id)
      if (known === undefined || (known.delayMs ?? 0) > (wish.delayMs ?? 0)) unique.set(id, { ...wish, key })
    }
  }
  if (unique.size === 0) return 0
  // Sorted, so that two batches that ask for the same keys lock them in one order.
  const sorted = [...unique.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, request]) => request)
  await db.query(
    `insert into lockstep.refetch as r (app, stream, part, key, reason, next_attempt_at)
     select $1, stream, part, key, reason, clock_timestamp() + make_interval(secs => delay_ms / 1000)
     from unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::float8[])
       as w (stream, part, key, reason, delay_ms)
     on conflict (app, stream, part, key) do update set
       seq = nextval('lockstep.refetch_seq'), reason = excluded.reason,
       -- Asked for anew: a "not there" is believed only when this wish, too, is older than a replica's lag.
       requested_at = excluded.requested_at,
       -- A wish that comes of the very read that is under way waits as it asks to.
       next_attempt_at = case when r.claimed_until > clock_timestamp() then excluded.next_attempt_at
         else least(r.next_attempt_at, excluded.next_attempt_at) end`,
    [
      app,
      sorted.map((r) => r.stream),
      sorted.map((r) => r.part),
      sorted.map((r) => r.key),
      sorted.map((r) => r.reason),
      sorted.map((r) => r.delayMs ?? 0),
    ],
  )
  return sorted.length
}

/** Past this a claim is taken to be lost with its node. Longer than the longest vendor call with its retries. */
export const CLAIM_S = 900

/** Whole rows, or the parts that are read apart and paced: neither must wait behind the other. */
export type Share = 'rows' | 'parts'

/** Claims up to `limit` due requests of the stream and part that has waited longest. */
export async function claimRefetch(
  db: Queryable,
  app: string,
  limit: number,
  share?: Share,
): Promise<ClaimedBatch | undefined> {
  const due = await db.query<{ stream: string; part: string }>(
    `select stream, part from lockstep.refetch
     where app = $1 and next_attempt_at <= clock_timestamp() and claimed_until < clock_timestamp()
       and ($2::boolean is null or (part = 'row') = $2)
     order by seq limit 1`,
    [app, share === undefined ? null : share === 'rows'],
  )
  const first = due.rows[0]
  if (first === undefined) return undefined
  const { rows } = await db.query<ClaimedKey>(
    // Each of the two reads its head of the index `refetch_order`. Those that only wait for company go along with what is
    // due: the call is made anyway.
    `with due as materialized (
       select key from lockstep.refetch
       where app = $1 and stream = $2 and part = $3 and claimed_until < clock_timestamp()
         and next_attempt_at <= clock_timestamp()
       order by seq limit $4 for update skip locked
     ), company as materialized (
       select key from lockstep.refetch
       where app = $1 and stream = $2 and part = $3 and claimed_until < clock_timestamp()
         and next_attempt_at > clock_timestamp() and attempts = 0 and error is null
       order by seq limit greatest(0, $4 - (select count(*) from due)) for update skip locked
     ), picked as (
       -- As an array: a join may be planned as a walk of the whole queue for each key.
       select array_agg(key) as keys from (select key from due union select key from company) as k
     )
     update lockstep.refetch as r set claimed_until = clock_timestamp() + make_interval(secs => $5)
     where r.app = $1 and r.stream = $2 and r.part = $3 and r.key = any ((select keys from picked)::text[])
     returning r.key, r.seq, r.attempts, extract(epoch from clock_timestamp() - r.requested_at)::float8 as age_s,
       r.error is not null as asked`,
    [app, first.stream, first.part, limit, CLAIM_S],
  )
  return rows.length === 0 ? undefined : { ...first, keys: rows }
}

/** Ends requests that were served, but those repeated meanwhile: they are due again. */
export async function settleRefetch(
  db: Queryable,
  app: string,
  { stream, part }: Pick<ClaimedBatch, 'stream' | 'part'>,
  served: readonly ClaimedKey[],
): Promise<void> {
  const params = [app, stream, part, served.map((k) => k.key), served.map((k) => k.seq)]
  await db.query(
    `delete from lockstep.refetch as r using unnest($4::text[], $5::bigint[]) as s (key, seq)
     where r.app = $1 and r.stream = $2 and r.part = $3 and r.key = s.key and r.seq = s.seq`,
    params,
  )
  await db.query(
    `update lockstep.refetch set claimed_until = '-infinity', attempts = 0, error = null, requested_at = clock_timestamp()
     where app = $1 and stream = $2 and part = $3 and key = any ($4::text[])`,
    params.slice(0, 4),
  )
}

/** Gives requests back, to be tried after a delay; `counted` where the failure was theirs. */
export async function postponeRefetch(
  db: Queryable,
  app: string,
  { stream, part }: Pick<ClaimedBatch, 'stream' | 'part'>,
  keys: readonly { key: string; delayMs: number }[],
  failure: { error: string | null; counted: boolean },
): Promise<void> {
  await db.query(
    `update lockstep.refetch as r set claimed_until = '-infinity', error = $6,
       attempts = r.attempts + case when $7 then 1 else 0 end,
       next_attempt_at = clock_timestamp() + make_interval(secs => k.delay_ms / 1000)
     from unnest($4::text[], $5::float8[]) as k (key, delay_ms)
     where r.app = $1 and r.stream = $2 and r.part = $3 and r.key = k.key`,
    [app, stream, part, keys.map((k) => k.key), keys.map((k) => k.delayMs), failure.error, failure.counted],
  )
}

/** Milliseconds until the next request is due; undefined where there is none. */
export async function nextRefetchInMs(
  db: Queryable,
  app: string,
  share?: Share,
): Promise<number | undefined> {
  const { rows } = await db.query<{ ms: number | null }>(
    `select (extract(epoch from min(greatest(next_attempt_at, claimed_until, clock_timestamp())) - clock_timestamp()) * 1000)::float8 as ms
     from lockstep.refetch where app = $1 and ($2::boolean is null or (part = 'row') = $2)`,
    [app, share === undefined ? null : share === 'rows'],
  )
  const ms = rows[0]?.ms
  return ms === null || ms === undefined ? undefined : Math.max(0, ms)
}
