import { ConfigError } from '../../engine/errors.ts'
import { type ColumnType, defineTable, type TableSpec } from '../../mirror/table-spec.ts'
import { type BoardMapping, type DecoderName, decoderNames } from '../../sources/monday/mapping.ts'
import { type MondayOptions, mondaySource } from '../../sources/monday/source.ts'
import type { App } from '../contract.ts'

/** The Postgres type of a decoder's values. */
export const decoderTypes: Readonly<Record<DecoderName, ColumnType>> = {
  text: 'text',
  label: 'text',
  number: 'numeric',
  integer: 'integer',
  date: 'date',
  timestamp: 'timestamptz',
  people: 'text',
  people_ids: 'text[]',
  link: 'text',
  links: 'text[]',
  display: 'text',
  display_number: 'numeric',
  display_date: 'date',
  boolean: 'boolean',
  json: 'jsonb',
}

/** Which environment variables a monday app reads where its options leave a thing out. */
export interface MondayAppOptions extends Omit<Partial<MondayOptions>, 'boards' | 'audience'> {
  /** `:app` in routes and commands; default `monday`. */
  readonly name?: string
  readonly boards: readonly BoardMapping[]
  /** Folder with the migrations that make the tables; default `migrations` beside where Lockstep runs. */
  readonly migrations?: string
}

/** The table that a board mapping needs. */
export function tableOf(mapping: BoardMapping, boards: readonly BoardMapping[]): TableSpec {
  const fields = Object.entries(mapping.fields)
  for (const [name, field] of fields) {
    if (!decoderNames.includes(field.as)) {
      throw new ConfigError(
        `board ${mapping.board}, field ${name}: "${String(field.as)}" is none of ${decoderNames.join(', ')}`,
      )
    }
  }
  const parent = boards.find(({ board }) => board === mapping.parentBoard)
  const parentField = fields.find(([, field]) => field.column === 'parent_item_id')?.[0]
  return defineTable({
    name: mapping.table,
    key: 'monday_id',
    columns: Object.fromEntries(fields.map(([name, field]) => [name, decoderTypes[field.as]])),
    watch: parentField === undefined ? [] : [parentField],
    ...(parent === undefined || parentField === undefined
      ? {}
      : { parent: { table: parent.table, column: parentField } }),
  })
}

/** An app that mirrors any monday boards, one table each; `lockstep init` writes its options. */
export function mondayBoards(options: MondayAppOptions): App {
  const { name = 'monday', boards, migrations = 'migrations' } = options
  if (boards.length === 0) throw new ConfigError(`app ${name}: no boards are configured`)
  return {
    name,
    tables: boards.map((mapping) => tableOf(mapping, boards)),
    migrations: [{ set: name, folder: migrations }],
    source: mondayAppSource(options, boards),
  }
}

/**
 * A monday source for an app: what its options leave out comes from the environment (MONDAY_TOKEN,
 * MONDAY_API_ENDPOINT, MONDAY_SIGNING_SECRET, MONDAY_WEBHOOK_SECRET, MONDAY_HMAC_SECRET).
 */
export function mondayAppSource(
  options: Omit<MondayAppOptions, 'boards'>,
  boards: readonly BoardMapping[],
): App['source'] {
  return (store, { webhookUrl }) => {
    const env = (name: string): string | undefined => process.env[name] || undefined
    const token = options.token ?? env('MONDAY_TOKEN')
    if (token === undefined) {
      throw new ConfigError(
        'no monday token. Make one in monday (avatar, Developers, API token) and set MONDAY_TOKEN in .env',
      )
    }
    const all: MondayOptions = {
      ...options,
      token,
      boards,
      endpoint: options.endpoint ?? env('MONDAY_API_ENDPOINT'),
      signingSecret: options.signingSecret ?? env('MONDAY_SIGNING_SECRET'),
      pathSecret: options.pathSecret ?? env('MONDAY_WEBHOOK_SECRET'),
      hmacSecret: options.hmacSecret ?? env('MONDAY_HMAC_SECRET'),
      audience: webhookUrl,
    }
    return mondaySource(all, store)
  }
}
