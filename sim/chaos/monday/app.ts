import type { App } from '../../../src/apps/contract.ts'
import { mondayBoards } from '../../../src/apps/monday-boards/app.ts'
import type { BoardMapping, DecoderName, FieldMapping } from '../../../src/sources/monday/mapping.ts'
import type { Clock } from '../../../src/sources/contract.ts'
import { CLIENTS_BOARD, TASK_SUBITEMS_BOARD, TASKS_BOARD } from '../../monday/world/every-column.ts'

export const APP = 'chaos'
export const PATH_SECRET = 'chaos-path-secret'
export const TASKS = TASKS_BOARD
export const SUBTASKS = TASK_SUBITEMS_BOARD
export const CLIENTS = CLIENTS_BOARD

const fieldsOf = (columns: Readonly<Record<string, DecoderName>>): Record<string, FieldMapping> =>
  Object.fromEntries(Object.entries(columns).map(([column, as]) => [`c_${column}`, { column, as }]))

/** Two boards and one of subitems; the columns of Tasks that no field names are kept in `extra`. */
export const mappings: readonly BoardMapping[] = [
  {
    board: CLIENTS,
    name: 'Clients',
    table: 'clients',
    fields: fieldsOf({
      name: 'text',
      group_id: 'text',
      tier: 'label',
      revenue: 'number',
      score: 'display_number',
    }),
  },
  {
    board: TASKS,
    name: 'Tasks',
    table: 'tasks',
    fields: fieldsOf({
      name: 'text',
      group_id: 'text',
      status: 'label',
      dropdown: 'label',
      person: 'people',
      date4: 'date',
      date5: 'timestamp',
      numbers: 'number',
      long_text: 'text',
      check: 'boolean',
      email: 'json',
      link: 'json',
      timeline: 'json',
      tags: 'text',
      connect: 'links',
      dependent_on: 'link',
      mirror: 'display',
      formula: 'display_number',
      last_updated: 'timestamp',
    }),
  },
  {
    board: SUBTASKS,
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

/** Columns of Tasks in `extra` whose kept form is the vendor's own text, and how that text is told. */
export const extraColumns: Readonly<Record<string, 'text' | 'number' | 'display'>> = {
  text: 'text',
  numbers2: 'number',
  mirror_formula: 'display',
}

export interface ChaosAppOptions {
  readonly endpoint: string
  readonly clock: Clock
  readonly pageSize: number
  /** Empty: the tables are made by the runner. */
  readonly migrations: string
}

export const chaosApp = ({ endpoint, clock, pageSize, migrations }: ChaosAppOptions): App =>
  mondayBoards({
    name: APP,
    boards: mappings,
    migrations,
    token: 'sim-token',
    endpoint,
    clock,
    pageSize,
    plan: 'enterprise',
    callsPerDay: 0,
    pathSecret: PATH_SECRET,
    formulaCellsPerMinute: 1e9,
    coalesceMs: 500,
    timeoutMs: 300,
  })

/** Each table has a column of people's own, which no sync may write. */
export const tablesSql = (app: App): string =>
  app.tables
    .map(({ name, columns }) => {
      const list = Object.entries(columns).map(([column, { type }]) => `"${column}" ${type}`)
      return `create table public.${name} (monday_id text primary key, ${list.join(', ')}, note text,
        extra jsonb not null default '{}', _stamp text collate "C" not null, _stamps jsonb, _digest text,
        last_synced_at timestamptz not null default now());`
    })
    .join('\n')
