import type { Pipeline } from '../lanes/pipeline.ts'
import { laneOf, type Run } from '../lanes/runs.ts'
import { syncApp, type SyncResult } from '../lanes/sync.ts'
import { backfillDays } from './backfill-days.ts'
import { findPipeline, openAll, readContext } from './context.ts'
import { dryRun } from './dry-run.ts'
import { abortOnSignal } from './interrupt.ts'
import { print, printJson, progressBar, say, table } from './output.ts'
import { checkFlags, checkTableNames, type SyncFlags } from './sync-flags.ts'

/** `lockstep sync`: one pull of an app. */
export async function sync(app: string, options: Record<string, unknown>): Promise<void> {
  const flags = options as SyncFlags
  checkFlags(flags)
  if (flags.date !== undefined) return backfillDays(app, flags.date, flags)
  const context = await readContext()
  const signal = abortOnSignal()
  if (flags.dryRun === true) return dryRun(context, app, flags, signal)
  const opened = await openAll(context, 'lockstep-sync')
  try {
    const pipeline = findPipeline(opened.pipelines, app)
    checkTableNames(pipeline.source.streams, flags.table)
    const result = await pull(opened.db, pipeline, flags, signal)
    if (result !== undefined) report(pipeline, result, flags)
    if (signal.aborted) tellInterrupted(app, flags)
    if (signal.aborted || result === undefined || !isGood(result, flags)) process.exitCode = 1
  } finally {
    await opened.close()
  }
}

/** Undefined where Ctrl-C came before there was anything to tell. */
async function pull(
  db: Parameters<typeof syncApp>[0],
  pipeline: Pipeline,
  { full, fresh, limit, table: tables }: SyncFlags,
  signal: AbortSignal,
): Promise<SyncResult | undefined> {
  const bar = progressBar()
  try {
    return await syncApp(db, pipeline, {
      signal,
      full: full === true || limit !== undefined,
      fresh,
      limit,
      tables,
      onProgress: (progress) => bar.update(progress),
      // Claims keep a worker that runs beside us from serving the same requests.
      drain: true,
    })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    bar.end()
  }
}

/** A pass that `--limit` stopped is partial as it should be. */
const isGoodRun = (run: Run, { limit }: SyncFlags): boolean =>
  run.status === 'completed' ||
  (run.status === 'partial' && limit !== undefined && run.error === `stopped at --limit ${limit}`)

const isGood = (result: SyncResult, flags: SyncFlags): boolean =>
  result.failures.length + result.busy.length === 0 && result.runs.every((run) => isGoodRun(run, flags))

function report(
  { app, source }: Pipeline,
  { runs, failures, busy, problems }: SyncResult,
  flags: SyncFlags,
): void {
  const names = new Map(source.streams.map((stream) => [stream.id, stream.table]))
  const tableOf = (run: Run): string => names.get(run.stream) ?? run.stream
  if (flags.json === true) {
    printJson({ app, runs: runs.map((run) => ({ table: tableOf(run), ...run })), failures, busy, problems })
    return
  }
  const rows = runs.map((run) => {
    const counts = [run.processed, run.created, run.updated, run.unchanged, run.deleted]
    return [tableOf(run), run.stream_name, laneOf(run), run.status, ...counts, duration(run)]
  })
  const head = [
    'table',
    'stream',
    'lane',
    'status',
    'rows',
    'created',
    'updated',
    'unchanged',
    'deleted',
    'took',
  ]
  if (rows.length > 0) print(table(head, rows))
  for (const run of runs) if (run.error !== null) say(`${tableOf(run)}: ${run.status}: ${run.error}`)
  for (const { stream, error } of failures) say(`${stream}: failed: ${error}`)
  for (const stream of busy) say(`${stream}: another process reads it at this moment; nothing was done here`)
  for (const problem of problems) say(`problem: ${problem}`)
}

function duration({ started_at, finished_at }: Run): string {
  if (finished_at === null) return 'unfinished'
  const ms = Date.parse(finished_at) - Date.parse(started_at)
  return ms < 60_000
    ? `${(ms / 1000).toFixed(1)} s`
    : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`
}

function tellInterrupted(app: string, { full, fresh, limit, table: tables }: SyncFlags): void {
  const mode = limit !== undefined ? ` --limit ${limit}` : full === true ? ' --full' : ''
  const how = fresh === true ? ' (without --fresh, which would begin anew)' : ''
  const only = tables === undefined ? '' : ` --table ${tables.join(' ')}`
  say(`Stopped. What was read is kept: "lockstep sync ${app}${mode}${only}" goes on from here${how}.`)
}
