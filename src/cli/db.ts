import { confirm, isCancel } from '@clack/prompts'
import { embeddedUrl, removeEmbedded } from '../db/embedded/embedded.ts'
import { readHolder } from '../db/embedded/lock.ts'
import { ConfigError, DatabaseError } from '../engine/errors.ts'
import { type Context, openDatabase, readContext } from './context.ts'
import { exportMigrations } from './export-migrations.ts'
import { configMigrations, migrateAll, pendingAll } from './node.ts'
import { print, printJson, say, table } from './output.ts'
import { describeBelongings, dropBelongings, findBelongings } from './belongings.ts'

/** `lockstep db migrate`. */
export async function dbMigrate({ json }: { json?: boolean }): Promise<void> {
  const context = await readContext()
  const { apps } = await context.config()
  const { db, close } = await openDatabase(context, 'lockstep-migrate')
  try {
    const applied = await migrateAll(db, apps)
    if (json === true) printJson({ applied })
    else if (applied.length === 0) print('Nothing to do: every migration is applied.')
    else for (const id of applied) print(`applied ${id}`)
  } finally {
    await close()
  }
}

/** `lockstep db status`: exit 1 where something is pending. */
export async function dbStatus({ json }: { json?: boolean }): Promise<void> {
  const context = await readContext()
  const { apps } = await context.config()
  const { db, close } = await openDatabase(context, 'lockstep-db-status')
  try {
    const pending = new Set((await pendingAll(db, apps)).map(({ id }) => id))
    const all = await configMigrations(apps)
    const times = await appliedTimes(db)
    const rows = all.map(({ id }) => ({ id, applied_at: pending.has(id) ? null : (times.get(id) ?? null) }))
    if (json === true) printJson({ pending: [...pending], migrations: rows })
    else
      print(
        table(
          ['migration', 'applied'],
          rows.map((row) => [row.id, row.applied_at ?? 'pending']),
        ),
      )
    if (pending.size > 0) {
      say('Run "lockstep db migrate".')
      process.exitCode = 1
    }
  } finally {
    await close()
  }
}

async function appliedTimes(db: Parameters<typeof pendingAll>[0]): Promise<Map<string, string>> {
  const known = await db.query<{ present: boolean }>(
    `select to_regclass('lockstep.migrations') is not null as present`,
  )
  if (known.rows[0]?.present !== true) return new Map()
  const { rows } = await db.query<{ id: string; applied_at: string }>(
    'select id, applied_at from lockstep.migrations',
  )
  return new Map(rows.map((row) => [row.id, row.applied_at]))
}

/** `lockstep db url`. */
export async function dbUrl(): Promise<void> {
  const { settings, home } = await readContext()
  const url = settings.databaseUrl ?? (await embeddedUrl(home))
  if (url !== undefined) return print(url)
  say(
    `lockstep: DATABASE_URL is not set, and the embedded database in ${home} does not run. "lockstep up" (or "lockstep demo") starts it; its URL holds while that runs`,
  )
  process.exitCode = 1
}

/** `lockstep db reset`: asks, then deletes what Lockstep made and nothing else. */
export async function dbReset(options: { yes?: boolean }): Promise<void> {
  const context = await readContext()
  const yes = options.yes === true
  if (!yes && !process.stdin.isTTY)
    throw new ConfigError('this deletes data, and there is no terminal to ask on: give --yes')
  if (context.settings.databaseUrl === undefined) await resetEmbedded(context.home, yes)
  else await resetGiven(context, yes)
}

async function resetEmbedded(home: string, yes: boolean): Promise<void> {
  const holder = await readHolder(home)
  if (holder !== undefined) {
    throw new DatabaseError(
      `the embedded database in ${home} is in use by process ${holder.pid} ("lockstep ${holder.command}"). Stop it first`,
    )
  }
  const what = `the embedded database in ${home}, with everything in it`
  if (!(await agreed(`Delete ${what}?`, yes))) return
  await removeEmbedded(home)
  print(`Deleted ${what}.`)
}

async function resetGiven(context: Context, yes: boolean): Promise<void> {
  const { apps } = await context.config()
  const { db, close } = await openDatabase(context, 'lockstep-reset')
  try {
    const belongings = await findBelongings(db, await configMigrations(apps))
    const { host, pathname } = new URL(db.url)
    if (belongings.length === 0) return print(`Nothing of Lockstep is in ${host}${pathname}.`)
    say(`In ${host}${pathname} this deletes, with all that depends on it:\n${describeBelongings(belongings)}`)
    if (!(await agreed('Delete all of this?', yes))) return
    await dropBelongings(db, belongings)
    print(`Deleted ${belongings.length} objects.`)
  } finally {
    await close()
  }
}

async function agreed(message: string, yes: boolean): Promise<boolean> {
  if (yes) return true
  const answer = await confirm({ message, initialValue: false, output: process.stderr })
  if (!isCancel(answer) && answer) return true
  say('Nothing was deleted.')
  process.exitCode = 1
  return false
}

/** `lockstep db export`: the migrations as the Supabase CLI reads them. */
export async function dbExport(folder: string): Promise<void> {
  const { apps } = await (await readContext()).config()
  const files = await exportMigrations(await configMigrations(apps), folder)
  for (const { file, action } of files) print(`${action.padEnd(8)} ${file}`)
  const changed = files.filter(({ action }) => action === 'differs')
  if (changed.length === 0) return
  say(
    `${changed.length} files there differ from what would be written, and were left alone. Delete them to have them anew.`,
  )
  process.exitCode = 1
}
