import { type Database, isRefusal, type Queryable, type Transaction } from '../db/database.ts'
import {
  CursorExpiredError,
  DailyCapError,
  describeError,
  LockstepError,
  VendorUnavailableError,
} from '../engine/errors.ts'
import type { Json, Observation } from '../engine/observation.ts'
import { type Batch, collapseAll, prepare } from '../mirror/apply.ts'
import { sqlName } from '../mirror/table-spec.ts'
import { type FetchedRow, type Page, ROW, type Stream } from '../sources/contract.ts'
import { Convoy, type Place } from './convoy.ts'
import type { Touched } from './fan-out.ts'
import { findShown, type Shown, touchedSince } from './first-pass.ts'
import { holdLease, withLease } from './lease.ts'
import { type Arrival, arrive, observePage } from './observe.ts'
import { absorb, type Pipeline } from './pipeline.ts'
import { rememberKeys, unmetKeys } from './pass-keys.ts'
import { ReadAhead, type Reading } from './read-ahead.ts'
import { requestRefetch } from './refetch-queue.ts'
import { countPage, finishRun, pauseRun, readRun, resumeRun, type Run, startRun } from './runs.ts'

/** Where a pass stands: committed with the rows of the page that it follows (I7). */
interface Checkpoint {
  readonly run: string
  readonly cursor: Json
  /** Set where the last page is written: what is left to do is to end the pass. */
  readonly read?: true
  /** Set where nothing of the stream was here when the pass began: then nothing can be missing at its end. */
  readonly first?: true
  /** Times that the vendor's cursor ended before the pass did. */
  readonly restarts: number
  /** Microseconds on the vendor's clock when the pass began to read: where deltas take over. */
  readonly floor?: number
  /** Why this pass can't prove absence; empty while it can. */
  readonly gaps: readonly string[]
}

export interface BackfillOptions {
  readonly signal: AbortSignal
  /** Stop after about this many rows: a look, which proves nothing about the rest. */
  readonly limit?: number | undefined
  /** Begin anew even where an interrupted pass could go on. */
  readonly fresh?: boolean | undefined
  readonly onProgress?: ((run: { rows: number; total: number | undefined }) => void) | undefined
}

/** A pass that restarts this often can't finish within the life of its cursor. */
const RESTARTS_MAX = 3
const GAPS_KEPT = 5
/** Values that are read before those that were read before them are written. */
const VALUES_AHEAD = 120_000
/** A row counts as this many at least: 4,000 rows are enough for a transaction. */
const VALUES_MIN = 30

/**
 * Reads one part of a stream from its first page to its last, and resumes where a killed pass stopped. When a whole
 * pass was clean, keys that the mirror has and the pass did not meet are asked for by id (never just deleted).
 * Returns the closed run; undefined where another node is at it. Stops early, resumable, when `signal` aborts.
 */
export async function backfill(
  db: Database,
  pipeline: Pipeline,
  stream: Stream,
  part: string,
  options: BackfillOptions,
): Promise<Run | undefined> {
  const pass = new Pass(db, pipeline, stream, part, options)
  return withLease(db, pass.lease, () => pass.run())
}

/** Under which name a pass's checkpoint is kept. */
export const checkpointKey = (stream: Stream, part: string): string =>
  part === ROW ? stream.id : `${stream.id}/${part}`

class Pass {
  readonly lease: string
  private readonly db: Database
  private readonly pipeline: Pipeline
  private readonly stream: Stream
  private readonly part: string
  private readonly options: BackfillOptions
  private readonly key: string
  private rows = 0
  /** Of this run, and not all written yet. */
  private rowsRead = 0
  private shown: Shown = { since: Infinity, othersAlone: true }
  /** The vendor tells it with the first page alone. */
  private total: number | undefined
  /** It was to stop when a batch was written: those that were begun behind it are not kept. */
  private stopped = false

  constructor(db: Database, pipeline: Pipeline, stream: Stream, part: string, options: BackfillOptions) {
    this.db = db
    this.pipeline = pipeline
    this.stream = stream
    this.part = part
    this.options = options
    this.key = checkpointKey(stream, part)
    this.lease = `backfill ${pipeline.app} ${this.key}`
  }

  async run(): Promise<Run | undefined> {
    this.shown = await findShown(this.db, this.pipeline, this.stream, this.part)
    let checkpoint = await this.resume()
    try {
      for (;;) {
        try {
          checkpoint = await this.readToEnd(checkpoint)
          return await this.finish(checkpoint)
        } catch (error) {
          if (!(error instanceof CursorExpiredError) || checkpoint.restarts >= RESTARTS_MAX) throw error
          checkpoint = { ...checkpoint, cursor: null, restarts: checkpoint.restarts + 1 }
        }
      }
    } catch (error) {
      if (this.options.signal.aborted) return readRun(this.db, checkpoint.run)
      await this.stopShort(checkpoint, error)
      throw error
    }
  }

  /** A vendor that is away, or a day's cap, leaves the pass where it is; any other failure ends it. */
  private async stopShort({ run }: Checkpoint, error: unknown): Promise<void> {
    const passing = error instanceof DailyCapError || error instanceof VendorUnavailableError
    if (passing && this.isWhole && this.rows > 0) {
      await pauseRun(this.db, run, describeError(error))
      return
    }
    await this.dropCheckpoint(this.db)
    await finishRun(this.db, run, this.rows > 0 ? 'partial' : 'failed', describeError(error))
  }

  private async resume(): Promise<Checkpoint> {
    const { rows } = await this.db.query<{ state: Checkpoint }>(
      `select c.state from lockstep.checkpoints as c
       join lockstep.runs as r on r.id = (c.state ->> 'run')::uuid
       where c.app = $1 and c.lane = 'backfill' and c.stream = $2`,
      [this.pipeline.app, this.key],
    )
    const known = rows[0]
    if (known !== undefined && this.isWhole && this.options.fresh !== true) {
      await resumeRun(this.db, known.state.run)
      const run = await readRun(this.db, known.state.run)
      this.rows = run?.processed ?? 0
      return known.state
    }
    if (known !== undefined && this.isWhole) {
      await finishRun(this.db, known.state.run, 'partial', 'given up for a pass begun anew')
    }
    const metadata = { part: this.part, limit: this.options.limit ?? null }
    const run = await startRun(this.db, this.runKey(), metadata)
    const first = await this.findsNothing()
    return { run, cursor: null, restarts: 0, gaps: [], ...(first ? { first } : {}) }
  }

  /** Whether nothing of the stream is here yet. */
  private async findsNothing(): Promise<boolean> {
    const spec = this.pipeline.mirror.tables.get(this.stream.table)?.spec
    if (spec === undefined || this.part !== ROW) return false
    const { rowCount } = await this.db.query(
      `select from ${sqlName(spec)} where starts_with("${spec.key}", $1) limit 1`,
      [this.stream.keyPrefix ?? ''],
    )
    return rowCount === 0
  }

  /** A pass with a limit is a look: it leaves the checkpoint of a whole pass alone. */
  private get isWhole(): boolean {
    return this.options.limit === undefined
  }

  private runKey() {
    return {
      app: this.pipeline.app,
      lane: 'backfill',
      stream: this.stream.id,
      name: this.stream.name,
    } as const
  }

  /** Writes what was read while the pages before were written. */
  private async readToEnd(start: Checkpoint): Promise<Checkpoint> {
    if (start.read === true) return start
    const pages = new ReadAhead((cursor: Json) => this.readNext(cursor), start.cursor, VALUES_AHEAD)
    const convoy = new Convoy(start)
    try {
      let before: Promise<Checkpoint> = convoy.ended
      for (let ready = await this.prepareNext(pages, start); ready !== undefined;) {
        const batch = ready
        const written = convoy.join((place) => this.write(place, batch))
        // While the database writes this, what was read meanwhile is made ready.
        const next = Promise.race([pages.full(), written]).then(() => this.prepareNext(pages, start))
        // It is awaited after the write; until then, or where that fails, nobody listens to its failure.
        next.catch(() => {})
        await (this.overlaps ? before : written)
        before = written
        ready = await next
        if (ready !== undefined) this.options.signal.throwIfAborted()
      }
      return await convoy.ended
    } finally {
      await pages.stop()
      await convoy.ended.catch(() => {})
    }
  }

  /**
   * Whether a batch is written beside the one before it. Not where others are derived from its rows: that takes locks
   * which two batches would wait for in turn.
   */
  private get overlaps(): boolean {
    return this.pipeline.derive === undefined
  }

  private async prepareNext(
    pages: ReadAhead<Fetched, Json>,
    { first }: Checkpoint,
  ): Promise<Ready | undefined> {
    const fetched = await pages.take()
    if (fetched === undefined) return undefined
    const observations = fetched.flatMap(({ page, arrival }) =>
      observePage(this.stream, this.part, page, arrival, first === true),
    )
    return { fetched, observations, batch: await prepare(this.pipeline.mirror, observations) }
  }

  private async readNext(cursor: Json): Promise<Reading<Fetched, Json>> {
    const fetched = await this.fetch(cursor)
    const { rows, next } = fetched.page
    this.rowsRead += rows.length
    const { limit = Infinity } = this.options
    return { item: fetched, size: valuesOf(rows), next: this.rowsRead >= limit ? undefined : next }
  }

  private async fetch(cursor: Json): Promise<Fetched> {
    const arrival = await arrive(this.db)
    const page = await this.pipeline.source.readPage({
      stream: this.stream,
      part: this.part,
      cursor: cursor ?? undefined,
      newestFirst: false,
      signal: this.options.signal,
    })
    return { page, arrival }
  }

  private async write(
    place: Place<Checkpoint>,
    { fetched, observations, batch }: Ready,
  ): Promise<Checkpoint> {
    const pages = fetched.map(({ page }) => page)
    const gaps = pages.flatMap((page) => page.gaps)
    let written: Checkpoint
    try {
      written = await this.commit(place, pages, gaps, batch, touchedSince(this.shown, pages, observations))
    } catch (error) {
      if (!isRefusal(error)) throw error
      // A row that the database refuses is found by halving: the pass goes on without it, and says so.
      place.clearBehind()
      const refused = await this.writeInHalves(pages, observations)
      written = await this.commit(place, pages, [...gaps, ...refused], new Map(), undefined)
    }
    this.rows += rowsOf(pages)
    this.total = pages.findLast(({ total }) => total !== undefined)?.total ?? this.total
    this.options.onProgress?.({ rows: this.rows, total: this.total })
    this.stopped = this.options.signal.aborted
    return written
  }

  private after(checkpoint: Checkpoint, pages: readonly Page[], more: readonly string[]): Checkpoint {
    const gaps = [...new Set([...checkpoint.gaps, ...more])].slice(0, GAPS_KEPT)
    const { read: _read, ...standing } = checkpoint
    const [first, last] = [pages[0], pages.at(-1)]
    const floor = checkpoint.floor ?? first?.floor
    return {
      ...standing,
      cursor: last?.next ?? null,
      ...(last?.next === undefined ? { read: true } : {}),
      gaps,
      ...(floor === undefined ? {} : { floor }),
    }
  }

  /** The rows are written beside those of the batch ahead; the checkpoint follows its. */
  private async commit(
    place: Place<Checkpoint>,
    pages: readonly Page[],
    gaps: readonly string[],
    batch: Batch,
    touched: Touched | undefined,
  ): Promise<Checkpoint> {
    const refetches = pages.flatMap((page) => page.refetches ?? [])
    return this.db.transaction(async (tx, attempt) => {
      // What makes a transaction run again may be the batch behind; and this time it takes its tables for itself.
      if (attempt > 1) place.clearBehind()
      const { othersAlone } = this.shown
      const options = { attempt, refetches, touched, othersAlone }
      const { counts } = await absorb(tx, this.pipeline, batch, options)
      const after = this.after(await place.ahead(), pages, gaps)
      if (this.stopped) this.options.signal.throwIfAborted()
      await this.remember(tx, after, pages)
      await countPage(tx, after.run, rowsOf(pages), counts[this.stream.table], pages.length)
      if (!(await holdLease(tx, this.lease)))
        throw new LockstepError(`another node took over the ${this.lease}`)
      return after
    })
  }

  /** Writes what can be written; returns why each other row could not. */
  private async writeInHalves(
    pages: readonly Page[],
    observations: readonly Observation[],
  ): Promise<string[]> {
    const refused: string[] = []
    const half = Math.ceil(observations.length / 2)
    for (const part of [observations.slice(0, half), observations.slice(half)]) {
      if (part.length === 0) continue
      try {
        const batch = collapseAll(this.pipeline.mirror, part)
        const touched = touchedSince(this.shown, pages, part)
        const { othersAlone } = this.shown
        await this.db.transaction((tx, attempt) =>
          absorb(tx, this.pipeline, batch, { attempt, touched, othersAlone }),
        )
      } catch (error) {
        if (!isRefusal(error)) throw error
        if (part.length > 1) refused.push(...(await this.writeInHalves(pages, part)))
        else refused.push(`row ${part[0]?.key} was refused: ${describeError(error)}`)
      }
    }
    return refused
  }

  private async remember(tx: Transaction, checkpoint: Checkpoint, pages: readonly Page[]): Promise<void> {
    if (!this.isWhole) return
    await tx.query(
      `insert into lockstep.checkpoints (app, lane, stream, state) values ($1, 'backfill', $2, $3)
       on conflict (app, lane, stream) do update set state = excluded.state, updated_at = clock_timestamp()`,
      [this.pipeline.app, this.key, JSON.stringify(checkpoint)],
    )
    if (checkpoint.first === true) return
    await rememberKeys(
      tx,
      checkpoint.run,
      pages.flatMap((page) => page.rows.map((row) => row.key)),
    )
  }

  private async finish({ run, gaps, restarts, floor, first }: Checkpoint): Promise<Run | undefined> {
    const facts = { ...(restarts > 0 ? { restarts } : {}), ...(floor === undefined ? {} : { floor }) }
    await this.db.query(`update lockstep.runs set metadata = metadata || $2 where id = $1`, [run, facts])
    if (gaps.length === 0 && this.isWhole) {
      await this.db.transaction(async (tx) => {
        // What a first pass did not meet came by events while it read.
        if (first !== true) await this.askForMissing(tx, run)
        await this.confirm(tx)
        await finishRun(tx, run, 'completed')
        await this.dropCheckpoint(tx)
      })
    } else {
      const reason = this.isWhole ? gaps.join('; ') : `stopped at --limit ${this.options.limit}`
      await finishRun(this.db, run, 'partial', reason)
      await this.dropCheckpoint(this.db)
    }
    return readRun(this.db, run)
  }

  /** Pages shift under a pass, so a key that it did not meet may well exist. */
  private async askForMissing(tx: Transaction, run: string): Promise<void> {
    const { stream, part } = this
    const spec = this.pipeline.mirror.tables.get(stream.table)?.spec
    if (spec === undefined) return
    const keys = await unmetKeys(tx, { spec, stream, run })
    const reason = 'not met by a full pass'
    await requestRefetch(tx, this.pipeline.app, [{ stream: stream.id, part, keys, reason }])
  }

  private async confirm(tx: Transaction): Promise<void> {
    if (this.part !== ROW) return
    await tx.query(
      `insert into lockstep.freshness (app, stream, table_name, full_pass_at) values ($1, $2, $3, clock_timestamp())
       on conflict (app, stream) do update set full_pass_at = excluded.full_pass_at,
         table_name = excluded.table_name`,
      [this.pipeline.app, this.stream.id, this.stream.table],
    )
  }

  private async dropCheckpoint(db: Queryable): Promise<void> {
    if (!this.isWhole) return
    await db.query(`delete from lockstep.checkpoints where app = $1 and lane = 'backfill' and stream = $2`, [
      this.pipeline.app,
      this.key,
    ])
  }
}

const rowsOf = (pages: readonly Page[]): number => pages.reduce((sum, page) => sum + page.rows.length, 0)

/** The rows of a page are alike: one is counted. */
function valuesOf(rows: readonly FetchedRow[]): number {
  const [row] = rows
  if (row === undefined) return 0
  return rows.length * Math.max(VALUES_MIN, Object.keys({ ...row.values, ...row.extra }).length)
}

/** Pages, and what is written of them. */
interface Ready {
  readonly fetched: readonly Fetched[]
  readonly observations: readonly Observation[]
  readonly batch: Batch
}

interface Fetched {
  readonly page: Page
  readonly arrival: Arrival
}
