import type { App } from '../apps/contract.ts'
import { sourceStore } from '../db/source-store.ts'
import { ConfigError } from '../engine/errors.ts'
import { createMirror, type Mirror } from '../mirror/apply.ts'
import { checkTables } from '../mirror/mirror-table.ts'
import { ROW } from '../sources/contract.ts'
import { comparePass, type Comparison } from './compare-pass.ts'
import { type Context, openDatabase, publicWebhookUrl } from './context.ts'
import { overlayStore } from './memory-store.ts'
import { pendingAll } from './node.ts'
import { print, printJson, progressBar, say, table } from './output.ts'
import { checkTableNames, type SyncFlags } from './sync-flags.ts'

/** `lockstep sync --dry-run`: what a full pass would write, found by merging each page and rolling back. */
export async function dryRun(
  context: Context,
  name: string,
  flags: SyncFlags,
  signal: AbortSignal,
): Promise<void> {
  const { apps } = await context.config()
  const app = apps.find((one) => one.name === name)
  if (app === undefined)
    throw new ConfigError(`no app "${name}"; configured: ${apps.map((a) => a.name).join(', ')}`)
  const database = await openDatabase(context, 'lockstep-dry-run')
  try {
    const pending = await pendingAll(database.db, apps)
    if (pending.length > 0) {
      throw new ConfigError(
        `${pending.length} migrations are not applied, and a dry run writes nothing. Run "lockstep db migrate" first`,
      )
    }
    const mirror = createMirror(await checkTables(database.db, app.tables))
    await compareAll(database.db, app, mirror, { context, flags, signal })
  } finally {
    await database.close()
  }
}

interface Asked {
  readonly context: Context
  readonly flags: SyncFlags
  readonly signal: AbortSignal
}

async function compareAll(
  db: Parameters<typeof comparePass>[0],
  app: App,
  mirror: Mirror,
  { context, flags, signal }: Asked,
): Promise<void> {
  // The source keeps what it learns of boards and people; here that must not reach the database.
  const source = app.source(overlayStore(sourceStore(db, app.name, context.settings.encryptionKey)), {
    webhookUrl: () => publicWebhookUrl(context.settings)(app, undefined),
  })
  checkTableNames(source.streams, flags.table)
  const { problems } = await source.prepare({ fresh: true, signal })
  const streams = source.streams.filter((stream) => flags.table?.includes(stream.table) ?? true)
  const skipped = [...new Set(streams.flatMap((s) => s.parts.filter((part) => part !== ROW)))]
  const bar = progressBar()
  const comparisons: Comparison[] = []
  for (const stream of streams) {
    const onProgress = (rows: number, total: number | undefined): void =>
      bar.update({ stream, part: ROW, rows, total })
    comparisons.push(
      await comparePass(db, { source, mirror, stream, limit: flags.limit, signal, onProgress }),
    )
  }
  bar.end()
  if (flags.json === true)
    printJson({ app: app.name, dryRun: true, tables: comparisons, skippedParts: skipped, problems })
  else report(comparisons, skipped, problems)
  if (comparisons.some((c) => c.gaps.length > 0)) process.exitCode = 1
}

function report(
  comparisons: readonly Comparison[],
  skipped: readonly string[],
  problems: readonly string[],
): void {
  const head = [
    'table',
    'stream',
    'rows',
    'would create',
    'would update',
    'would delete',
    'unchanged',
    'not met',
  ]
  print(
    table(
      head,
      comparisons.map((c) => [
        c.table,
        c.stream,
        c.rows,
        c.created,
        c.updated,
        c.deleted,
        c.unchanged,
        c.notMet?.count ?? null,
      ]),
    ),
  )
  for (const { table: name, columns, examples, notMet, gaps } of comparisons) {
    const changed = Object.entries(columns).sort(([, a], [, b]) => b - a)
    if (changed.length > 0)
      print(`\n${name} would change: ${changed.map(([column, n]) => `${column} (${n})`).join(', ')}`)
    for (const { key, column, before, after } of examples) {
      print(`  ${key} ${column}: ${JSON.stringify(before)} → ${JSON.stringify(after)}`)
    }
    if (notMet !== undefined && notMet.count > 0) {
      print(
        `${name}: ${notMet.count} rows here were not met; a sync would ask for each by its id: ${notMet.examples.join(', ')}`,
      )
    }
    for (const gap of gaps) say(`${name}: the answer was incomplete: ${gap}`)
  }
  for (const problem of problems) say(`problem: ${problem}`)
  if (skipped.length > 0) say(`Left out of a dry run: ${skipped.join(', ')} values, which are read apart.`)
  say('Nothing was written.')
}
