import type { Database } from '../db/database.ts'
import { CursorExpiredError, DailyCapError, describeError, VendorUnavailableError } from '../engine/errors.ts'
import { SETTLE_MS } from '../engine/read-time.ts'
import { countCells, type RowDifference } from '../mirror/compare.ts'
import { sqlName } from '../mirror/table-spec.ts'
import { type Page, ROW, type Stream } from '../sources/contract.ts'
import { holdLease } from './lease.ts'
import { rememberKeys, unmetKeys } from './pass-keys.ts'
import type { Pipeline } from './pipeline.ts'
import { countPage, finishRun, pauseRun, readRun, resumeRun, type Run, startRun } from './runs.ts'
import { confirm, type Suspect } from './verify-confirm.ts'
import {
  deltaMark,
  driftOf,
  dropLap,
  type Example,
  type Figures,
  type Lap,
  noFigures,
  readLap,
  recordDrift,
  saveLap,
} from './verify-ledger.ts'
import { compareFetched, toTheirs } from './verify-look.ts'
import { mend } from './verify-mend.ts'
import type { Subject } from './verify-subject.ts'

export interface PassOptions {
  readonly signal: AbortSignal
  /** Mend what is found. */
  readonly repair: boolean
  /** Read the parts that are paced apart too, such as formulas. */
  readonly formulas: boolean
  /** How long a difference must last to count; default 30 s and as long as the source lets requests wait. */
  readonly settleMs?: number | undefined
  readonly patienceMs?: number | undefined
  readonly mendMs?: number | undefined
  /** Share of the rows compared that may differ before `reconcile` is called instead of mending row by row. */
  readonly tolerance: number
  /** Serves the requests for rows that are due. */
  readonly serve: () => Promise<void>
  readonly reconcile: (stream: Stream, keepLease: () => void) => Promise<void>
  readonly onProgress?: ((part: string, rows: number, total: number | undefined) => void) | undefined
  /** A slice of a lap: stops after some pages, and goes on there the next time. */
  readonly slice?: { readonly pagesMin: number } | undefined
}

export interface Verification extends Figures {
  readonly table: string
  readonly stream: string
  readonly run: Run
  readonly reconciled: boolean
  readonly examples: readonly Example[]
  /** False where a slice ended before the lap did. */
  readonly done: boolean
}

const RESTARTS_MAX = 3
const GAPS_KEPT = 5
const EXAMPLES_MAX = 10
const EXAMPLE_CHARS = 200
const PATIENCE_MS = 60_000
/** A read outranks what is stored `settle` after that was stamped; a little more for the reading itself. */
const MEND_MS = SETTLE_MS + 5_000
/** More suspects than this are looked at before the pass goes on: they are kept in memory. */
const SUSPECTS_MAX = 2_000
/** A vendor's cursor lives for an hour and slices come every ten minutes: four leave room for one that is late. */
const SLICES_A_PART = 4

/** One pass over a stream, or one slice of it. The caller holds the lease. */
export class VerifyPass {
  private readonly subject: Subject
  private readonly options: PassOptions
  private readonly lap: Lap
  /** There is a checkpoint to go on from. */
  private readonly isResumed: boolean
  private readonly suspects = new Map<string, Suspect>()
  /** Keys that were counted, so that a row that differs in two parts is one row. */
  private readonly counted = new Set<string>()
  private pages = 0
  private total: number | undefined

  private constructor(subject: Subject, options: PassOptions, lap: Lap, isResumed: boolean) {
    this.isResumed = isResumed
    this.subject = subject
    this.options = options
    this.lap = lap
  }

  static async begin(
    db: Database,
    pipeline: Pipeline,
    stream: Stream,
    lease: string,
    options: PassOptions,
  ): Promise<VerifyPass> {
    const { signal, settleMs, patienceMs, mendMs } = options
    const spec = pipeline.mirror.tables.get(stream.table)?.spec
    if (spec === undefined) throw new Error(`stream ${stream.name}: no table ${stream.table}`)
    const { app, source } = pipeline
    const known = options.slice === undefined ? undefined : await readLap(db, app, stream.id)
    if (known !== undefined) await resumeRun(db, known.run)
    const key = { app, lane: 'sweep', stream: stream.id, name: stream.name } as const
    const metadata = { repair: options.repair, scheduled: options.slice !== undefined }
    const lap = known ?? newLap(await startRun(db, key, metadata))
    const subject = {
      db, pipeline, stream, spec, run: lap.run, lease, signal, serve: options.repair ? options.serve : async () => {},
      settleMs: settleMs ?? SETTLE_MS + source.coalesceMs, patienceMs: patienceMs ?? PATIENCE_MS, mendMs: mendMs ?? MEND_MS,
      deltaMark: await deltaMark(db, app, stream.id),
    } // prettier-ignore
    return new VerifyPass(subject, options, lap, known !== undefined)
  }

  /** Reads, compares, confirms and mends; the run is closed truly however it ends. */
  async run(): Promise<Verification> {
    const { db, pipeline, stream } = this.subject
    try {
      const done = await this.readParts()
      if (done) await this.finish()
      else {
        await saveLap(db, pipeline.app, stream.id, this.lap)
        await recordDrift(db, this.subject, this.lap, 'running')
      }
      return await this.result(done)
    } catch (error) {
      await this.stopShort(error)
      return this.result(true)
    }
  }

  private get parts(): string[] {
    return this.subject.stream.parts.filter((part) => part === ROW || this.options.formulas)
  }

  /** False where the slice ended before the last part did. */
  private async readParts(): Promise<boolean> {
    const { parts, lap } = this
    for (const part of parts.slice(Math.max(0, parts.indexOf(lap.part)))) {
      if (part !== lap.part) Object.assign(lap, { part, cursor: null })
      if (!(await this.readPart(part))) return false
    }
    return true
  }

  private async readPart(part: string): Promise<boolean> {
    const { lap } = this
    for (;;) {
      if (this.isSliceOver()) {
        await this.settle(part)
        return false
      }
      const page = await this.read(part)
      if (page === undefined) continue
      await this.compare(part, page)
      if (page.next === undefined) break
      lap.cursor = page.next
      if (this.suspects.size >= SUSPECTS_MAX) await this.settle(part)
    }
    if (part === ROW) await this.suspectUnmet()
    await this.settle(part)
    return true
  }

  private isSliceOver(): boolean {
    const { slice } = this.options
    return slice !== undefined && this.pages >= Math.max(slice.pagesMin, this.lap.slicePages)
  }

  /** The next page; undefined where the vendor's cursor had ended, and the part begins anew. */
  private async read(part: string): Promise<Page | undefined> {
    const { pipeline, stream, signal, db, lease } = this.subject
    const { lap } = this
    signal.throwIfAborted()
    await holdLease(db, lease)
    const cursor = lap.cursor ?? undefined
    try {
      const page = await pipeline.source.readPage({ stream, part, cursor, newestFirst: false, signal })
      this.pages++
      return page
    } catch (error) {
      if (!(error instanceof CursorExpiredError) || lap.restarts >= RESTARTS_MAX) throw error
      Object.assign(lap, { cursor: null, restarts: lap.restarts + 1 })
      if (part === ROW) Object.assign(lap.figures, { rows: 0, cells: 0 })
      return undefined
    }
  }

  private async compare(part: string, page: Page): Promise<void> {
    const { db, run, spec } = this.subject
    const { lap } = this
    const keys = page.rows.map(({ key }) => key)
    if (part === ROW) await rememberKeys(db, run, keys)
    const { differences, refused } = await compareFetched(this.subject, part, page)
    for (const [key, difference] of differences) this.suspects.set(key, { difference, at: Date.now() })
    const empty = keys.length === 0 && page.next !== undefined ? ['an empty page before the end'] : []
    this.note([...page.gaps, ...refused.values(), ...empty])
    if (part === ROW) lap.figures.rows += keys.length
    lap.figures.cells += countCells(spec, page.rows.map(toTheirs))
    await countPage(db, run, part === ROW ? keys.length : 0, {
      created: 0, updated: 0, deleted: 0, unchanged: part === ROW ? keys.length - differences.size : 0,
    }) // prettier-ignore
    this.total = page.total ?? this.total
    if (this.total !== undefined && keys.length > 0 && lap.cursor === null) {
      lap.slicePages = Math.ceil(this.total / keys.length / SLICES_A_PART)
    }
    this.options.onProgress?.(part, lap.figures.rows, this.total)
  }

  private note(gaps: readonly string[]): void {
    this.lap.gaps = [...new Set([...this.lap.gaps, ...gaps])].slice(0, GAPS_KEPT)
  }

  /** Pages shift under a pass, so a key that it did not meet may well exist: it is asked for by id. */
  private async suspectUnmet(): Promise<void> {
    const { db, spec } = this.subject
    if (this.lap.gaps.length > 0) return
    if (this.lap.figures.rows === 0) {
      const { rows } = await db.query<{ n: number }>(`select count(*)::int as n from ${sqlName(spec)}`)
      const n = rows[0]?.n ?? 0
      if (n > 0) this.note([`the vendor's answer was empty, and ${n} rows are here`])
      return
    }
    for (const key of await unmetKeys(db, this.subject)) {
      this.suspects.set(key, { difference: { key, kind: 'extra', cells: [] }, at: Date.now() })
    }
  }

  /** Confirms what is suspected so far, counts it, and mends it. */
  private async settle(part: string): Promise<void> {
    if (this.suspects.size === 0) return
    const { lap, options, subject } = this
    const { drift, unsettled, gaps } = await confirm(subject, part, this.suspects)
    this.suspects.clear()
    lap.figures.unsettled += unsettled.length
    this.note(gaps)
    const fresh = [...drift.values()].filter(({ key }) => !this.counted.has(key))
    for (const { key, kind } of fresh) {
      lap.figures[kind]++
      this.counted.add(key)
    }
    lap.examples.push(...fresh.flatMap(toExamples).slice(0, EXAMPLES_MAX - lap.examples.length))
    if (!options.repair || drift.size === 0) return
    if (this.isOverTolerance()) {
      lap.reconciled = true
      await options.reconcile(subject.stream, () => void holdLease(subject.db, subject.lease).catch(() => {}))
    }
    const mended = await mend(subject, part, drift)
    // Rows that show what was mended are read again before they are compared.
    await options.serve()
    lap.figures.repaired += fresh.filter(({ key }) => mended.has(key)).length
  }

  private isOverTolerance(): boolean {
    const { figures, reconciled } = this.lap
    return !reconciled && driftOf(figures) > this.options.tolerance * Math.max(1, figures.rows)
  }

  private async finish(): Promise<void> {
    const { lap } = this
    const { unsettled } = lap.figures
    const waiting =
      unsettled === 0
        ? []
        : [
            `${unsettled} rows differ while events or requests wait, or go on changing: see "lockstep status", and verify again`,
          ]
    const reasons = [...lap.gaps, ...waiting]
    await this.close(reasons.length === 0 ? 'completed' : 'partial', reasons.join('; '))
  }

  /** A vendor that is away, or a day's cap, leaves a lap at its last checkpoint; anything else ends the pass. */
  private async stopShort(error: unknown): Promise<void> {
    const { db, run } = this.subject
    const passing =
      this.options.signal.aborted || error instanceof DailyCapError || error instanceof VendorUnavailableError
    if (passing && this.isResumed) return pauseRun(db, run, describeError(error))
    const reason = this.options.signal.aborted ? 'interrupted' : describeError(error)
    await this.close(this.lap.figures.rows > 0 ? 'partial' : 'failed', reason)
  }

  private async close(status: 'completed' | 'partial' | 'failed', reason: string): Promise<void> {
    const { db, pipeline, stream, run } = this.subject
    await recordDrift(db, this.subject, this.lap, status)
    await finishRun(db, run, status, reason === '' ? undefined : reason)
    if (this.options.slice !== undefined) await dropLap(db, pipeline.app, stream.id)
  }

  private async result(done: boolean): Promise<Verification> {
    const { db, stream, run } = this.subject
    const { figures, reconciled, examples } = this.lap
    const { name, table } = stream
    const ended = (await readRun(db, run)) as Run
    return { table, stream: name, run: ended, ...figures, reconciled, examples, done }
  }
}

const newLap = (run: string): Lap => ({
  run, part: ROW, cursor: null, restarts: 0, gaps: [], figures: noFigures(), examples: [], reconciled: false,
  slicePages: 0,
}) // prettier-ignore

function toExamples({ key, kind, cells }: RowDifference): Example[] {
  if (kind !== 'different') return [{ key, kind, column: null, ours: null, theirs: null }]
  const cut = (text: string | null): string | null => text?.slice(0, EXAMPLE_CHARS) ?? null
  return cells.map(([register, ours, theirs]) => ({
    key,
    kind,
    column: register.replace(/^\+/, 'extra.'),
    ours: cut(ours),
    theirs: cut(theirs),
  }))
}
