import { sourceColumns, sqlName, type TableSpec } from './table-spec.ts'

/**
 * The mirror's statements, as text. What wins is decided by `engine/merge.ts` from the stamps that the probe read; the
 * statements write it, where those stamps still stand. All take the batch as arrays of text (`unnest`), in key order.
 */

const q = (name: string): string => `"${name}"`

const watched = (spec: TableSpec, row: string): string =>
  spec.watch.length === 0
    ? 'null::jsonb'
    : `jsonb_build_object(${spec.watch.map((c) => `'${c}', ${row}.${q(c)}`).join(', ')})`

interface Input {
  readonly name: string
  /** As SQL knows it; text needs no cast. */
  readonly type?: string
}

/** The batch as a CTE: $2 and on, one array of text for each of these. */
function inputCte(inputs: readonly Input[]): string {
  const cast = ({ name, type }: Input): string =>
    type === undefined ? `c.${q(name)}` : `c.${q(name)}::${type} as ${q(name)}`
  return `input as materialized (
  select ${inputs.map(cast).join(', ')}
  from unnest(${inputs.map((_, i) => `$${i + 2}::text[]`).join(', ')}) as c (${inputs.map(({ name }) => q(name)).join(', ')})
)`
}

const columnInputs = (spec: TableSpec, columns: readonly string[]): Input[] =>
  columns.map((name) => {
    const type = spec.columns[name]?.type ?? 'text'
    return type === 'text' ? { name } : { name, type }
  })

/**
 * Rows of which nothing is known. $1 the time, then the inputs: key, _stamp, _stamps, extra, and the columns. Result
 * rows: key, after. A key that is missing from them was there after all.
 */
export function insertStatement(spec: TableSpec, columns: readonly string[]): string {
  const inputs: Input[] = [
    { name: spec.key },
    { name: '_stamp' },
    { name: '_stamps', type: 'jsonb' },
    { name: 'extra', type: 'jsonb' },
    ...columnInputs(spec, columns),
  ]
  const names = inputs.map(({ name }) => name)
  return `with ${inputCte(inputs)}
insert into ${sqlName(spec)} as t (${names.map(q).join(', ')}, last_synced_at)
select ${names.map((name) => `x.${q(name)}`).join(', ')}, $1::timestamptz from input as x
on conflict (${q(spec.key)}) do nothing
returning t.${q(spec.key)} as key, ${watched(spec, 't')} as after`
}

export interface UpdateShape {
  readonly columns: readonly string[]
  /** Rows do not all set all of the columns: `_mask` says, with a 1 for each that is to be set. */
  readonly masked: boolean
  /** Some rows (`_same`) are not to be touched where they are equal: the vendor says that nothing changed. */
  readonly sifted: boolean
}

/** What an update takes before its columns. `_was`, `_were`: the stamps by which it was decided. */
export const UPDATE_INPUTS = [
  '_key', '_was', '_were', '_stamp', '_stamps', '_extra', '_extra_whole', '_extra_keys', '_mask', '_same',
] as const // prettier-ignore

const UPDATE_TYPES: Partial<Record<(typeof UPDATE_INPUTS)[number], string>> = {
  _were: 'jsonb',
  _stamps: 'jsonb',
  _extra: 'jsonb',
  _extra_whole: 'boolean',
  _extra_keys: 'text[]',
  _same: 'boolean',
}

const EXTRA_AFTER = `case
    when x._extra_whole then
      case when x._extra_keys is null then x._extra else x._extra || lockstep.pick(t.extra, x._extra_keys) end
    when x._extra_keys is null then t.extra
    else (t.extra - x._extra_keys) || x._extra end`

/**
 * Rows that are there. $1 the time, then UPDATE_INPUTS and the columns. Result rows: key, changed (false where only
 * stamps moved), after, missed (another transaction was there between the probe and now: to be decided again). The
 * rows are locked in key order, so that batches that meet do so in one order.
 */
export function updateStatement(spec: TableSpec, { columns, masked, sifted }: UpdateShape): string {
  const key = q(spec.key)
  const inputs = UPDATE_INPUTS.map((name): Input => {
    const type = UPDATE_TYPES[name]
    return type === undefined ? { name } : { name, type }
  })
  const sets = (i: number): string => (masked ? `substr(x._mask, ${i + 1}, 1) = '1'` : '')
  const values = columns.map((c, i) =>
    masked ? `case when ${sets(i)} then x.${q(c)} else t.${q(c)} end` : `x.${q(c)}`,
  )
  const differs = columns.map((c, i) => {
    const test = `x.${q(c)} is distinct from t.${q(c)}`
    return masked ? `(${sets(i)} and ${test})` : test
  })
  const same = [...columns, 'extra'].map((c) =>
    c === 'extra' ? 'x._extra is not distinct from t.extra' : `x.${q(c)} is not distinct from t.${q(c)}`,
  )
  const news = sifted
    ? `news as materialized (
  select x.* from input as x join ${sqlName(spec)} as t on t.${key} = x._key where not (x._same and ${same.join(' and ')})
),`
    : ''
  const source = sifted ? 'news' : 'input'
  return `with ${inputCte([...inputs, ...columnInputs(spec, columns)])},
${news}
locked as materialized (
  select t.${key} as key, t._stamp, t._stamps from ${sqlName(spec)} as t
  where t.${key} = any (${sifted ? 'array(select _key from news)' : '$2::text[]'}) order by t.${key} for update
),
up as (
  update ${sqlName(spec)} as t set
    ${[...columns.map((c, i) => `${q(c)} = ${values[i]}`), `extra = ${EXTRA_AFTER}`].join(',\n    ')},
    _stamp = x._stamp, _stamps = x._stamps,
    last_synced_at = case when ${[...differs, `(${EXTRA_AFTER}) is distinct from t.extra`].join(' or ')}
      then $1::timestamptz else t.last_synced_at end
  from ${source} as x join locked as l on l.key = x._key
  where t.${key} = x._key and l._stamp = x._was and l._stamps is not distinct from x._were
  returning t.${key} as key, t.last_synced_at = $1::timestamptz as changed, ${watched(spec, 't')} as after
)
select key, changed, after, false as missed from up
union all
select l.key, false, null, true from locked as l join ${source} as x on x._key = l.key
where l._stamp <> x._was or l._stamps is distinct from x._were`
}

/**
 * What is known of each key of a batch: its row's stamps and watched columns, null where there is none; and what the
 * batch would have to look at beside the live rows: a tombstone of its own, one of its parent. $1 keys, $2 table id,
 * and where the table has a parent $3 parent keys, $4 the parent's table id.
 */
export function probeStatement(spec: TableSpec): string {
  const child = spec.parent !== undefined
  return `select k.key, t._stamp as stamp, t._stamps::text as stamps, ${watched(spec, 't')} as before,
  b.key is not null as buried, ${child ? 'p.key is not null' : 'false'} as orphan
from unnest($1::text[]${child ? ', $3::text[]' : ''}) as k (key${child ? ', parent' : ''})
left join ${sqlName(spec)} as t on t.${q(spec.key)} = k.key
left join lockstep.tombstones as b on b.table_name = $2 and b.key = k.key
${child ? 'left join lockstep.tombstones as p on p.table_name = $4 and p.key = k.parent and p.dead' : ''}`
}

/** The source-owned columns that this batch carries at all; the others keep what they have. */
export function carriedColumns(spec: TableSpec, batch: readonly { values: object }[]): string[] {
  return sourceColumns(spec).filter((column) => batch.some((entry) => column in entry.values))
}
