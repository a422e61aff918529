import type { Transaction } from '../db/database.ts'
import { DELETED, type Json } from '../engine/observation.ts'
import { isLive, merge, type Registers, stampOf } from '../engine/merge.ts'
import { NEVER, type Stamp } from '../engine/stamp.ts'
import { parseExact, storableJson } from '../db/storable.ts'
import { DIGEST, sourceColumns, sqlName, SYSTEM_COLUMNS, tableId, type TableSpec } from './table-spec.ts'
import type { MirrorTable } from './mirror-table.ts'
import { BURY } from './statements.ts'

/**
 * The slow path: keys with a tombstone, keys that a batch deletes or restores, and columns of rows never seen
 * whole. They are rare, so their registers are read, merged by the model in `engine/merge.ts` itself, and written
 * back. The caller holds the table's exclusive lock: no other batch can move a key between the two tables.
 */

/** What a key was before the batch, where it lies, and what it held that the vendor does not own. */
export interface Resting {
  readonly registers: Registers
  readonly place: 'live' | 'buried'
  readonly local: Readonly<Record<string, Json>> | undefined
}

interface StoredRow {
  key: string
  stamp: string
  stamps: string | null
  deleted: boolean
  source_values: string
  extra: string
  local_values: string | null
  live: boolean
}

/** Reads all that is known of these keys, from the live table and from the tombstones. */
export async function readResting(
  tx: Transaction,
  table: MirrorTable,
  keys: readonly string[],
): Promise<Map<string, Resting>> {
  const { spec } = table
  const { rows } = await tx.query<StoredRow>(
    `select t."${spec.key}" as key, t._stamp as stamp, t._stamps::text as stamps, false as deleted,
       to_jsonb(t)::text as source_values, t.extra::text as extra, null as local_values, true as live
     from ${sqlName(spec)} as t where t."${spec.key}" = any ($2::text[])
     union all
     select key, stamp, stamps::text, deleted, source_values::text, extra::text, local_values::text, false
     from lockstep.tombstones where table_name = $1 and key = any ($2::text[])
     order by key`,
    [tableId(spec), keys],
  )
  const source = new Set(sourceColumns(spec))
  return new Map(rows.map((row) => [row.key, toResting(row, spec.key, source)]))
}

function toResting(row: StoredRow, key: string, source: ReadonlySet<string>): Resting {
  const all = parseExact(row.source_values)
  const stamps = row.stamps === null ? {} : (JSON.parse(row.stamps) as Record<string, Stamp>)
  const values: Record<string, Json> = {}
  const local: Record<string, Json> = {}
  for (const [column, value] of Object.entries(all)) {
    // A null that nobody has observed is a column of the table, not a value of the row.
    if (source.has(column)) {
      if ((stamps[column] ?? row.stamp) !== NEVER) values[column] = value
    } else if (column !== key && !(column in SYSTEM_COLUMNS) && column !== DIGEST) local[column] = value
  }
  return {
    registers: {
      key: row.key,
      base: row.stamp as Stamp,
      stamps,
      values: values,
      extra: parseExact(row.extra),
      deleted: row.deleted,
    },
    place: row.live ? 'live' : 'buried',
    local: row.live ? local : row.local_values === null ? undefined : parseExact(row.local_values),
  }
}

/** A key with its merged registers, and what it was before. */
export interface Move {
  readonly merged: Registers
  readonly resting: Resting | undefined
  /** Not to be shown though seen whole: deleted itself, or its parent is dead. */
  readonly dead: boolean
}

export interface Moves {
  /** Keys that leave the public table, or stay out of it. */
  readonly bury: Move[]
  /** Keys that come (back) into the public table. */
  readonly revive: Move[]
  /** Keys that are and stay live: the ordinary statements serve them. */
  readonly stay: Registers[]
  /** Keys read as there that stay dead: the delete is too fresh for that read to outrank it. */
  readonly contested: string[]
  /** Dead keys of which an event speaks that is newer than their death: it may have been undone without a word. */
  readonly stirring: string[]
}

/**
 * Decides for each key of the batch where it belongs after merging. A child is shown while its own register says so
 * and the parent that its newest value names is not dead: a function of both rows' registers, so that it does not
 * matter whether the child, its move to another parent, or the parent's death came first.
 */
export async function decideMoves(
  tx: Transaction,
  { spec }: MirrorTable,
  parent: TableSpec | undefined,
  batch: readonly Registers[],
  resting: ReadonlyMap<string, Resting>,
): Promise<Moves> {
  const merged = batch.map((incoming) => {
    const before = resting.get(incoming.key)
    return { incoming, before, now: before === undefined ? incoming : merge(before.registers, incoming) }
  })
  const deadParents =
    parent === undefined
      ? new Set<string>()
      : await findDead(
          tx,
          parent,
          merged.map(({ now }) => parentOf(spec, now)),
        )
  const moves: Moves = { bury: [], revive: [], stay: [], contested: [], stirring: [] }
  for (const { incoming, before, now } of merged) {
    const orphan = deadParents.has(parentOf(spec, now) ?? '')
    const move = { merged: now, resting: before, dead: now.deleted || (orphan && isLive(now)) }
    if (now.deleted && !incoming.deleted) {
      if (incoming.base !== NEVER) moves.contested.push(now.key)
      else if (isNewer(incoming, stampOf(now, DELETED))) moves.stirring.push(now.key)
    }
    if (!isLive(now) || orphan) moves.bury.push(move)
    else if (before?.place === 'live') moves.stay.push(incoming)
    else moves.revive.push(move)
  }
  return moves
}

const isNewer = ({ stamps }: Registers, than: Stamp): boolean =>
  Object.values(stamps).some((own) => own > than)

function parentOf({ parent }: TableSpec, { values }: Registers): string | null {
  const key = parent === undefined ? undefined : values[parent.column]
  return typeof key === 'string' ? key : null
}

async function findDead(
  tx: Transaction,
  parent: TableSpec,
  keys: readonly (string | null)[],
): Promise<Set<string>> {
  const { rows } = await tx.query<{ key: string }>(
    `select key from lockstep.tombstones where table_name = $1 and key = any ($2::text[]) and dead`,
    [tableId(parent), keys.filter((key) => key !== null)],
  )
  return new Set(rows.map((row) => row.key))
}

/** Moves keys to lockstep.tombstones; returns the keys whose live row went, with their watched columns. */
export async function bury(
  tx: Transaction,
  { spec }: MirrorTable,
  moves: Moves['bury'],
): Promise<{ key: string; before: Record<string, Json> | null }[]> {
  if (moves.length === 0) return []
  const records = moves.map(({ merged, resting, dead }) => ({
    key: merged.key,
    deleted: merged.deleted,
    dead,
    stamp: merged.base,
    stamps: merged.stamps,
    source_values: merged.values,
    extra: merged.extra,
    local_values: resting?.local ?? null,
    parent: parentOf(spec, merged),
  }))
  await tx.query(
    `insert into ${BURY.into}
     select $1, r.key, r.deleted, r.dead, r.stamp, r.stamps, typed.source_values, r.extra, r.local_values, r.parent
     from jsonb_to_recordset($2::jsonb) as r (key text, deleted boolean, dead boolean, stamp text, stamps jsonb,
       source_values jsonb, extra jsonb, local_values jsonb, parent text)
     -- Through the table's own types, so that a value is kept, or refused, as the live table would.
     cross join lateral (
       select coalesce(jsonb_object_agg(c.key, c.value), '{}') as source_values
       from jsonb_each(to_jsonb(jsonb_populate_record(null::${sqlName(spec)}, r.source_values))) as c
       where r.source_values ? c.key
     ) as typed
     ${BURY.again}`,
    [tableId(spec), JSON.stringify(storableJson(records as unknown as Json))],
  )
  const watched = spec.watch.map((c) => `'${c}', "${c}"`).join(', ')
  const gone = await tx.query<{ key: string; before: Record<string, Json> | null }>(
    `delete from ${sqlName(spec)} where "${spec.key}" = any ($1::text[])
     returning "${spec.key}" as key, ${watched === '' ? 'null::jsonb' : `jsonb_build_object(${watched})`} as before`,
    [moves.map(({ merged }) => merged.key)],
  )
  return gone.rows
}

/** Brings keys into the public table, with the local values that they had, and drops their tombstones. */
export async function revive(
  tx: Transaction,
  table: MirrorTable,
  moves: Moves['revive'],
  now: string,
): Promise<{ key: string; after: Record<string, Json> | null }[]> {
  const { spec } = table
  const revived: { key: string; after: Record<string, Json> | null }[] = []
  // Rows that come with local values name those columns; the others leave them to their defaults.
  const groups = [moves.filter((m) => m.resting?.local !== undefined), moves.filter((m) => !m.resting?.local)]
  for (const [index, group] of groups.entries()) {
    if (group.length === 0) continue
    const own = [spec.key, ...sourceColumns(spec), 'extra', '_stamp', '_stamps', 'last_synced_at']
    const columns =
      index === 0 ? [...own, ...table.writable.filter((c) => !own.includes(c) && c !== DIGEST)] : own
    const list = columns.map((c) => `"${c}"`).join(', ')
    const watched = spec.watch.map((c) => `'${c}', "${c}"`).join(', ')
    const { rows } = await tx.query<{ key: string; after: Record<string, Json> | null }>(
      `insert into ${sqlName(spec)} (${list})
       select ${list} from jsonb_populate_recordset(null::${sqlName(spec)}, $1::jsonb) order by "${spec.key}"
       returning "${spec.key}" as key, ${watched === '' ? 'null::jsonb' : `jsonb_build_object(${watched})`} as after`,
      [JSON.stringify(storableJson(group.map((m) => toRow(m, spec.key, now)) as unknown as Json))],
    )
    revived.push(...rows)
  }
  await tx.query(`delete from lockstep.tombstones where table_name = $1 and key = any ($2::text[])`, [
    tableId(spec),
    moves.map(({ merged }) => merged.key),
  ])
  return revived
}

function toRow({ merged, resting }: Moves['revive'][number], key: string, now: string): object {
  return {
    ...resting?.local,
    ...merged.values,
    [key]: merged.key,
    extra: merged.extra,
    _stamp: merged.base,
    _stamps: Object.keys(merged.stamps).length === 0 ? null : merged.stamps,
    last_synced_at: now,
  }
}
