import { describe, expect, it } from 'vitest'
import { boardMappings } from '../../src/apps/datacube/boards.ts'
import { projectColumns, projectMirrors } from '../../src/apps/datacube/derive/projects.ts'
import { NEW_ENQUIRY_FORMULA, subitemFields } from '../../src/apps/datacube/derive/subitem-fields.ts'
import { subitemColumns } from '../../src/apps/datacube/derive/subitems.ts'
import { datacubeTables, projects, subitems } from '../../src/apps/datacube/tables.ts'
import { type ColumnType, sourceColumns, type TableSpec } from '../../src/mirror/table-spec.ts'
import type { DecoderName } from '../../src/sources/monday/mapping.ts'

const typeOf: Readonly<Record<DecoderName, ColumnType>> = {
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

/** Derived columns that Postgres itself keeps. */
const generated = ['invoicing_spread_days', 'name_key', 'prefix_key', 'target_gpm', 'quote_amount', 'm2_rate']

const derivedColumns = (spec: TableSpec): string[] =>
  Object.entries(spec.columns).flatMap(([name, { owner }]) => (owner === 'derived' ? [name] : []))

describe('mapping of the boards', () => {
  it.each(boardMappings().map((mapping) => [mapping.table, mapping] as const))(
    '%s: one board column for each source column, of its type, and for no other',
    (table, mapping) => {
      const spec = datacubeTables.find(({ name }) => name === table)
      if (spec === undefined) throw new Error(`no table ${table}`)
      expect(Object.keys(mapping.fields).sort()).toEqual(sourceColumns(spec).sort())
      for (const [field, { as }] of Object.entries(mapping.fields)) {
        expect([field, spec.columns[field]?.type]).toEqual([field, typeOf[as]])
      }
      const ids = Object.values(mapping.fields).map(({ column }) => column)
      expect(new Set(ids).size, 'no board column twice').toBe(ids.length)
    },
  )

  it('leaves what is derived from to extra', () => {
    const fields = (table: string): string[] =>
      boardMappings().flatMap((mapping) =>
        mapping.table === table ? Object.values(mapping.fields).map(({ column }) => column) : [],
      )
    const subitemIds = [NEW_ENQUIRY_FORMULA, ...subitemFields.map((f) => f.mirror)]
    expect(fields('subitems').filter((id) => subitemIds.includes(id))).toEqual([])
    expect(fields('projects').filter((id) => (projectMirrors as readonly string[]).includes(id))).toEqual([])
    expect(new Set(subitemIds).size).toBe(subitemIds.length)
  })

  it('derives every derived column that is not generated', () => {
    const written = (spec: TableSpec): string[] =>
      derivedColumns(spec)
        .filter((c) => !generated.includes(c) || c === 'quote_amount' || c === 'm2_rate')
        .sort()
    expect([...projectColumns].sort()).toEqual(written(projects))
    expect([...subitemColumns].sort()).toEqual(written(subitems))
  })

  it('takes board ids from the options', () => {
    const own = boardMappings({ projects: '1', subitems: '2', hiddenItems: '3' })
    expect(own.map(({ table, board, parentBoard }) => [table, board, parentBoard])).toEqual([
      ['hidden_items', '3', undefined],
      ['projects', '1', undefined],
      ['subitems', '2', '1'],
    ])
  })
})
