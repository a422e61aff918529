import { setImmediate } from 'node:timers/promises'
import type { Transaction } from '../db/database.ts'
import { Collapsing, type Registers } from '../engine/merge.ts'
import { DELETED, type Observation } from '../engine/observation.ts'
import { NEVER } from '../engine/stamp.ts'
import type { MirrorTable } from './mirror-table.ts'
import { type Change, type Doubt, TableStep } from './table-step.ts'
import { TableBatch } from './table-batch.ts'
import { sourceColumns, tableId } from './table-spec.ts'

export type { Change } from './table-step.ts'

/** Rows by what became of them; their sum is the number of keys in the batch, and of children that followed. */
export interface Counts {
  created: number
  updated: number
  unchanged: number
  deleted: number
}

export interface ApplyResult {
  readonly counts: Readonly<Record<string, Counts>>
  readonly changes: readonly Change[]
  /** Rows of which the vendor must be asked: what is known here does not tell how they stand. */
  readonly doubtful: readonly Doubt[]
}

/** The mirrored tables of one node, checked against the database. */
export interface Mirror {
  readonly tables: ReadonlyMap<string, MirrorTable>
}

export const createMirror = (tables: readonly MirrorTable[]): Mirror => ({
  tables: new Map(tables.map((table) => [table.spec.name, table])),
})

/** First key of the two-key advisory locks that guard a table's moves between live and buried. */
const TABLE_LOCKS = 1_819_042_348

/** What observations come to, by table. */
export type Batch = ReadonlyMap<string, TableBatch>

/** Throws where an observation is of a table that the mirror has not. */
export function collapseAll(mirror: Mirror, observations: readonly Observation[]): Batch {
  const builder = new BatchBuilder(mirror)
  for (const observation of observations) builder.add(observation)
  return builder.build()
}

/** Observations that are collapsed before others of this process have their turn. */
const COLLAPSED_AT_ONCE = 250

/**
 * The same, with its parameters made before its turn to be written, so far as they will be needed as a rule; and with
 * pauses, in which others of this process go on.
 */
export async function prepare(mirror: Mirror, observations: readonly Observation[]): Promise<Batch> {
  const builder = new BatchBuilder(mirror)
  for (const [i, observation] of observations.entries()) {
    if (i > 0 && i % COLLAPSED_AT_ONCE === 0) await setImmediate()
    builder.add(observation)
  }
  const batch = builder.build()
  for (const table of batch.values()) await table.encode()
  return batch
}

class BatchBuilder {
  private readonly mirror: Mirror
  private readonly byTable = new Map<string, { table: MirrorTable; collapsing: Collapsing }>()

  constructor(mirror: Mirror) {
    this.mirror = mirror
  }

  add(observation: Observation): void {
    const { table: name } = observation
    let own = this.byTable.get(name)
    if (own === undefined) {
      const table = this.mirror.tables.get(name)
      if (table === undefined) throw new Error(`observation for the unknown table "${name}"`)
      own = { table, collapsing: new Collapsing(sourceColumns(table.spec)) }
      this.byTable.set(name, own)
    }
    own.collapsing.add(observation)
  }

  build(): Batch {
    return new Map(
      [...this.byTable].map(([name, { table, collapsing }]) => [
        name,
        new TableBatch(table, collapsing.end()),
      ]),
    )
  }
}

const saysWhetherDeleted = ({ deleted, stamps }: Registers): boolean => deleted || DELETED in stamps

/**
 * Every way in ends here: merges observations into their tables, inside the caller's transaction.
 *
 * Most batches share a table. One that deletes, restores, or meets a tombstone has it alone, for as long as its
 * transaction lasts. What a batch needs is seen only on looking, so a batch that finds it needs more throws
 * `RetryTransaction`; `Database.transaction` runs the work again, with `attempt` raised.
 *
 * @throws RetryTransaction, and Postgres's errors for values that a column cannot hold
 */
export async function applyBatch(
  tx: Transaction,
  mirror: Mirror,
  batch: Batch,
  { attempt = 1 }: { readonly attempt?: number } = {},
): Promise<ApplyResult> {
  const tables = inOrder(mirror, [...batch.keys()])
  const exclusive =
    attempt > 1 || [...batch.values()].some(({ registers }) => registers.some(saysWhetherDeleted))
  const now = await lockTables(tx, mirror, tables, exclusive)
  const counts: Record<string, Counts> = {}
  const changes: Change[] = []
  const doubtful: Doubt[] = []
  const concerned = new Map<string, Set<string>>()
  for (const table of tables) {
    const { name } = table.spec
    const of = concerned.get(name) ?? new Set<string>()
    const own = batch.get(name) ?? new TableBatch(table, [])
    const all = withConcerned(table, own, of)
    if (all.registers.length === 0) continue
    const step = new TableStep(tx, mirror.tables, table, { exclusive, now, concerned: of })
    const done = await step.apply(all)
    changes.push(...done)
    doubtful.push(...step.doubtful)
    counts[name] = count(done, own.registers)
    for (const [child, keys] of step.children)
      concerned.set(child, new Set([...(concerned.get(child) ?? []), ...keys]))
  }
  return { counts, changes, doubtful }
}

/** The same of observations as they came. */
export const applyObservations = (
  tx: Transaction,
  mirror: Mirror,
  observations: readonly Observation[],
  attempt = 1,
): Promise<ApplyResult> => applyBatch(tx, mirror, collapseAll(mirror, observations), { attempt })

/** Whether it may take a row out of its table, or bring one back. */
export const movesRows = (o: Observation): boolean =>
  o.kind === 'delete' || o.kind === 'restore' || (o.kind === 'row' && o.deleted === true)

/** The batch's tables and those that follow them, parents before children, otherwise by name. */
function inOrder(mirror: Mirror, names: readonly string[]): MirrorTable[] {
  const wanted = new Set(names)
  const depth = (table: MirrorTable): number => {
    const parent = table.spec.parent && mirror.tables.get(table.spec.parent.table)
    return parent === undefined || parent === table ? 0 : 1 + depth(parent)
  }
  const follows = ({ spec }: MirrorTable): boolean =>
    spec.parent !== undefined && spec.parent.table !== spec.name && wanted.has(spec.parent.table)
  const byDepth = [...mirror.tables.values()].sort((a, b) => depth(a) - depth(b))
  for (const table of byDepth) if (follows(table)) wanted.add(table.spec.name)
  return byDepth
    .filter(({ spec }) => wanted.has(spec.name))
    .sort((a, b) => depth(a) - depth(b) || (a.spec.name < b.spec.name ? -1 : 1))
}

/** The tables, and parents whose death a child must see, in the order in which they are locked. */
function lockedWith(mirror: Mirror, tables: readonly MirrorTable[]): string[] {
  const ids = new Set(tables.map(({ spec }) => tableId(spec)))
  for (const { spec } of tables) {
    const parent = spec.parent && mirror.tables.get(spec.parent.table)
    if (parent !== undefined) ids.add(tableId(parent.spec))
  }
  return [...ids].sort()
}

/**
 * Takes the tables of a batch for this transaction alone, if nobody else is at them at this moment. Where
 * it says no, some may be taken all the same.
 */
export async function tryAlone(tx: Transaction, mirror: Mirror, batch: Batch): Promise<boolean> {
  const { rows } = await tx.query<{ alone: boolean }>(
    `select coalesce(bool_and(pg_try_advisory_xact_lock($1, hashtext(id))), true) as alone from unnest($2::text[]) as id`,
    [TABLE_LOCKS, lockedWith(mirror, inOrder(mirror, [...batch.keys()]))],
  )
  return rows[0]?.alone === true
}

/** Locks the tables; returns the time that marks this batch's writes. */
async function lockTables(
  tx: Transaction,
  mirror: Mirror,
  tables: readonly MirrorTable[],
  exclusive: boolean,
): Promise<string> {
  const lock = exclusive ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared'
  await tx.query(`select ${lock}($1, hashtext(id)) from unnest($2::text[]) as id`, [
    TABLE_LOCKS,
    lockedWith(mirror, tables),
  ])
  const { rows } = await tx.query<{ now: string }>('select clock_timestamp()::text as now')
  return rows[0]?.now ?? ''
}

/** The batch, and the keys of the table that a parent's death or return concerns, which bring nothing of their own. */
function withConcerned(table: MirrorTable, own: TableBatch, concerned: ReadonlySet<string>): TableBatch {
  if (concerned.size === 0) return own
  const present = new Set(own.registers.map((registers) => registers.key))
  const others = [...concerned].filter((key) => !present.has(key)).map(nothing)
  const all = [...own.registers, ...others].sort((a, b) => (a.key < b.key ? -1 : 1))
  return new TableBatch(table, all)
}

const nothing = (key: string): Registers => ({
  key,
  base: NEVER,
  stamps: {},
  values: {},
  extra: {},
  deleted: false,
})

function count(changes: readonly Change[], own: readonly Registers[]): Counts {
  const of = (op: Change['op']): number => changes.filter((c) => c.op === op).length
  const created = of('created')
  const updated = of('updated')
  const deleted = of('deleted')
  const changed = new Set(changes.map((c) => c.key))
  return { created, updated, deleted, unchanged: own.filter((r) => !changed.has(r.key)).length }
}
