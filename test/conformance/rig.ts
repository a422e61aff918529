import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import { type Server, startServer } from '../../src/cli/server.ts'
import { webhookUrl } from '../../src/cli/context.ts'
import { defineConfig } from '../../src/config/config.ts'
import { readSettings } from '../../src/config/environment.ts'
import type { Database } from '../../src/db/database.ts'
import { processBatch } from '../../src/inbox/process.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import { syncApp, type SyncResult } from '../../src/lanes/sync.ts'
import type { TableSpec } from '../../src/mirror/table-spec.ts'
import { withDatabase } from '../support/database.ts'
import { TestClock } from './clock.ts'
import { differences, differencesAt } from './compare.ts'
import { conformingApp, makeTables, openApp } from './open.ts'
import { Postbox } from './postbox.ts'
import { ApiProxy } from './proxy.ts'
import { leaks } from './secrets.ts'
import type { Act, Letter, Subject, SubjectSettings, Target, Told, World } from './subject.ts'

const PATIENCE_MS = 50_000
/** More rounds than this mean that work keeps giving rise to work. */
const ROUNDS_MAX = 50
/** Longer than `settle` and the granule of any vendor's times. */
const SETTLED_MS = 35_000
/** No two acts share a second, unless a test makes them. */
const BETWEEN_ACTS_MS = 1_500

/** What a test has in hand: a vendor's simulator, and a node whose loops are turned by hand. */
export interface Rig {
  readonly subject: Subject
  readonly world: World
  readonly clock: TestClock
  readonly proxy: ApiProxy
  readonly postbox: Postbox
  readonly db: Database
  readonly tables: readonly TableSpec[]
  readonly pipeline: Pipeline
  readonly settings: SubjectSettings
  /** What the node has logged, a JSON line each. */
  readonly log: readonly string[]
  /** Where webhooks go, as the vendor knows it, but for what the source adds to it. */
  readonly hook: string
}

export interface RigOptions {
  readonly timeoutMs?: number
  readonly callsPerDay?: number
  /** Default true: everything is read once, and webhooks are registered and kept in the postbox. */
  readonly synced?: boolean
}

/** Runs a test on a rig. Ends with a look for secrets in the database and in what was logged. */
export async function withRig(
  subject: Subject,
  test: (rig: Rig) => Promise<void>,
  options: RigOptions = {},
): Promise<void> {
  const clock = new TestClock()
  const world = await subject.start(clock)
  const proxy = await ApiProxy.start(world.url, () => clock.now())
  try {
    const url = proxy.at(world.url)
    world.reachedAt?.(url)
    const { timeoutMs = 10_000, callsPerDay } = options
    const capped = callsPerDay === undefined ? {} : { callsPerDay }
    const settings = { url, credentials: world.credentials, clock, timeoutMs, ...capped }
    await withDatabase((db) =>
      withNode({ subject, db, settings }, async (node) => {
        const rig: Rig = { subject, world, clock, proxy, settings, ...node }
        if (options.synced !== false) await begin(rig)
        await test(rig)
        if (leaks(world.secrets(), rig.log.join('\n')).length > 0) throw new Error('a secret was logged')
        const kept = await secretsKept(rig)
        if (kept.length > 0) throw new Error(`secrets are kept in clear: ${kept.join('; ')}`)
      }),
    )
  } finally {
    await proxy.close()
    await world.close()
  }
}

type Node = Pick<Rig, 'db' | 'tables' | 'pipeline' | 'postbox' | 'log' | 'hook'>

async function withNode<T>(
  { subject, db, settings }: Pick<Rig, 'subject' | 'db' | 'settings'>,
  test: (node: Node) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-conformance-'))
  const app = conformingApp(subject, settings, folder)
  await makeTables(db, app.tables)
  const log: string[] = []
  const place: { hook: string | undefined } = { hook: undefined }
  const pipeline = await openApp(db, app, () => place.hook)
  let server: Server | undefined
  let postbox: Postbox | undefined
  try {
    server = await startServer({
      db,
      config: defineConfig({ apps: [app] }),
      pipelines: [pipeline],
      settings: readSettings({ PORT: '0', LOCKSTEP_LOG: 'debug' }),
      role: 'ingest',
      log: pino({ level: 'debug', base: null }, linesTo(log)),
    })
    postbox = await Postbox.start(server.url)
    const hook = webhookUrl(postbox.url, app.name, pipeline.source.door.pathSecret)
    place.hook = hook
    return await test({ db, tables: app.tables, pipeline, postbox, log, hook })
  } finally {
    await postbox?.close()
    await server?.stop()
    await rm(folder, { recursive: true })
  }
}

const linesTo = (lines: string[]): Writable =>
  new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString())
      done()
    },
  })

/** The source as a process that starts now has it: nothing in memory but what the database keeps. */
export async function reopened({ subject, db, settings, hook }: Rig): Promise<Pipeline> {
  const folder = await mkdtemp(join(tmpdir(), 'lockstep-conformance-'))
  try {
    const pipeline = await openApp(db, conformingApp(subject, settings, folder), () => hook)
    await pipeline.source.prepare({ fresh: false, signal: patience() })
    return pipeline
  } finally {
    await rm(folder, { recursive: true })
  }
}

export const patience = (): AbortSignal => AbortSignal.timeout(PATIENCE_MS)

async function begin(rig: Rig): Promise<void> {
  // What is read in the second of its change is read once more: let it be older than that.
  rig.clock.advance(SETTLED_MS)
  const { failures, problems } = await sync(rig)
  if (failures.length + problems.length > 0)
    throw new Error(`the first pass: ${JSON.stringify({ failures, problems })}`)
  await register(rig)
  rig.clock.advance(SETTLED_MS)
}

/** Registers the webhooks, and keeps their letters from then on. */
export async function register(rig: Rig): Promise<void> {
  rig.postbox.keeps = false
  const changes = await rig.pipeline.source.webhooks.register(rig.hook, patience())
  const failed = changes.filter(({ action }) => action === 'failed')
  if (failed.length > 0) throw new Error(`webhooks: ${JSON.stringify(failed)}`)
  rig.postbox.keeps = true
}

export async function sync(
  { db, pipeline }: Rig,
  options: { full?: boolean; drain?: boolean } = {},
): Promise<SyncResult> {
  const { full = true, drain = true } = options
  return syncApp(db, pipeline, { signal: patience(), full, drain })
}

/** Lets something happen, and waits until the vendor has told of it. */
export async function happen<T>({ world, clock }: Rig, act: { run: (world: World) => T }): Promise<T> {
  clock.advance(BETWEEN_ACTS_MS)
  const result = act.run(world)
  await world.told()
  clock.advance(BETWEEN_ACTS_MS)
  return result
}

/** Posts letters to the node; each must be taken. */
export async function deliver({ postbox }: Rig, letters: readonly Letter[]): Promise<void> {
  for (const letter of letters) {
    const { status, text } = await postbox.post(letter)
    if (status !== 200) throw new Error(`a delivery was answered ${status}: ${text}`)
  }
}

/** Applies what has arrived; asks the vendor for nothing. */
export async function apply({ db, pipeline }: Rig, batch = 500): Promise<void> {
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const { settled, failed } = await processBatch(db, pipeline, batch)
    if (settled + failed === 0) return
  }
  throw new Error('events keep giving rise to events')
}

/** Applies what has arrived and reads what that asks for; what must wait is as old as it needs to be. */
export async function settle(rig: Rig): Promise<void> {
  const { db, clock } = rig
  for (let round = 0; round < ROUNDS_MAX; round++) {
    await apply(rig)
    while ((await refetchOnce(db, rig.pipeline, patience())) > 0);
    const { rowCount } = await db.query(
      `update lockstep.refetch set requested_at = requested_at - interval '1 minute', next_attempt_at = '-infinity'`,
    )
    if (rowCount === 0) return
    clock.advance(SETTLED_MS)
  }
  const { rows } = await db.query('select to_jsonb(r) as row from lockstep.refetch as r limit 3')
  throw new Error(`requests are never served: ${JSON.stringify(rows)}`)
}

/** What differs between the tables and the vendor, all of it. */
export const drift = ({ db, tables, world }: Rig): Promise<string[]> => differences(db, tables, world.truth())

/** What differs in one row. */
export const driftAt = ({ db, tables, world }: Rig, target: Target, { but = [] }: Told): Promise<string[]> =>
  differencesAt(db, tables, world.truth(), { ...target, but })

/** All acts that a subject has. */
export const actsOf = ({ acts }: Subject): readonly Act[] =>
  Object.values(acts).flatMap((list) => ('absent' in list ? [] : list))

async function secretsKept({ db, world }: Rig): Promise<string[]> {
  const { rows } = await db.query<{ name: string }>(
    `select format('%I.%I', n.nspname, c.relname) as name from pg_class as c
     join pg_namespace as n on n.oid = c.relnamespace
     where c.relkind = 'r' and n.nspname in ('lockstep', 'public', 'pgboss')`,
  )
  const found: string[] = []
  for (const { name } of rows) {
    const all = await db.query<{ row: string; bytes: string | null }>(
      `select t::text as row, ${name === 'lockstep.inbox' ? `encode(body, 'escape')` : 'null'} as bytes from ${name} as t`,
    )
    for (const { row, bytes } of all.rows)
      found.push(...leaks(world.secrets(), `${row} ${bytes ?? ''}`).map((secret) => `${name}: ${secret}`))
  }
  return [...new Set(found)]
}
