import type { Database } from '../db/database.ts'
import { dueAt, phaseOf } from '../engine/age.ts'
import { describeError } from '../engine/errors.ts'
import { ROW, type Stream } from '../sources/contract.ts'
import { backfill } from './backfill.ts'
import { delta } from './delta.ts'
import type { Pipeline } from './pipeline.ts'
import type { Run } from './runs.ts'

/**
 * Streams of one budget and one age that are read side by side. The budget paces them all; but those that may get five
 * minutes old are long, and those that may get one minute old must not wait for a place among them.
 */
const AT_ONCE = 6
/** Of one budget, those that could not be read the last time: a vendor that lets callers hang would have all places. */
const FAILING_AT_ONCE = 2
/** A stream of which no page came for so long waits for a vendor that fails: it keeps no place from others. */
const STUCK_MS = 5_000
/** One that another node reads, or that ended without a trace, is not looked at again before this. */
const REST_MS = 5_000

export interface Ended {
  readonly runs: readonly Run[]
  readonly failures: readonly { readonly stream: string; readonly error: string }[]
}

export interface Aged extends Ended {
  /** Milliseconds until the next stream is due; undefined where none ages. */
  readonly nextInMs: number | undefined
}

interface Reading {
  readonly due: Due
  readonly done: Promise<void>
  /** When it was last seen to come on, on the database's clock, milliseconds. */
  movedAt: number
}

interface Due {
  readonly stream: Stream
  /** Of its age: 0 is due now, above is late. */
  readonly lateness: number
  readonly dueInMs: number
  readonly failing: boolean
}

/**
 * Reads the streams again that were confirmed longer ago than they may be, the latest of them first. A stream that was
 * never read whole is left to the first pass.
 */
export class Aging {
  private readonly db: Database
  private readonly pipeline: Pipeline
  private readonly reading = new Map<string, Reading>()
  /** Streams of which a page came since the last look. */
  private readonly moved = new Set<string>()
  /** The database's clock at the last look, milliseconds. */
  private now = 0
  /** Until when, on the database's clock, milliseconds; undefined until that is next read. */
  private readonly resting = new Map<string, number | undefined>()
  private runs: Run[] = []
  private failures: { stream: string; error: string }[] = []

  constructor(db: Database, pipeline: Pipeline) {
    this.db = db
    this.pipeline = pipeline
  }

  /**
   * Begins to read what is due and has room, and does not wait for it. `onEnd` is called after each stream, whose place
   * is then free. Returns the milliseconds until the next is due; undefined where none ages.
   */
  async step(signal: AbortSignal, onEnd: () => void = () => {}): Promise<number | undefined> {
    const due = await this.look()
    const waiting = due.filter((one) => one.dueInMs <= 0).sort((a, b) => b.lateness - a.lateness)
    for (const one of waiting) {
      if (signal.aborted || !this.hasRoom(one)) continue
      const done = this.read(one, signal).finally(() => {
        this.reading.delete(one.stream.id)
        onEnd()
      })
      this.reading.set(one.stream.id, { due: one, done, movedAt: this.now })
    }
    // What is late and has no room is looked at when there is some.
    const rest = due.filter((one) => one.dueInMs > 0).map(({ dueInMs }) => dueInMs)
    return rest.length > 0 ? Math.min(...rest) : due.length > 0 ? REST_MS : undefined
  }

  /** What has ended since this was last asked. */
  take(): Ended {
    const { runs, failures } = this
    this.runs = []
    this.failures = []
    return { runs, failures }
  }

  /** Resolves when nothing is being read. */
  async idle(): Promise<void> {
    while (this.reading.size > 0) await Promise.all([...this.reading.values()].map(({ done }) => done))
  }

  private hasRoom({ stream, failing }: Due): boolean {
    const beside = [...this.reading.values()].filter(({ due }) => due.stream.budget === stream.budget)
    const alike = beside.filter(
      ({ due, movedAt }) => due.stream.maxAgeMs === stream.maxAgeMs && movedAt > this.now - STUCK_MS,
    )
    const ill = beside.filter(({ due }) => due.failing)
    return alike.length < AT_ONCE && (!failing || ill.length < FAILING_AT_ONCE)
  }

  private async read({ stream }: Due, signal: AbortSignal): Promise<void> {
    const { db, pipeline } = this
    try {
      const run = await (stream.deltas === false
        ? backfill(db, pipeline, stream, ROW, { signal, onProgress: () => this.moved.add(stream.id) })
        : delta(db, pipeline, stream, { signal }))
      if (run !== undefined) this.runs.push(run)
      if (run?.status !== 'completed') this.resting.set(stream.id, undefined)
    } catch (error) {
      this.resting.set(stream.id, undefined)
      this.failures.push({ stream: stream.name, error: describeError(error) })
    }
  }

  /** The streams that are not being read, and when each is due. */
  private async look(): Promise<Due[]> {
    const streams = this.pipeline.source.streams.filter(({ maxAgeMs }) => maxAgeMs !== undefined)
    if (streams.length === 0) return []
    const ages = await readAges(this.db, this.pipeline.app, streams)
    for (const { now } of ages.values()) this.now = now
    for (const [id, reading] of this.reading) if (this.moved.has(id)) reading.movedAt = this.now
    this.moved.clear()
    return streams.flatMap((stream): Due[] => {
      const age = ages.get(stream.id)
      const { id, maxAgeMs = Infinity } = stream
      if (age === undefined || this.reading.has(id)) return []
      const due = dueAt(age, { maxAgeMs, phase: phaseOf(id) })
      const dueInMs = Math.max(due, this.restsUntil(id, age.now)) - age.now
      return [{ stream, lateness: -dueInMs / maxAgeMs, dueInMs, failing: age.triedAt !== undefined }]
    })
  }

  private restsUntil(id: string, now: number): number {
    if (!this.resting.has(id)) return -Infinity
    const until = this.resting.get(id) ?? now + REST_MS
    if (until > now) this.resting.set(id, until)
    else this.resting.delete(id)
    return until
  }
}

/** Reads all that is due, until nothing is or the rest could not be read. */
export async function refreshAged(db: Database, pipeline: Pipeline, signal: AbortSignal): Promise<Aged> {
  const aging = new Aging(db, pipeline)
  const runs: Run[] = []
  const failures: { stream: string; error: string }[] = []
  for (;;) {
    const nextInMs = await aging.step(signal)
    await aging.idle()
    const ended = aging.take()
    runs.push(...ended.runs)
    failures.push(...ended.failures)
    if (ended.runs.length + ended.failures.length === 0 || signal.aborted) return { runs, failures, nextInMs }
  }
}

interface Age {
  readonly now: number
  readonly beganAt: number
  readonly triedAt: number | undefined
}

/** Of those that were read whole once: when their last clean read began, and an attempt since then. */
async function readAges(
  db: Database,
  app: string,
  streams: readonly Stream[],
): Promise<ReadonlyMap<string, Age>> {
  const { rows } = await db.query<{ stream: string; now: number; began: number; tried: number | null }>(
    `select s.stream, (extract(epoch from clock_timestamp()) * 1000)::float8 as now,
       (extract(epoch from coalesce(ok.started_at, greatest(f.full_pass_at, f.delta_at))) * 1000)::float8 as began,
       (extract(epoch from last.seen_at) * 1000)::float8 as tried
     from unnest($2::text[]) as s (stream)
     join lockstep.freshness as f on f.app = $1 and f.stream = s.stream and f.full_pass_at is not null
     left join lateral (
       select max(r.started_at) as started_at from unnest('{backfill,delta}'::text[]) as l (lane)
       cross join lateral (
         select started_at from lockstep.runs
         where app = $1 and lane = l.lane and stream = s.stream and status = 'completed'
           and (l.lane = 'delta' or metadata ->> 'part' = 'row')
         order by started_at desc limit 1) as r) as ok on true
     left join lateral (
       -- A pass that was interrupted goes on as the run that it was: what counts is when it was last at work.
       select max(coalesce(r.finished_at, r.heartbeat_at)) as seen_at from unnest('{backfill,delta}'::text[]) as l (lane)
       cross join lateral (
         select started_at, finished_at, heartbeat_at from lockstep.runs
         where app = $1 and lane = l.lane and stream = s.stream
         order by started_at desc limit 1) as r
       where ok.started_at is null or r.started_at > ok.started_at) as last on true`,
    [app, streams.map(({ id }) => id)],
  )
  return new Map(
    rows.map(({ stream, now, began, tried }) => [
      stream,
      { now, beganAt: began, triedAt: tried ?? undefined },
    ]),
  )
}
