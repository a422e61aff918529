import { decoderTypes } from '../../apps/monday-boards/app.ts'
import type { PlannedBoard } from './plan.ts'

const literal = (text: string): string => `'${text.replace(/'/g, "''")}'`
const oneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** The text of the migration that makes the tables. */
export function renderMigration(boards: readonly PlannedBoard[]): string {
  return `-- Written by "lockstep init". Once it is applied, leave it as it is and write the next change as 0002-….sql.
-- Each table is readable and writable by its owner alone, until you add policies (row level security is on), such as:
--   create policy readers on public.${boards[0]?.table ?? 'items'} for select to authenticated using (true);
-- The room that fillfactor leaves in each page lets a changed row stay in it, so that no index is written.

${boards.map(renderTable).join('\n')}`
}

function renderTable({ board, name, table, fields }: PlannedBoard): string {
  const columns = [
    'id uuid primary key default gen_random_uuid()',
    'monday_id text not null unique',
    ...fields.map((field) => `${field.name} ${decoderTypes[field.as]}`),
    `extra jsonb not null default '{}'`,
    '_stamp text collate "C" not null',
    '_stamps jsonb',
    '_digest text',
    'last_synced_at timestamptz not null default now()',
  ]
  const comments = [
    ['monday_id', 'id of the item at monday'] as const,
    ...fields.map((field) => [field.name, oneLine(field.note)] as const),
    ['extra', 'board columns that no field names, by their id'] as const,
    ['last_synced_at', 'when the row last changed here'] as const,
  ]
  return [
    `-- ${oneLine(name)} (board ${board})`,
    `create table public.${table} (\n  ${columns.join(',\n  ')}\n) with (fillfactor = 85);`,
    `comment on table public.${table} is ${literal(`monday board ${oneLine(name)} (${board})`)};`,
    ...comments.map(([column, text]) => `comment on column public.${table}.${column} is ${literal(text)};`),
    ...renderIndexes(table, fields),
    `alter table public.${table} enable row level security;`,
    '',
  ].join('\n')
}

// Joins go over the parent and over connected items. Postgres names each index by itself, uniquely.
function renderIndexes(table: string, fields: PlannedBoard['fields']): string[] {
  return fields.flatMap(({ name, column, as }) => {
    if (as === 'links') return [`create index on public.${table} using gin (${name});`]
    return column === 'parent_item_id' || as === 'link' ? [`create index on public.${table} (${name});`] : []
  })
}
