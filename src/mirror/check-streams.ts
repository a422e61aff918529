import { ConfigError } from '../engine/errors.ts'
import type { Stream } from '../sources/contract.ts'
import { type Owner, type TableSpec, tableId } from './table-spec.ts'

const why: Readonly<Record<Exclude<Owner, 'source'>, string>> = {
  local: 'is local: people write it, and a sync never may',
  derived: 'is derived: it is computed here from other columns',
  shared: 'is shared: only a rule of its app may move it',
}

/**
 * Refuses streams that would write what is not the vendor's (I5). Throws one ConfigError that names every such
 * column, and every table or column that is not declared.
 */
export function checkStreams(streams: readonly Stream[], tables: readonly TableSpec[]): void {
  const byName = new Map(tables.map((table) => [table.name, table]))
  const problems = streams.flatMap((stream) => {
    const table = byName.get(stream.table)
    if (table === undefined)
      return [`${stream.name} (${stream.id}) fills table "${stream.table}", which is not declared`]
    return stream.columns.flatMap((name) => {
      const column = table.columns[name]
      const where = `${stream.name} (${stream.id}) maps to ${tableId(table)}.${name}, which`
      if (column === undefined) return [`${where} is not declared`]
      return column.owner === 'source' ? [] : [`${where} ${why[column.owner]}`]
    })
  })
  if (problems.length > 0) {
    throw new ConfigError(
      `the mapping does not fit the tables:\n- ${problems.join('\n- ')}\nMap those to columns of their own`,
    )
  }
}
