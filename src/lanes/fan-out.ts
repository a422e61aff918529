import type { Transaction } from '../db/database.ts'
import { sqlName, type TableSpec } from '../mirror/table-spec.ts'
import type { Change } from '../mirror/apply.ts'
import { type Dependency, holdsKey, type Refetch, ROW } from '../sources/contract.ts'
import type { Pipeline } from './pipeline.ts'

/** table → key → the registers that changed, or 'all' where that is not known. */
export type Touched = ReadonlyMap<string, ReadonlyMap<string, ReadonlySet<string> | 'all'>>

export interface FanOut {
  readonly touched: Touched
  /** A pass reads the changed rows' own parts anyway: only other rows are asked for. */
  readonly othersAlone?: boolean | undefined
}

/**
 * Which rows elsewhere show values of the changed ones (mirrors, formulas): the vendor sends no event for those, so
 * they are read again. Only rows that really changed count, so a chain of mirrors ends where nothing changes.
 */
export async function fanOut(
  tx: Transaction,
  pipeline: Pipeline,
  changes: readonly Change[],
  { touched, othersAlone }: FanOut,
): Promise<Refetch[]> {
  if (changes.length === 0) return []
  const wanted: Refetch[] = []
  for (const dependency of pipeline.source.dependencies()) {
    if (othersAlone === true && dependency.link.kind === 'self') continue
    const relevant = changes.filter((change) => concerns(change, dependency, touched))
    if (relevant.length === 0) continue
    const keys = await dependents(tx, pipeline, dependency, relevant)
    const reason = `shows values of ${dependency.from}`
    const delayMs = pipeline.source.coalesceMs
    for (const stream of pipeline.source.streams) {
      if (stream.table !== dependency.to) continue
      const own = keys.filter((key) => holdsKey(stream, key))
      if (own.length > 0)
        wanted.push({ stream: stream.id, part: dependency.part, keys: own, reason, delayMs })
    }
  }
  return wanted
}

function concerns(change: Change, dependency: Dependency, touched: Touched): boolean {
  if (change.table !== dependency.from) return false
  if (change.op === 'deleted') return dependency.link.kind !== 'self'
  const registers = touched.get(change.table)?.get(change.key)
  if (registers === undefined) return false
  // A whole row was read with the computed columns that depend on its own links: only its other parts are due.
  if (registers === 'all' && dependency.link.kind === 'self') return dependency.part !== ROW
  return registers === 'all' || dependency.registers.some((register) => registers.has(register))
}

async function dependents(
  tx: Transaction,
  { mirror }: Pipeline,
  { link, to }: Dependency,
  changes: readonly Change[],
): Promise<string[]> {
  if (link.kind === 'self') return changes.map((change) => change.key)
  if (link.kind === 'held') {
    const held = changes.flatMap((c) => [c.before?.[link.column], c.after?.[link.column]])
    return [...new Set(held.flat().filter((key) => typeof key === 'string'))]
  }
  const spec = mirror.tables.get(to)?.spec
  if (spec === undefined) return []
  const { rows } = await tx.query<{ key: string }>(holders(spec, link.column), [changes.map((c) => c.key)])
  return rows.map((row) => row.key)
}

const holders = (spec: TableSpec, column: string): string =>
  `select "${spec.key}" as key from ${sqlName(spec)} where "${column}" ${
    spec.columns[column]?.type === 'text[]' ? '&& $1::text[]' : '= any ($1::text[])'
  }`
