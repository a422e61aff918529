import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { App } from '../../src/apps/contract.ts'
import { mondayBoards } from '../../src/apps/monday-boards/app.ts'
import type { Database } from '../../src/db/database.ts'
import { processBatch } from '../../src/inbox/process.ts'
import type { Pipeline } from '../../src/lanes/pipeline.ts'
import { requestRefetch } from '../../src/lanes/refetch-queue.ts'
import { refetchOnce } from '../../src/lanes/refetch.ts'
import { syncApp, type SyncResult } from '../../src/lanes/sync.ts'
import { ROW } from '../../src/sources/contract.ts'
import type { BoardMapping, DecoderName, FieldMapping } from '../../src/sources/monday/mapping.ts'
import { everyColumnWorld, type MondaySim, type MondaySimOptions } from '../../sim/monday/index.ts'
import { withSim } from '../../sim/monday/with-sim.ts'
import { withDatabase } from '../support/database.ts'
import { openPipeline, PATH_SECRET, withNode } from '../support/node.ts'

export const TASKS = '7786783342'
export const SUBITEMS = '8400809115'
export const CLIENTS = '7786790001'
export const FIRST_TASK = 6_000_000_001
export const FIRST_CLIENT = 5_000_000_001

/** Column of the board → how the table shows it. */
const TASK_FIELDS: Readonly<Record<string, DecoderName>> = {
  name: 'text',
  group_title: 'text',
  status: 'label',
  dropdown: 'label',
  person: 'people',
  date4: 'date',
  date5: 'timestamp',
  numbers: 'number',
  numbers2: 'integer',
  text: 'text',
  long_text: 'text',
  check: 'boolean',
  email: 'text',
  link: 'json',
  phone: 'text',
  timeline: 'json',
  country: 'text',
  rating: 'integer',
  tags: 'text',
  connect: 'links',
  dependent_on: 'link',
  mirror: 'display',
  formula: 'display_number',
  last_updated: 'timestamp',
}

const fieldsOf = (columns: Readonly<Record<string, DecoderName>>): Record<string, FieldMapping> =>
  Object.fromEntries(Object.entries(columns).map(([column, as]) => [`c_${column}`, { column, as }]))

export interface TasksOptions {
  /** `extra`: nothing but names and links is mapped, so that all else is kept in `extra`. */
  readonly map?: 'all' | 'extra'
}

export function taskMappings({ map = 'all' }: TasksOptions = {}): BoardMapping[] {
  const tasks: Record<string, DecoderName> = map === 'all' ? TASK_FIELDS : { name: 'text' }
  return [
    {
      board: CLIENTS,
      name: 'Clients',
      table: 'clients',
      fields: fieldsOf({ name: 'text', tier: 'label', revenue: 'number', score: 'display_number' }),
    },
    { board: TASKS, name: 'Tasks', table: 'tasks', fields: fieldsOf(tasks) },
    {
      board: SUBITEMS,
      name: 'Subitems of Tasks',
      table: 'subtasks',
      parentBoard: TASKS,
      fields: fieldsOf({
        name: 'text',
        parent_item_id: 'text',
        status: 'label',
        date0: 'date',
        numbers: 'number',
      }),
    },
  ]
}

/** Makes the app's tables, each with a column of people's own, and runs a test with the app. */
export async function withTasksApp<T>(
  db: Database,
  sim: MondaySim,
  test: (app: App) => Promise<T>,
  options: TasksOptions & { endpoint?: string; pageSize?: number } = {},
): Promise<T> {
  const migrations = await mkdtemp(join(tmpdir(), 'lockstep-tasks-'))
  const { endpoint = sim.url, pageSize = 200, ...rest } = options
  const app = mondayBoards({
    boards: taskMappings(rest),
    migrations,
    token: 'sim-token',
    endpoint,
    pageSize,
    plan: 'enterprise',
    pathSecret: PATH_SECRET,
    formulaCellsPerMinute: 1e9,
    coalesceMs: 0,
  })
  for (const { name, columns } of app.tables) {
    const list = Object.entries(columns).map(([column, { type }]) => `"${column}" ${type}`)
    await db.query(`create table ${name} (monday_id text primary key, ${list.join(', ')}, note text,
      extra jsonb not null default '{}', _stamp text collate "C" not null, _stamps jsonb,
      last_synced_at timestamptz not null default now())`)
  }
  try {
    return await test(app)
  } finally {
    await rm(migrations, { recursive: true })
  }
}

/** Serves every request that is due. */
export async function drain(db: Database, pipeline: Pipeline): Promise<void> {
  const signal = AbortSignal.timeout(30_000)
  while ((await refetchOnce(db, pipeline, signal)) > 0);
}

/** Reads rows again at the vendor, now. */
export async function readAgain(
  db: Database,
  pipeline: Pipeline,
  stream: string,
  keys: string[],
): Promise<void> {
  await requestRefetch(db, pipeline.app, [{ stream, part: ROW, keys, reason: 'test' }])
  await drain(db, pipeline)
}

/** One row as JSON, without what the mirror keeps for itself; undefined where there is none. */
export async function rowOf(
  db: Database,
  table: string,
  key: string | number,
): Promise<Record<string, unknown> | undefined> {
  const { rows } = await db.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(t) - '{_stamp,_stamps,last_synced_at}'::text[] as row from ${table} as t where monday_id = $1`,
    [String(key)],
  )
  return rows[0]?.row
}

export interface TasksRun {
  readonly sim: MondaySim
  readonly db: Database
  readonly pipeline: Pipeline
  readonly hook: string
  /** Delivers a body as monday would; the answer's status word. */
  readonly send: (event: object) => Promise<string>
  /** Applies what has arrived; asks the vendor for nothing. */
  readonly apply: () => Promise<void>
  /** Waits for deliveries, applies them, and reads what they ask for. */
  readonly settle: () => Promise<void>
  readonly sync: (options?: { full?: boolean }) => Promise<SyncResult>
  /** The app as a restarted process has it: nothing in memory but what the database keeps. */
  readonly reopen: () => Promise<Pipeline>
}

/** The Tasks boards, read whole, with a door that takes events in; the test says when they are applied. */
export async function withTasks<T>(
  test: (run: TasksRun) => Promise<T>,
  options: TasksOptions & {
    tasks?: number
    endpoint?: string
    pageSize?: number
    sim?: MondaySimOptions
  } = {},
): Promise<T> {
  const { tasks = 12, sim: simOptions, ...rest } = options
  return withSim({ world: everyColumnWorld(1, { tasks }), ...simOptions }, (sim) =>
    withDatabase((db) =>
      withTasksApp(
        db,
        sim,
        (app) =>
          withNode(
            db,
            app,
            async ({ pipeline, hook }) => test(await startTasks({ sim, db, pipeline, hook }, app)),
            {
              role: 'ingest',
            },
          ),
        rest,
      ),
    ),
  )
}

export async function startTasks(
  { sim, db, pipeline, hook }: Pick<TasksRun, 'sim' | 'db' | 'pipeline' | 'hook'>,
  app: App,
): Promise<TasksRun> {
  const sync: TasksRun['sync'] = ({ full = true } = {}) =>
    syncApp(db, pipeline, { signal: AbortSignal.timeout(30_000), full, drain: true })
  const apply = async (): Promise<void> => {
    while ((await processBatch(db, pipeline, 500)).settled > 0);
  }
  const settle = async (): Promise<void> => {
    await sim.deliveries.idle()
    await apply()
    await drain(db, pipeline)
  }
  const send = async (event: object): Promise<string> => {
    const response = await fetch(hook, { method: 'POST', body: JSON.stringify({ event }) })
    return ((await response.json()) as { status: string }).status
  }
  const reopen = async (): Promise<Pipeline> => {
    const opened = await openPipeline(db, app)
    await opened.source.prepare({ fresh: false, signal: AbortSignal.timeout(30_000) })
    return opened
  }
  await sync()
  return { sim, db, pipeline, hook, send, apply, settle, sync, reopen }
}
