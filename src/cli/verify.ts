import { ConfigError } from '../engine/errors.ts'
import type { Pipeline } from '../lanes/pipeline.ts'
import { isClean, verifyApp, type VerifyResult } from '../lanes/verify.ts'
import { driftOf, type Example } from '../lanes/verify-ledger.ts'
import type { Verification } from '../lanes/verify-pass.ts'
import { findPipeline, type Opened, openAll, readContext } from './context.ts'
import { abortOnSignal } from './interrupt.ts'
import { print, printJson, progressBar, say, table } from './output.ts'
import { checkTableNames } from './sync-flags.ts'

interface VerifyFlags {
  readonly table?: readonly string[]
  readonly repair?: boolean
  readonly formulas?: boolean
  /** Seconds. */
  readonly settle?: number
  readonly json?: boolean
}

/** `lockstep verify`: compares an app with the vendor row by row; exit 1 where something is left different. */
export async function verify(app: string, options: Record<string, unknown>): Promise<void> {
  const flags = options as VerifyFlags
  const opened = await openAll(await readContext(), 'lockstep-verify')
  const signal = abortOnSignal()
  try {
    const pipeline = findPipeline(opened.pipelines, app)
    checkTableNames(pipeline.source.streams, flags.table)
    const result = await compare(opened, pipeline, flags, signal)
    if (result === undefined) say('Stopped before anything was compared.')
    else if (flags.json === true) printJson({ app, ...toJson(result) })
    else report(result, flags)
    if (signal.aborted || result === undefined || !isClean(result)) process.exitCode = 1
  } finally {
    await opened.close()
  }
}

/** Undefined where Ctrl-C came before there was anything to tell. */
async function compare(
  { db, config }: Opened,
  pipeline: Pipeline,
  { repair, formulas, settle, table: tables }: VerifyFlags,
  signal: AbortSignal,
): Promise<VerifyResult | undefined> {
  const bar = progressBar()
  try {
    return await verifyApp(db, pipeline, {
      signal,
      repair: repair === true,
      formulas,
      tables,
      settleMs: settle === undefined ? undefined : settle * 1000,
      tolerance: config.driftTolerance?.[pipeline.app],
      onProgress: (progress) => bar.update(progress),
    })
  } catch (error) {
    if (signal.aborted && !(error instanceof ConfigError)) return undefined
    throw error
  } finally {
    bar.end()
  }
}

const toJson = ({ verifications, ...rest }: VerifyResult): object => ({
  tables: verifications.map(({ run, done, ...figures }) => ({
    ...figures,
    status: done ? run.status : 'running',
    error: run.error,
    apiCalls: run.api_calls,
    startedAt: run.started_at,
    finishedAt: run.finished_at,
  })),
  ...rest,
})

const HEAD = [
  'table',
  'stream',
  'status',
  'rows',
  'cells',
  'missing',
  'extra',
  'different',
  'repaired',
  'calls',
]

function report({ verifications, failures, busy, problems }: VerifyResult, flags: VerifyFlags): void {
  const line = (v: Verification): (string | number)[] => [
    v.table, v.stream, v.run.status, v.rows, v.cells, v.missing, v.extra, v.different, v.repaired, v.run.api_calls,
  ] // prettier-ignore
  if (verifications.length > 0) print(table(HEAD, verifications.map(line)))
  for (const { table: name, examples, run, reconciled } of verifications) {
    if (examples.length > 0) print(`\n${name}, for example:`)
    for (const example of examples) print(`  ${describe(example)}`)
    if (run.error !== null) say(`${name}: ${run.status}: ${run.error}`)
    if (reconciled) say(`${name}: so much differed that the whole table was read anew`)
  }
  for (const { stream, error } of failures) say(`${stream}: failed: ${error}`)
  for (const stream of busy) say(`${stream}: another process verifies it at this moment; try again later`)
  for (const problem of problems) say(`problem: ${problem}`)
  const left = verifications.reduce((sum, v) => sum + driftOf(v) - v.repaired, 0)
  if (left > 0 && flags.repair !== true) say(`${left} rows differ. Mend them with --repair.`)
  if (left > 0 && flags.repair === true) say(`${left} rows still differ; "lockstep doctor" may tell why.`)
}

function describe({ key, kind, column, ours, theirs }: Example): string {
  if (kind === 'missing') return `${key}: not here`
  if (kind === 'extra') return `${key}: no longer at the vendor`
  return `${key} ${column}: ${ours ?? '–'} here, ${theirs ?? '–'} there`
}
