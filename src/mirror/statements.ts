import { DELETED } from '../engine/observation.ts'
import { isSentAsItself } from './encode.ts'
import type { MirrorTable } from './mirror-table.ts'
import {
  type ColumnType,
  DIGEST,
  sourceColumns,
  sqlName,
  SYSTEM_COLUMNS,
  type TableSpec,
} from './table-spec.ts'

/**
 * The mirror's statements, as text. What wins is decided by `engine/merge.ts` from the stamps that the probe read; the
 * statements write it, where those stamps still stand. All take the batch as arrays (`unnest`), in key order.
 */

const q = (name: string): string => `"${name}"`

const watched = (spec: TableSpec, row: string): string =>
  spec.watch.length === 0 ? 'null::jsonb' : objectOf(spec.watch, row)

/** Postgres's functions take a hundred arguments. */
const COLUMNS_AT_ONCE = 50

/** SQL: a JSON object of these columns. */
function objectOf(columns: readonly string[], row: string): string {
  const parts: string[] = []
  for (let i = 0; i < columns.length; i += COLUMNS_AT_ONCE) {
    const pairs = columns.slice(i, i + COLUMNS_AT_ONCE).map((c) => `'${c}', ${row}.${q(c)}`)
    parts.push(`jsonb_build_object(${pairs.join(', ')})`)
  }
  return parts.length === 0 ? `'{}'::jsonb` : `(${parts.join(' || ')})`
}

interface Input {
  readonly name: string
  /** Of the array that is sent; text where nothing else is said. */
  readonly sent?: string
  /** As what it is used, where that is another. */
  readonly used?: string
  /** SQL, for null. */
  readonly otherwise?: string
}

/** The batch as a CTE: parameters from `first` on, one array for each of these. */
function inputCte(inputs: readonly Input[], first = 2): string {
  const read = ({ name, used, otherwise }: Input): string => {
    const cast = used === undefined ? `c.${q(name)}` : `c.${q(name)}::${used}`
    return `${otherwise === undefined ? cast : `coalesce(${cast}, ${otherwise})`} as ${q(name)}`
  }
  // Side by side in the select list, arrays are read a row at a time; in FROM they would be copied to a temporary store.
  const each = inputs.map(({ name, sent = 'text' }, i) => `unnest($${i + first}::${sent}[]) as ${q(name)}`)
  // The offset keeps what is cast here from being cast again wherever it is used.
  return `input as (select ${inputs.map(read).join(', ')} from (select ${each.join(', ')}) as c offset 0)`
}

const inputOf = (name: string, type: ColumnType): Input =>
  isSentAsItself(type) ? { name, sent: type } : { name, used: type }

const columnInputs = (spec: TableSpec, columns: readonly string[]): Input[] =>
  columns.map((name) => inputOf(name, spec.columns[name]?.type ?? 'text'))

const DIGEST_INPUT: Input = { name: '_digest' }
/**
 * SQL: what `_digest` becomes. The transaction is that of the row itself, `xmin`, as long as nobody else writes it: that
 * shows what people change by hand.
 */
const DIGESTED = `x._digest || '/' || (txid_current() & 4294967295)`

const EXTRA: Input = { name: '_extra', used: 'jsonb', otherwise: `'{}'::jsonb` }
const STAMPS: Input = { name: '_stamps', used: 'jsonb' }

/** SQL: whether the parent that `key` names is dead. `$n` is the parent's table id. */
const isOrphan = (key: string, n: number): string =>
  `exists (select from lockstep.tombstones as p where p.table_name = $${n} and p.key = ${key} and p.dead)`

/**
 * Rows of which nothing is known: those of which something is are left alone. $1 the time, $2 the table's id, where the
 * table has a parent $3 the parent's table id; then the inputs: key, _stamp, _stamps, extra, and the columns. Result
 * rows: key, after. Where the table has digests, that is the last input.
 */
export function insertStatement({ spec, digests }: MirrorTable, columns: readonly string[]): string {
  const parent = spec.parent?.column
  const inputs: Input[] = [
    { name: spec.key },
    { name: '_stamp' },
    STAMPS,
    { ...EXTRA, name: 'extra' },
    ...columnInputs(spec, columns),
  ]
  const names = inputs.map(({ name }) => q(name))
  if (digests) inputs.push(DIGEST_INPUT)
  const [digestName, digested] = digests ? [', _digest', `, ${DIGESTED}`] : ['', '']
  const carried = parent !== undefined && columns.includes(parent)
  // In the list of what is selected: as conditions they might become joins, which look at all tombstones for each key
  // where their number is misjudged.
  return `with ${inputCte(inputs, parent === undefined ? 3 : 4)}, fresh as (
  select x.*, exists (select from lockstep.tombstones as b where b.table_name = $2 and b.key = x.${q(spec.key)}) as _buried,
    ${parent === undefined ? 'false' : isOrphan(carried ? `x.${q(parent)}` : 'null', 3)} as _orphan
  from input as x offset 0
)
insert into ${sqlName(spec)} as t (${names.join(', ')}, last_synced_at${digestName})
select ${names.map((name) => `x.${name}`).join(', ')}, $1::timestamptz${digested} from fresh as x
where not x._buried and not x._orphan
on conflict (${q(spec.key)}) do nothing
returning t.${q(spec.key)} as key, ${watched(spec, 't')} as after`
}

export interface UpdateShape {
  readonly columns: readonly string[]
  /** Rows do not all set all of the columns: `_mask` says, with a 1 for each that is to be set. */
  readonly masked: boolean
  /** What becomes of `extra`: nothing at all is in it, the incoming one takes its place, or they are merged. */
  readonly extra: 'none' | 'whole' | 'merged'
}

/** What an update takes before its columns. `_place` and `_version`: the row as the probe saw it. */
export type UpdateInput =
  | '_key'
  | '_place'
  | '_version'
  | '_stamp'
  | '_stamps'
  | '_extra'
  | '_extra_whole'
  | '_extra_keys'
  | '_mask'

const UPDATE_TYPES: Partial<Record<UpdateInput, Omit<Input, 'name'>>> = {
  _place: { used: 'tid' },
  _version: { used: 'xid' },
  _stamps: { used: 'jsonb' },
  _extra: { used: 'jsonb' },
  _extra_whole: { used: 'boolean' },
  _extra_keys: { used: 'text[]' },
}

/** Those that a batch of this shape needs, in order. */
export const updateInputs = ({ masked, extra }: UpdateShape): UpdateInput[] => [
  '_key',
  '_place',
  '_version',
  '_stamp',
  '_stamps',
  ...(extra === 'none' ? [] : (['_extra'] as const)),
  ...(extra === 'merged' ? (['_extra_whole', '_extra_keys'] as const) : []),
  ...(masked ? (['_mask'] as const) : []),
]

const EXTRA_AFTER: Readonly<Record<UpdateShape['extra'], string>> = {
  none: `'{}'`,
  whole: 'x._extra',
  merged: `case
    when x._extra_whole then
      case when x._extra_keys is null then x._extra else x._extra || lockstep.pick(t.extra, x._extra_keys) end
    when x._extra_keys is null then t.extra
    else (t.extra - x._extra_keys) || x._extra end`,
}

/**
 * Rows that are there. $1 the time, then the inputs and the columns. Result rows: key, changed (false where only
 * stamps moved, or where it was left alone), after. A key that is missing from them is no more as the probe saw it,
 * and to be decided again.
 *
 * Rows are found by their place, without a look at an index, in the order of their keys: two batches that meet wait
 * for each other in one order.
 */
export function updateStatement({ spec, digests }: MirrorTable, shape: UpdateShape): string {
  const { columns, masked } = shape
  const key = q(spec.key)
  const inputs = updateInputs(shape).map((name): Input => ({ name, ...UPDATE_TYPES[name] }))
  const sets = (i: number): string => `substr(x._mask, ${i + 1}, 1) = '1'`
  const assigned = columns.map((c, i) =>
    masked ? `${q(c)} = case when ${sets(i)} then x.${q(c)} else t.${q(c)} end` : `${q(c)} = x.${q(c)}`,
  )
  const differs = columns.map((c, i) => {
    const test = `x.${q(c)} is distinct from t.${q(c)}`
    return masked ? `(${sets(i)} and ${test})` : test
  })
  const extra = EXTRA_AFTER[shape.extra]
  return `with ${inputCte([...inputs, ...columnInputs(spec, columns)])}
update ${sqlName(spec)} as t set
  ${[...assigned, `extra = ${extra}`].join(',\n  ')},
  _stamp = x._stamp, _stamps = x._stamps,${digests ? ' _digest = null,' : ''}
  last_synced_at = case when ${[...differs, `t.extra is distinct from ${extra}`].join(' or ')}
    then $1::timestamptz else t.last_synced_at end
from input as x
where t.ctid = x._place and t.xmin = x._version and t.${key} = x._key
returning t.${key} as key, t.last_synced_at = $1::timestamptz as changed, ${watched(spec, 't')} as after`
}

/**
 * Whole rows that take the place of rows of which every register is older than all of theirs: the usual case of a row
 * that is there. $1 the time, where the table has a parent $2 the parent's table id; then the inputs: _key, _lowest (the
 * row's lowest stamp, null where it is _stamp), _stamp, _stamps, _extra, the columns, and the digest where the table has
 * them. Result rows: key, changed (false where only stamps moved), before, after. What stands otherwise is not among
 * them, and left as it is.
 *
 * Rows are found by their place, in the order of their keys: two batches that meet wait for each other in one order. A
 * row that another transaction writes meanwhile is in another place then, and left as well.
 */
export function replaceStatement({ spec, digests }: MirrorTable, columns: readonly string[]): string {
  const key = q(spec.key)
  const parent = spec.parent?.column
  const inputs: Input[] = [
    { name: '_key' },
    { name: '_lowest', otherwise: 'c._stamp' },
    { name: '_stamp' },
    STAMPS,
    EXTRA,
    ...columnInputs(spec, columns),
    ...(digests ? [DIGEST_INPUT] : []),
  ]
  const differs = [
    ...columns.map((c) => `x.${q(c)} is distinct from t.${q(c)}`),
    't.extra is distinct from x._extra',
  ]
  return `with ${inputCte(inputs, parent === undefined ? 2 : 3)}, known as (
  select x.*, t.*, ${parent === undefined ? 'false' : isOrphan(`x.${q(parent)}`, 2)} as _orphan
  from input as x
  -- Each by its key, whatever the planner thinks of the number of rows.
  cross join lateral (
    select t.ctid as _place, t._stamp as _known, t._stamps as _known_stamps, ${watched(spec, 't')} as _before
    from ${sqlName(spec)} as t where t.${key} = x._key offset 0
  ) as t
  offset 0
)
update ${sqlName(spec)} as t set ${columns.map((c) => `${q(c)} = x.${q(c)}, `).join('')}extra = x._extra,
  _stamp = x._stamp, _stamps = x._stamps,${digests ? ` _digest = ${DIGESTED},` : ''}
  last_synced_at = case when ${differs.join(' or ')} then $1::timestamptz else t.last_synced_at end
from known as x
where t.ctid = x._place and not x._orphan and x._known < x._lowest and (x._known_stamps is null
  or not jsonb_path_exists(x._known_stamps, '$.* ? (@ >= $lowest)', jsonb_build_object('lowest', x._lowest)))
returning t.${key} as key, t.last_synced_at = $1::timestamptz as changed, x._before as before, ${watched(spec, 't')} as after`
}

/** SQL: into the tombstones, with what a key's own became. What people kept in it stays where it is not told anew. */
export const BURY = {
  into: `lockstep.tombstones
    (table_name, key, deleted, dead, stamp, stamps, source_values, extra, local_values, parent)`,
  again: `on conflict (table_name, key) do update set deleted = excluded.deleted, dead = excluded.dead,
    stamp = excluded.stamp, stamps = excluded.stamps, source_values = excluded.source_values, extra = excluded.extra,
    local_values = coalesce(excluded.local_values, tombstones.local_values), parent = excluded.parent`,
} as const

/**
 * Rows that are deleted, and of which nothing else is said: to the tombstones, as they are, where the delete is newer
 * than what is known of whether they are there. $1 the table's id, then the inputs: `_key`, `_stamp` (of the delete).
 * Result rows: key, before. The caller has the table for itself.
 */
export function removeStatement(spec: TableSpec): string {
  const source = sourceColumns(spec)
  const other = [spec.key, ...Object.keys(SYSTEM_COLUMNS), DIGEST, ...source]
  const parent = spec.parent === undefined ? 'null' : `t.${q(spec.parent.column)}`
  const values = `to_jsonb(t) - array[${other.map((c) => `'${c}'`).join(', ')}]`
  return `with ${inputCte([{ name: '_key' }, { name: '_stamp' }])}, gone as (
  delete from ${sqlName(spec)} as t using input as x
  where t.${q(spec.key)} = x._key and x._stamp > coalesce(t._stamps ->> '${DELETED}', t._stamp) collate "C"
  returning t.${q(spec.key)} as key, ${watched(spec, 't')} as before, t._stamp as stamp,
    coalesce(t._stamps, '{}') || jsonb_build_object('${DELETED}', x._stamp) as stamps,
    ${objectOf(source, 't')}
      - coalesce((select array_agg(s.key) from jsonb_each_text(t._stamps) as s where s.value = ''), '{}') as source_values,
    t.extra, ${values} as local_values, ${parent} as parent
), buried as (
  insert into ${BURY.into}
  select $1, key, true, true, stamp, stamps, source_values, extra, local_values, parent from gone
  ${BURY.again}
)
select key, before from gone`
}

/**
 * The same as `sameStatement`, told by digests. Inputs: `_key`, `_floor`, `_digest`; where the table has a parent,
 * before them the parent's table id. Result rows: key, and whether the row is the same; false where its digest does not
 * tell, and its values must be looked at. A row that differs is not among them.
 */
export function digestStatement(spec: TableSpec): string {
  const parent = spec.parent?.column
  const inputs: Input[] = [{ name: '_key' }, { name: '_floor' }, DIGEST_INPUT]
  return `with ${inputCte(inputs, parent === undefined ? 1 : 2)}
select x._key as key, coalesce(t._digest = x._digest || '/' || t.xmin, false) as same
from input as x join ${sqlName(spec)} as t on t.${q(spec.key)} = x._key
where t._stamp >= x._floor ${parent === undefined ? '' : `and not ${isOrphan(`t.${q(parent)}`, 1)}`}
  and (t._digest is null or t._digest = x._digest || '/' || t.xmin or split_part(t._digest, '/', 2) <> t.xmin::text)`
}

/**
 * Which rows need no write: they are there as they were read, and were written after the moment since which the vendor
 * says that nothing changed. Inputs: `_key`, `_floor` (the least stamp of such a row), `_extra`, and the columns; where
 * the table has a parent, before them the parent's table id. Result rows: key.
 */
export function sameStatement(spec: TableSpec, columns: readonly string[]): string {
  const inputs: Input[] = [{ name: '_key' }, { name: '_floor' }, EXTRA]
  const parent = spec.parent?.column
  const conditions = [
    't._stamp >= x._floor',
    ...columns.map((c) => `x.${q(c)} is not distinct from t.${q(c)}`),
    't.extra = x._extra',
    ...(parent === undefined ? [] : [`not ${isOrphan(`t.${q(parent)}`, 1)}`]),
  ]
  return `with ${inputCte([...inputs, ...columnInputs(spec, columns)], parent === undefined ? 1 : 2)}
select x._key as key from input as x join ${sqlName(spec)} as t on t.${q(spec.key)} = x._key
where ${conditions.join(' and ')}`
}

/**
 * What is known of each key of a batch: its row's stamps, watched columns, place and version, null where there is
 * none; and what the batch would have to look at beside the live rows: a tombstone of its own, one of its parent. $1
 * keys, $2 table id, and where the table has a parent $3 parent keys, $4 the parent's table id.
 * The rows are locked, in key order.
 */
export function probeStatement(spec: TableSpec): string {
  const child = spec.parent !== undefined
  const key = q(spec.key)
  // As subqueries: a join would look at all tombstones of the table for each key where their number is misjudged.
  const orphan = child ? isOrphan('k.parent', 4) : 'false'
  return `with there as materialized (
  select t.${key} as key, t._stamp as stamp, t._stamps::text as stamps, ${watched(spec, 't')} as before,
    t.ctid::text as place, t.xmin::text as version
  from ${sqlName(spec)} as t where t.${key} = any ($1::text[]) order by t.${key} for update
)
select k.key, t.stamp, t.stamps, t.before, t.place, t.version,
  exists (select from lockstep.tombstones as b where b.table_name = $2 and b.key = k.key) as buried, ${orphan} as orphan
from unnest($1::text[]${child ? ', $3::text[]' : ''}) as k (key${child ? ', parent' : ''})
left join there as t on t.key = k.key`
}

/** The source-owned columns that this batch carries at all; the others keep what they have. */
export function carriedColumns(spec: TableSpec, batch: readonly { values: object }[]): string[] {
  return sourceColumns(spec).filter((column) => batch.some((entry) => column in entry.values))
}
