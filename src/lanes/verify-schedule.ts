import type { Database } from '../db/database.ts'
import type { Stream } from '../sources/contract.ts'
import type { Pipeline } from './pipeline.ts'
import { isReadWhole } from './verify-ledger.ts'

/** Of a day's calls, what slices of verification may spend. */
const SHARE = 0.1
/** Past this part of a day's calls nothing is verified: what is left is for events and deltas. */
const USED_MAX = 0.8
/** What is taken for the daily cap of a vendor that has none. */
const NO_CAP_CALLS = 25_000
const REST_MIN_MS = 3_600_000
const DAY_MS = 86_400_000

/** How long verification rests after a lap began that cost so many calls, so that it keeps to its share; ms. */
export const restMs = (calls: number, dailyCap: number | undefined): number =>
  (calls / (SHARE * (dailyCap ?? NO_CAP_CALLS))) * DAY_MS

export const mayVerify = (calls: number, dailyCap: number | undefined): boolean =>
  dailyCap === undefined || calls < USED_MAX * dailyCap

interface LastLap {
  stream: string
  started_ms: number
  calls: number
  is_open: boolean
}

/** The stream whose turn it is: one whose lap is under way, else the one that waited longest, once rest is over. */
export async function streamDue(
  db: Database,
  pipeline: Pipeline,
  now: Date,
): Promise<{ stream: Stream; isNewLap: boolean } | undefined> {
  const { app, source } = pipeline
  const usage = await source.usage()
  if (!mayVerify(usage.calls, usage.dailyCap)) return undefined
  const laps = new Map((await lastLaps(db, app)).map((lap) => [lap.stream, lap]))
  const open = source.streams.find((stream) => laps.get(stream.id)?.is_open === true)
  if (open !== undefined) return { stream: open, isNewLap: false }
  const rested = [...laps.values()].every(
    ({ started_ms, calls }) => started_ms + restMs(calls, usage.dailyCap) <= now.getTime(),
  )
  if (!rested) return undefined
  const lastOf = (stream: Stream): number => laps.get(stream.id)?.started_ms ?? -Infinity
  const waiting = source.streams
    // One that is read whole every few minutes is verified by that, and may be as old as that.
    .filter(({ deltas, maxAgeMs }) => deltas !== false || maxAgeMs === undefined)
    .filter((stream) => lastOf(stream) + REST_MIN_MS <= now.getTime())
    .sort((a, b) => lastOf(a) - lastOf(b))
  for (const stream of waiting) {
    if (await isReadWhole(db, app, stream.id)) return { stream, isNewLap: true }
  }
  return undefined
}

async function lastLaps(db: Database, app: string): Promise<LastLap[]> {
  const { rows } = await db.query<LastLap>(
    `select distinct on (r.stream) r.stream, (extract(epoch from r.started_at) * 1000)::float8 as started_ms,
       r.api_calls as calls, c.stream is not null as is_open
     from lockstep.runs as r
     left join lockstep.checkpoints as c
       on c.app = r.app and c.lane = 'sweep' and c.stream = r.stream and c.state ->> 'run' = r.id::text
     where r.app = $1 and r.lane = 'sweep' and (r.metadata ->> 'scheduled')::boolean
     order by r.stream, r.started_at desc`,
    [app],
  )
  return rows
}
