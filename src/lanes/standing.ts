import type { Queryable } from '../db/database.ts'
import { ROW, type Stream } from '../sources/contract.ts'

/** A stream may be this many times as old as it is meant to get before somebody must know. */
const TOLERANCE = 2
/** How a stream that ages stands. */
export interface Standing {
  readonly stream: Stream
  /** Milliseconds since its last clean read began; where there was none, since it was first tried. */
  readonly ageMs: number
  /** Its last read that is over was not clean. */
  readonly failing: boolean
  /** Why; of the last that was not. */
  readonly error: string | undefined
  /** So old that people must know. */
  readonly stale: boolean
}

/**
 * How each stream stands that may only get so old. One that nobody has tried to read yet is left out.
 *
 * @param sinceMs what is older than this, milliseconds since 1970 on the database's clock, is not held against anybody:
 *   no node ran
 * @param staleMinMs younger than this none is stale, however young it is meant to be
 */
export async function readStandings(
  db: Queryable,
  app: string,
  streams: readonly Stream[],
  { sinceMs, staleMinMs }: { readonly sinceMs: number; readonly staleMinMs: number },
): Promise<Standing[]> {
  const aging = new Map(streams.filter((s) => s.maxAgeMs !== undefined).map((s) => [s.id, s]))
  const { rows } = await db.query<{
    stream: string
    age_ms: number
    whole: boolean
    failing: boolean
    error: string | null
  }>(
    `select s.stream, ok.started_at is not null as whole,
       (extract(epoch from clock_timestamp() - greatest(coalesce(ok.started_at, tried.first_at),
         to_timestamp($3::float8 / 1000))) * 1000)::float8 as age_ms,
       coalesce(last.status in ('partial', 'failed'), false) as failing, last.error
     from unnest($2::text[]) as s (stream)
     cross join lateral (
       select min(r.started_at) as first_at from unnest('{backfill,delta}'::text[]) as l (lane)
       cross join lateral (
         select started_at from lockstep.runs where app = $1 and lane = l.lane and stream = s.stream
         order by started_at limit 1) as r) as tried
     left join lateral (
       select max(r.started_at) as started_at from unnest('{backfill,delta}'::text[]) as l (lane)
       cross join lateral (
         select started_at from lockstep.runs
         where app = $1 and lane = l.lane and stream = s.stream and status = 'completed'
           and (l.lane = 'delta' or metadata ->> 'part' = $4)
         order by started_at desc limit 1) as r) as ok on true
     left join lateral (
       select r.status, r.error from unnest('{backfill,delta}'::text[]) as l (lane)
       cross join lateral (
         select status, error, started_at from lockstep.runs
         where app = $1 and lane = l.lane and stream = s.stream and status <> 'running'
         order by started_at desc limit 1) as r
       order by r.started_at desc limit 1) as last on true
     where tried.first_at is not null`,
    [app, [...aging.keys()], sinceMs, ROW],
  )
  return rows.flatMap(({ stream: id, age_ms: ageMs, whole, failing, error }) => {
    const stream = aging.get(id)
    if (stream?.maxAgeMs === undefined) return []
    const late = ageMs > Math.max(TOLERANCE * stream.maxAgeMs, staleMinMs)
    // A first pass may take its time, as long as it goes on.
    return [{ stream, ageMs, failing, error: error ?? undefined, stale: late && (whole || failing) }]
  })
}
