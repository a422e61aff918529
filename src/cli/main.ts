import type { DemoOptions } from './demo/demo.ts'
import { Command, InvalidArgumentError } from 'commander'
import { describeError, LockstepError } from '../engine/errors.ts'
import { sqlState } from '../db/database.ts'

/** Exit codes, also in docs/cli.md: 0 done; 1 failed, or a check found something; 2 wrong usage or configuration. */
const EXIT_FAILED = 1
const EXIT_USAGE = 2

const program = new Command('lockstep')
  .description('Keeps Postgres in lockstep with the SaaS a business runs on.')
  .version('0.1.0')
  .showHelpAfterError('(lockstep --help shows what there is)')
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : EXIT_USAGE))

const count = (text: string): number => {
  const n = Number(text)
  if (!Number.isInteger(n) || n < 1) throw new InvalidArgumentError('a whole number of at least 1 is needed')
  return n
}

const rate = (text: string): number => {
  const n = Number(text)
  if (!Number.isFinite(n) || n < 0) throw new InvalidArgumentError('a number of at least 0 is needed')
  return n
}

program
  .command('up')
  .description('migrate, then serve webhooks, API, status page, workers and schedules')
  .option(
    '--role <role>',
    'all; or, on several nodes, ingest (takes webhooks in) and worker (processes, reads, schedules)',
    'all',
  )
  .action(async (options: { role: string }) => (await import('./up.ts')).up(options))

program
  .command('demo')
  .description('simulated vendors with live traffic, and Lockstep against them; nothing else is needed')
  .option('--projects <n>', 'projects in the simulated CRM (the real one has 13,708)', count, 1000)
  .option('--workspaces <n>', 'workspaces of the simulated agency', count, 24)
  .option('--mailboxes <n>', 'mailboxes of the simulated agency', count, 4000)
  .option('--traffic <n>', 'edits a second, at each vendor', rate, 2)
  .option('--seed <n>', 'seed of the simulated data', count, 1)
  .action(async (options: DemoOptions) => (await import('./demo/demo.ts')).demo(options))

program
  .command('init')
  .description('choose a vendor and boards; writes lockstep.config.ts and a migration')
  .option('--token <token>', "the vendor's API token (else MONDAY_TOKEN, else asked for)")
  .option('--boards <ids>', 'board ids, comma-separated (else asked for)')
  .option('--name <app>', 'name of the app', 'monday')
  .option('--force', 'write over files that are there')
  .option('--yes', 'ask nothing')
  .action(async (options: Record<string, string | boolean | undefined>) =>
    (await import('./init.ts')).init(options),
  )

program
  .command('sync')
  .description('pull what changed, or with --full every row')
  .argument('<app>')
  .option('--full', 'read every row; resumes where a killed pass stopped')
  .option('--fresh', 'with --full or --date: begin anew even where it could be resumed')
  .option('--table <table...>', 'only these tables')
  .option('--limit <n>', 'stop after about this many rows a table; implies --full, and proves nothing', count)
  .option('--date <days>', 'read past days again: YYYY-MM-DD, YYYY-MM-DD..YYYY-MM-DD, or all')
  .option('--dry-run', 'read and compare, and write nothing')
  .option('--json', 'figures for machines')
  .action(async (app: string, options: Record<string, unknown>) =>
    (await import('./sync.ts')).sync(app, options),
  )

program
  .command('verify')
  .description('compare with the vendor row by row and column by column; exit 1 where something differs')
  .argument('<app>')
  .option('--repair', 'mend what differs')
  .option('--table <table...>', 'only these tables')
  .option('--no-formulas', 'leave out formulas, which are read slowly')
  .option(
    '--settle <s>',
    'how long a difference must last to count (default: 30, and as requests may wait)',
    count,
  )
  .option('--json', 'figures for machines')
  .action(async (app: string, options: Record<string, unknown>) =>
    (await import('./verify.ts')).verify(app, options),
  )

program
  .command('status')
  .description('sources, lag, inbox, runs, budgets')
  .option('--watch', 'again every second')
  .option('--json', 'figures for machines')
  .action(async (options: { watch?: boolean; json?: boolean }) =>
    (await import('./status.ts')).status(options),
  )

const events = program.command('events').description('the inbox: every webhook delivery')
events
  .command('list', { isDefault: true })
  .option('--app <app>')
  .option('--status <status>', 'pending, processed or dead')
  .option('--limit <n>', 'newest first', count, 20)
  .option('--json', 'for machines')
  .action(async (options: Record<string, unknown>) => (await import('./events.ts')).list(options))
events
  .command('show')
  .argument('<id>')
  .description('one event with its body')
  .option('--json', 'for machines')
  .action(async (id: string, options: { json?: boolean }) => (await import('./events.ts')).show(id, options))
events
  .command('dead')
  .description('the dead letters, with their errors')
  .option('--app <app>')
  .option('--limit <n>', 'newest first', count, 20)
  .option('--json', 'for machines')
  .action(async (options: Record<string, unknown>) =>
    (await import('./events.ts')).list({ ...options, status: 'dead' }),
  )
events
  .command('replay')
  .argument('[ids...]')
  .description('process events again: by id, or all dead letters of an app, an error, a time')
  .option('--app <app>')
  .option('--error <text>', 'dead letters whose error contains this')
  .option('--from <time>', 'received at or after, ISO 8601')
  .option('--to <time>', 'received before, ISO 8601')
  .option('--all', 'processed ones too, not only dead letters')
  .option('--json', 'for machines')
  .action(async (ids: string[], options: Record<string, unknown>) =>
    (await import('./events.ts')).replay(ids, options),
  )

const webhooks = program.command('webhooks').description('the webhooks at the vendor')
for (const [verb, what] of Object.entries({
  register: 'make those that are missing; idempotent',
  list: "those on the app's streams",
  remove: 'remove those that Lockstep made',
})) {
  webhooks
    .command(verb)
    .argument('<app>')
    .description(what)
    .option('--url <url>', 'how the vendor reaches this installation (else LOCKSTEP_PUBLIC_URL)')
    .option('--json', 'for machines')
    .action(async (app: string, options: Record<string, unknown>) =>
      (await import('./webhooks.ts')).webhooks(verb, app, options),
    )
}

const db = program.command('db').description('the database')
db.command('migrate')
  .description('apply what is missing')
  .option('--json', 'for machines')
  .action(async (o: { json?: boolean }) => (await import('./db.ts')).dbMigrate(o))
db.command('status')
  .description('which migrations are applied')
  .option('--json', 'for machines')
  .action(async (o: { json?: boolean }) => (await import('./db.ts')).dbStatus(o))
db.command('url')
  .description('print its URL, password included')
  .action(async () => (await import('./db.ts')).dbUrl())
db.command('reset')
  .description('delete all that Lockstep keeps; asks first')
  .option('--yes', 'do not ask')
  .action(async (o: { yes?: boolean }) => (await import('./db.ts')).dbReset(o))
db.command('export')
  .description('write the migrations as a Supabase migrations folder')
  .argument('[folder]', '', 'supabase/migrations')
  .action(async (folder: string) => (await import('./db.ts')).dbExport(folder))

program
  .command('doctor')
  .description('check environment, database, tokens, tables, webhooks, clocks; says what to do')
  .option('--json', 'for machines')
  .action(async (options: { json?: boolean }) => (await import('./doctor.ts')).doctor(options))

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = report(error)
}

/** Prints a mistake as one line, a defect with its stack; returns the exit code. */
function report(error: unknown): number {
  const known = error instanceof LockstepError || sqlState(error) !== undefined || 'code' in (error as object)
  console.error(`lockstep: ${known ? describeError(error) : ((error as Error).stack ?? String(error))}`)
  return error instanceof LockstepError && error.name === 'ConfigError' ? EXIT_USAGE : EXIT_FAILED
}
