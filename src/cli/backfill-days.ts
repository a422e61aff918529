import type { Backfilled } from '../apps/contract.ts'
import { ROW } from '../sources/contract.ts'
import { ConfigError } from '../engine/errors.ts'
import { findPipeline, openAll, type Opened, readContext } from './context.ts'
import { abortOnSignal } from './interrupt.ts'
import { printJson, progressBar, say } from './output.ts'
import { readDays, type SyncFlags } from './sync-flags.ts'

/** `lockstep sync --date`: what an app's past days were, read again. */
export async function backfillDays(name: string, date: string, flags: SyncFlags): Promise<void> {
  const days = readDays(date)
  const opened = await openAll(await readContext(), 'lockstep-sync')
  try {
    const signal = abortOnSignal()
    const result = await run(opened, name, { days, fresh: flags.fresh === true, signal })
    if (result === undefined || signal.aborted) {
      say(`Stopped. What was read is kept: "lockstep sync ${name} --date ${date}" goes on from here.`)
      process.exitCode = 1
      return
    }
    if (flags.json === true) printJson({ app: name, ...result })
    else report(result)
    for (const { name: account, error } of result.failures) say(`${account}: failed: ${error}`)
    if (result.failures.length > 0) {
      say(`"lockstep sync ${name} --date ${date}" reads again what failed.`)
      process.exitCode = 1
    }
  } finally {
    await opened.close()
  }
}

interface Wanted {
  readonly days: ReturnType<typeof readDays>
  readonly fresh: boolean
  readonly signal: AbortSignal
}

/** Undefined where Ctrl-C came before there was anything to tell. */
async function run(
  { db, config, pipelines }: Opened,
  name: string,
  { days, fresh, signal }: Wanted,
): Promise<Backfilled | undefined> {
  const pipeline = findPipeline(pipelines, name)
  const app = config.apps.find((one) => one.name === name)
  if (app?.backfill === undefined)
    throw new ConfigError(`app ${name} keeps no figures by day: --date has nothing to read for it`)
  const bar = progressBar()
  try {
    const { problems } = await pipeline.source.prepare({ fresh: true, signal })
    for (const problem of problems) say(`problem: ${problem}`)
    return await app.backfill(db, {
      pipeline,
      days,
      now: new Date(),
      fresh,
      signal,
      onProgress: ({ done, total }) =>
        bar.update({ stream: { name: 'days of figures' }, part: ROW, rows: done, total, unit: 'days' }),
    })
  } catch (error) {
    if (signal.aborted) return undefined
    throw error
  } finally {
    bar.end()
  }
}

function report({ from, to, accounts, days, resumed, events, notes }: Backfilled): void {
  const before = resumed === 0 ? '' : `; ${resumed.toLocaleString('en-GB')} were here from the last time`
  say(
    `${from} to ${to}: ${days.toLocaleString('en-GB')} days of ${accounts} workspaces read${before}; ${events.toLocaleString('en-GB')} missing events found.`,
  )
  for (const note of notes) say(`${note}.`)
}
