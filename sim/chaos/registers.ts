import type { Queryable } from '../../src/db/database.ts'
import { parseStamp, type Stamp } from '../../src/engine/stamp.ts'
import { sqlName, tableId, type TableSpec } from '../../src/mirror/table-spec.ts'

export interface Register {
  readonly place: string
  readonly row: Stamp
  readonly name: string
  readonly stamp: Stamp
}

/** One register of a row, wherever it lies: shown, dead or waiting. */
export async function registersOf(
  db: Queryable,
  spec: Pick<TableSpec, 'schema' | 'name' | 'key'>,
  key: string,
  name: string,
): Promise<Register[]> {
  const whole = spec as TableSpec
  const { rows } = await db.query<{
    place: string
    stamp: Stamp
    stamps: Record<string, Stamp> | null
  }>(
    `select 'shown' as place, _stamp as stamp, _stamps as stamps from ${sqlName(whole)} where "${spec.key}" = $2
     union all select case when dead then 'dead' else 'waiting' end, stamp, stamps from lockstep.tombstones
     where table_name = $1 and key = $2`,
    [tableId(whole), key],
  )
  return rows.map(({ place, stamp, stamps }) => ({ place, row: stamp, name, stamp: stamps?.[name] ?? stamp }))
}

/** A line about each, for people. */
export const describeRegisters = (registers: readonly Register[]): string[] =>
  registers.map(({ place, row, name, stamp }) => `ours: ${place}, row ${tell(row)}, ${name} ${tell(stamp)}`)

function tell(stamp: Stamp): string {
  const { at, seen, n } = parseStamp(stamp)
  const time = (us: number): string => new Date(Math.floor(us / 1000)).toISOString().slice(11, 23)
  return `(at ${time(at)}${String(at % 1000).padStart(3, '0')}, seen ${time(seen)}, n ${n})`
}
