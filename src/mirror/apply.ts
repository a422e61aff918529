import { RetryTransaction, type Transaction } from '../db/database.ts'
import { collapse, isLive, merge, type Registers } from '../engine/merge.ts'
import { DELETED, type Json, type Observation, type Value } from '../engine/observation.ts'
import { NEVER, type Stamp, stampFloor } from '../engine/stamp.ts'
import { bury, decideMoves, deletedStamp, type Moves, readResting, type Resting, revive } from './buried.ts'
import { encodeJson } from '../db/storable.ts'
import { encode } from './encode.ts'
import type { MirrorTable } from './mirror-table.ts'
import { carriedColumns, fieldsStatement, probeStatement, rowsStatement } from './statements.ts'
import { sourceColumns, sqlName, tableId } from './table-spec.ts'

/** One row that a batch changed, with its watched columns before and after. */
export interface Change {
  readonly table: string
  readonly key: string
  readonly op: 'created' | 'updated' | 'deleted'
  readonly before: Readonly<Record<string, Json>> | null
  readonly after: Readonly<Record<string, Json>> | null
}

/** Rows by what became of them; their sum is the number of different keys in the batch. */
export interface Counts {
  created: number
  updated: number
  unchanged: number
  deleted: number
}

export interface ApplyResult {
  readonly counts: Readonly<Record<string, Counts>>
  readonly changes: readonly Change[]
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

/**
 * Every way in ends here: merges observations into their tables, inside the caller's transaction.
 *
 * Most batches share a table. One that deletes, restores, or meets a tombstone has it alone, for as long as its
 * transaction lasts. What a batch needs is seen only on looking, so a batch that finds it needs more throws
 * `RetryTransaction`; `Database.transaction` runs the work again, with `attempt` raised.
 *
 * @throws RetryTransaction, and Postgres's errors for values that a column cannot hold
 */
export async function applyObservations(
  tx: Transaction,
  mirror: Mirror,
  observations: readonly Observation[],
  attempt = 1,
): Promise<ApplyResult> {
  const byTable = Map.groupBy(observations, (o) => o.table)
  const tables = inOrder(mirror, [...byTable.keys()])
  const exclusive = attempt > 1 || observations.some(movesRows)
  const now = await lockTables(tx, mirror, tables, exclusive)
  const counts: Record<string, Counts> = {}
  const changes: Change[] = []
  const inherited = new Map<string, Registers[]>()
  for (const table of tables) {
    const { name } = table.spec
    const own = collapse(byTable.get(name) ?? [], sourceColumns(table.spec))
    const batch = join(own, inherited.get(name) ?? [])
    if (batch.length === 0) continue
    const step = new TableStep(tx, mirror, table, exclusive, now)
    const done = await step.apply(batch)
    changes.push(...done)
    counts[name] = count(done, batch.length)
    for (const [child, registers] of step.inherited) {
      inherited.set(child, [...(inherited.get(child) ?? []), ...registers])
    }
  }
  return { counts, changes }
}

const movesRows = (o: Observation): boolean =>
  o.kind === 'delete' || o.kind === 'restore' || (o.kind === 'row' && o.deleted === true)

/** The batch's tables and those that follow them, parents before children, otherwise by name. */
function inOrder(mirror: Mirror, names: readonly string[]): MirrorTable[] {
  const wanted = new Set(names)
  const depth = (table: MirrorTable): number => {
    const parent = table.spec.parent && mirror.tables.get(table.spec.parent.table)
    return parent === undefined || parent === table ? 0 : 1 + depth(parent)
  }
  for (const name of names) {
    if (!mirror.tables.has(name)) throw new Error(`observation for the unknown table "${name}"`)
  }
  for (const { spec } of mirror.tables.values()) {
    if (spec.parent !== undefined && wanted.has(spec.parent.table)) wanted.add(spec.name)
  }
  return [...mirror.tables.values()]
    .filter(({ spec }) => wanted.has(spec.name))
    .sort((a, b) => depth(a) - depth(b) || (a.spec.name < b.spec.name ? -1 : 1))
}

/** Locks the tables, and parents whose death a child must see; returns the time that marks this batch's writes. */
async function lockTables(
  tx: Transaction,
  mirror: Mirror,
  tables: readonly MirrorTable[],
  exclusive: boolean,
): Promise<string> {
  const ids = new Set(tables.map(({ spec }) => tableId(spec)))
  for (const { spec } of tables) {
    const parent = spec.parent && mirror.tables.get(spec.parent.table)
    if (parent !== undefined) ids.add(tableId(parent.spec))
  }
  const lock = exclusive ? 'pg_advisory_xact_lock' : 'pg_advisory_xact_lock_shared'
  await tx.query(`select ${lock}($1, hashtext(id)) from unnest($2::text[]) as id`, [
    TABLE_LOCKS,
    [...ids].sort(),
  ])
  const { rows } = await tx.query<{ now: string }>('select clock_timestamp()::text as now')
  return rows[0]?.now ?? ''
}

/** Adds to a batch what its rows inherit from their parents. */
function join(own: readonly Registers[], inherited: readonly Registers[]): Registers[] {
  if (inherited.length === 0) return [...own]
  const byKey = new Map(own.map((registers) => [registers.key, registers]))
  for (const registers of inherited) {
    const known = byKey.get(registers.key)
    byKey.set(registers.key, known === undefined ? registers : merge(known, registers))
  }
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1))
}

function count(changes: readonly Change[], keys: number): Counts {
  const of = (op: Change['op']): number => changes.filter((c) => c.op === op).length
  const created = of('created')
  const updated = of('updated')
  const deleted = of('deleted')
  return { created, updated, deleted, unchanged: keys - created - updated - deleted }
}

interface Probe {
  key: string
  live: boolean
  buried: boolean
  parent_own: string | null
  parent_stamp: string | null
  parent_deleted: boolean
}

interface Written {
  key: string
  created: boolean
  changed: boolean
  before: Record<string, Json> | null
  after: Record<string, Json> | null
}

/** The merge of one batch into one table. */
class TableStep {
  readonly inherited = new Map<string, Registers[]>()
  private readonly tx: Transaction
  private readonly mirror: Mirror
  private readonly table: MirrorTable
  private readonly exclusive: boolean
  private readonly now: string

  constructor(tx: Transaction, mirror: Mirror, table: MirrorTable, exclusive: boolean, now: string) {
    this.tx = tx
    this.mirror = mirror
    this.table = table
    this.exclusive = exclusive
    this.now = now
  }

  async apply(batch: readonly Registers[]): Promise<Change[]> {
    const probes = await this.probe(batch)
    const entries = batch.map((registers) => followParent(registers, probes.get(registers.key)))
    const special = entries.filter((r) => needsMove(r, probes.get(r.key)))
    if (special.length === 0) return this.write(entries)
    if (!this.exclusive) throw new RetryTransaction(`${this.table.spec.name}: the batch moves rows`)
    const resting = await readResting(
      this.tx,
      this.table,
      special.map((r) => r.key),
    )
    const moves = decideMoves(special, resting)
    const keys = new Set(special.map((r) => r.key))
    const changes = await this.write([...entries.filter((r) => !keys.has(r.key)), ...moves.stay])
    return [...changes, ...(await this.move(moves))]
  }

  private async probe(batch: readonly Registers[]): Promise<Map<string, Probe>> {
    const { spec } = this.table
    const parent = spec.parent && this.mirror.tables.get(spec.parent.table)
    const { rows } = await this.tx.query<Probe>(probeStatement(spec), [
      tableId(spec),
      batch.map((r) => r.key),
      parent === undefined ? null : tableId(parent.spec),
      batch.map((r) => (spec.parent === undefined ? null : (r.values[spec.parent.column] ?? null))),
    ])
    return new Map(rows.map((row) => [row.key, row]))
  }

  private async write(entries: readonly Registers[]): Promise<Change[]> {
    const rows = await this.run(
      rowsStatement,
      entries.filter((r) => r.base !== NEVER),
    )
    const fields = await this.run(
      fieldsStatement,
      entries.filter((r) => r.base === NEVER),
    )
    return [...rows, ...fields].flatMap(({ key, created, changed, before, after }) =>
      created || changed
        ? [{ table: this.table.spec.name, key, op: created ? 'created' : 'updated', before, after } as const]
        : [],
    )
  }

  private async run(statement: typeof rowsStatement, entries: readonly Registers[]): Promise<Written[]> {
    if (entries.length === 0) return []
    const { spec } = this.table
    const columns = carriedColumns(spec, entries)
    const { rows } = await this.tx.query<Written>(statement(spec, columns), [
      this.now,
      entries.map((r) => r.key),
      entries.map((r) => r.base),
      entries.map((r) => (Object.keys(r.stamps).length === 0 ? null : JSON.stringify(r.stamps))),
      entries.map((r) => encodeJson(r.extra)),
      entries.map((r) => (r.unchangedSince === undefined ? null : stampFloor(r.unchangedSince))),
      ...columns.map((column) =>
        entries.map((r) => encode(r.values[column], spec.columns[column]?.type ?? 'text')),
      ),
    ])
    return rows
  }

  private async move(moves: Moves): Promise<Change[]> {
    const { name } = this.table.spec
    await this.passOn(moves)
    const gone = await bury(this.tx, this.table, moves.bury)
    const back = await revive(this.tx, this.table, moves.revive, this.now)
    return [
      ...gone.map(({ key, before }) => ({ table: name, key, op: 'deleted', before, after: null }) as const),
      ...back.map(({ key, after }) => ({ table: name, key, op: 'created', before: null, after }) as const),
    ]
  }

  /** Children die with their parent, and those that died with it come back with it. */
  private async passOn(moves: Moves): Promise<void> {
    const dead = moves.bury
      .filter((m) => m.merged.deleted)
      .map((m) => [m.merged.key, deletedStamp(m.merged)] as const)
    const back = moves.revive.flatMap((m) =>
      m.resting?.registers.deleted === true ? [[m, m.resting] as const] : [],
    )
    for (const child of this.mirror.tables.values()) {
      if (child.spec.parent?.table !== this.table.spec.name) continue
      const registers = [...(await this.dying(child, dead)), ...(await this.returning(child, back))]
      this.inherited.set(child.spec.name, registers)
    }
  }

  private async dying(child: MirrorTable, dead: readonly (readonly [string, Stamp])[]): Promise<Registers[]> {
    const stamps = new Map(dead)
    const { key, parent } = child.spec
    const { rows } = await this.tx.query<{ key: string; parent: string }>(
      `select "${key}" as key, "${parent?.column}" as parent from ${sqlName(child.spec)}
       where "${parent?.column}" = any ($1::text[])`,
      [[...stamps.keys()]],
    )
    return rows.map((row) => fate(row.key, true, stamps.get(row.parent) ?? NEVER))
  }

  private async returning(
    child: MirrorTable,
    back: readonly (readonly [Moves['revive'][number], Resting])[],
  ): Promise<Registers[]> {
    const { rows } = await this.tx.query<{ key: string; stamp: Stamp }>(
      `select b.key, p.returned as stamp
       from unnest($2::text[], $3::text[], $4::text[]) as p (key, died, returned)
       join lockstep.tombstones as b on b.table_name = $1 and b.parent = p.key and b.deleted
         and coalesce(b.stamps ->> '${DELETED}', b.stamp) = p.died`,
      [
        tableId(child.spec),
        back.map(([m]) => m.merged.key),
        back.map(([, resting]) => deletedStamp(resting.registers)),
        back.map(([m]) => deletedStamp(m.merged)),
      ],
    )
    return rows.map((row) => fate(row.key, false, row.stamp))
  }
}

/** The "deleted" register alone. */
const fate = (key: string, deleted: boolean, stamp: Stamp): Registers => ({
  key,
  base: NEVER,
  stamps: { [DELETED]: stamp },
  values: {} as Record<string, Value>,
  extra: {},
  deleted,
})

/** A child that arrives after its parent's death shares it, if the death is newer than what it says of itself. */
function followParent(registers: Registers, probe: Probe | undefined): Registers {
  if (probe === undefined || !probe.parent_deleted) return registers
  const died = (probe.parent_own ?? probe.parent_stamp ?? NEVER) as Stamp
  return merge(registers, fate(registers.key, true, died))
}

/** Whether a key needs the slow path: it is, was, or would be elsewhere than in the public table. */
function needsMove(registers: Registers, probe: Probe | undefined): boolean {
  if (probe?.buried === true || registers.deleted) return true
  return probe?.live !== true && !isLive(registers)
}
