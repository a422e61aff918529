import { sourceColumns, sqlName, type TableSpec } from './table-spec.ts'

/**
 * The mirror's two statements a table, as text. Both take the batch as arrays (`unnest`), lock rows in key order,
 * decide register by register, and report each row that they wrote.
 *
 * Result rows: key, created, changed (false where only stamps moved), before, after (watched columns).
 */

const q = (name: string): string => `"${name}"`

/** The stamp of a column's register: its own where it has one, else the row's. */
const stampOf = (row: string, column: string): string =>
  `coalesce(${row}._stamps ->> '${column}', ${row}._stamp)`

const wins = (incoming: string, column: string): string =>
  `${stampOf(incoming, column)} > ${stampOf('t', column)}`

function changed(incoming: string, columns: readonly string[], extra: string): string {
  const tests = columns.map(
    (c) => `(${wins(incoming, c)} and ${incoming}.${q(c)} is distinct from t.${q(c)})`,
  )
  return `(${[...tests, `(${incoming}.extra is distinct from t.extra and ${extra} is distinct from t.extra)`].join(' or ')})`
}

const mergedStamps = (incoming: string): string =>
  `case when t._stamps is null and ${incoming}._stamps is null then null
     else lockstep.merge_stamps(t._stamp, t._stamps, ${incoming}._stamp, ${incoming}._stamps) end`

const mergedExtra = (incoming: string): string =>
  `case when t._stamps is null and ${incoming}._stamps is null
     then case when ${incoming}._stamp > t._stamp then ${incoming}.extra else t.extra end
     else lockstep.merge_extra(t.extra, t._stamp, t._stamps, ${incoming}.extra, ${incoming}._stamp, ${incoming}._stamps) end`

function assignments(incoming: string, columns: readonly string[]): string {
  const extra = mergedExtra(incoming)
  return [
    ...columns.map(
      (c) => `${q(c)} = case when ${wins(incoming, c)} then ${incoming}.${q(c)} else t.${q(c)} end`,
    ),
    `extra = ${extra}`,
    `_stamp = greatest(t._stamp, ${incoming}._stamp)`,
    `_stamps = ${mergedStamps(incoming)}`,
    `last_synced_at = case when ${changed(incoming, columns, extra)} then $1::timestamptz else t.last_synced_at end`,
  ].join(',\n    ')
}

const watched = (spec: TableSpec, row: string): string =>
  spec.watch.length === 0
    ? 'null::jsonb'
    : `jsonb_build_object(${spec.watch.map((c) => `'${c}', ${row}.${q(c)}`).join(', ')})`

/** The batch as a CTE: $2 keys, $3 stamps, $4 own stamps, $5 extra, $6 unchanged since, then the columns. */
function inputCte(spec: TableSpec, columns: readonly string[]): string {
  const typed = columns.map((c) => `c.${q(c)}::${spec.columns[c]?.type} as ${q(c)}`)
  const arrays = columns.map((_, i) => `$${i + 7}::text[]`)
  return `input as (
  select c.key, c._stamp collate "C" as _stamp, c._stamps::jsonb as _stamps, c.extra::jsonb as extra,
    c.since collate "C" as since${typed.map((t) => `, ${t}`).join('')}
  from unnest(${['$2::text[]', '$3::text[]', '$4::text[]', '$5::text[]', '$6::text[]', ...arrays].join(', ')})
    as c (key, _stamp, _stamps, extra, since${columns.map((c) => `, ${q(c)}`).join('')})
)`
}

const oldCte = (spec: TableSpec): string => `old as materialized (
  select t.${q(spec.key)} as key, ${watched(spec, 't')} as before
  from ${sqlName(spec)} as t where t.${q(spec.key)} = any ($2::text[])
  order by t.${q(spec.key)} for update
)`

/**
 * Whole rows: insert, or merge with what is there. Rows that the vendor asserts unchanged since before what is
 * stored, and that are equal, are left out before any lock is taken.
 */
export function rowsStatement(spec: TableSpec, columns: readonly string[]): string {
  const key = q(spec.key)
  const all = [spec.key, ...columns, 'extra', '_stamp', '_stamps']
  // A CTE that nothing needs first runs last: the count makes the old values be read, and locked, before the merge.
  const waitForOld = spec.watch.length === 0 ? '' : ' where (select count(*) from old) >= 0'
  const same = [...columns, 'extra'].map((c) => `x.${q(c)} is not distinct from t.${q(c)}`).join(' and ')
  return `with ${inputCte(spec, columns)},
news as (
  select x.* from input as x left join ${sqlName(spec)} as t on t.${key} = x.key
  where not coalesce(x.since <= t._stamp and ${same}, false)
),
${spec.watch.length === 0 ? '' : `${oldCte(spec)},`}
up as (
  insert into ${sqlName(spec)} as t (${all.map(q).join(', ')}, last_synced_at)
  select x.key, ${all
    .slice(1)
    .map((c) => `x.${q(c)}`)
    .join(', ')}, $1::timestamptz
  from news as x${waitForOld} order by x.key
  on conflict (${key}) do update set
    ${assignments('excluded', columns)}
  where lockstep.outranks(excluded._stamp, excluded._stamps, t._stamp, t._stamps)
  returning t.${key} as key, t.xmax = 0 as created, t.last_synced_at = $1::timestamptz as changed, ${watched(spec, 't')} as after
)
${spec.watch.length === 0 ? 'select up.*, null::jsonb as before from up' : 'select up.*, old.before from up left join old on old.key = up.key'}`
}

/** Some columns of rows that exist. */
export function fieldsStatement(spec: TableSpec, columns: readonly string[]): string {
  const key = q(spec.key)
  return `with ${inputCte(spec, columns)},
${oldCte(spec)},
up as (
  update ${sqlName(spec)} as t set
    ${assignments('x', columns)}
  from input as x join old on old.key = x.key
  where t.${key} = x.key and lockstep.outranks(x._stamp, x._stamps, t._stamp, t._stamps)
  returning t.${key} as key, false as created, t.last_synced_at = $1::timestamptz as changed, ${watched(spec, 't')} as after,
    old.before as before
)
select * from up`
}

/**
 * What a batch would have to look at beside the live rows: keys with a tombstone, keys that have none and no live
 * row either, and keys whose parent is dead. $1 table id, $2 keys, $3 parent's table id, $4 parent keys.
 */
export function probeStatement(spec: TableSpec): string {
  return `select k.key, t.${q(spec.key)} is not null as live, b.key is not null as buried, p.key is not null as orphan
from unnest($2::text[], $4::text[]) as k (key, parent)
left join ${sqlName(spec)} as t on t.${q(spec.key)} = k.key
left join lockstep.tombstones as b on b.table_name = $1 and b.key = k.key
left join lockstep.tombstones as p on p.table_name = $3 and p.key = k.parent and p.dead`
}

/** The source-owned columns that this batch carries at all; the others keep what they have. */
export function carriedColumns(spec: TableSpec, batch: readonly { values: object }[]): string[] {
  return sourceColumns(spec).filter((column) => batch.some((entry) => column in entry.values))
}
