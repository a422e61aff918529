import { RetryTransaction, type Transaction } from '../db/database.ts'
import { decide, type Decision, isLive, lowestStamp, type Registers, stampOf } from '../engine/merge.ts'
import { DELETED, type Json, jsonText, type Value } from '../engine/observation.ts'
import { SETTLE_MS } from '../engine/read-time.ts'
import { NEVER, type Stamp } from '../engine/stamp.ts'
import { bury, decideMoves, type Moves, readResting, revive } from './buried.ts'
import { textArray } from '../db/arrays.ts'
import { encodeJson } from '../db/storable.ts'
import { encode } from './encode.ts'
import type { MirrorTable } from './mirror-table.ts'
import { runInChunks } from './run-in-chunks.ts'
import { findSame } from './same-rows.ts'
import {
  carriedColumns,
  insertStatement,
  probeStatement,
  removeStatement,
  replaceStatement,
  type UpdateInput,
  updateInputs,
  type UpdateShape,
  updateStatement,
} from './statements.ts'
import { inChunks, isEmpty, RowChunk, stampsText, type TableBatch } from './table-batch.ts'
import { sourceColumns, sqlName, tableId, type TableSpec } from './table-spec.ts'

/** One row that a batch changed, with its watched columns before and after. */
export interface Change {
  readonly table: string
  readonly key: string
  readonly op: 'created' | 'updated' | 'deleted'
  readonly before: Readonly<Record<string, Json>> | null
  readonly after: Readonly<Record<string, Json>> | null
}

export interface Doubt {
  readonly table: string
  readonly key: string
  readonly reason: string
  /** Milliseconds after which an answer can decide. */
  readonly delayMs?: number
}

interface Probe {
  key: string
  /** Null where there is no live row. */
  stamp: Stamp | null
  stamps: string | null
  before: Record<string, Json> | null
  /** Where the row lies, and which transaction wrote it: the same as long as nobody wrote it since. */
  place: string
  version: string
  buried: boolean
  orphan: boolean
}

interface Written {
  key: string
  created: boolean
  changed: boolean
  before: Record<string, Json> | null
  after: Record<string, Json> | null
}

/** A key whose row is there, and what becomes of it. */
interface Decided {
  readonly entry: Registers
  readonly probe: Probe
  readonly decision: Decision
}

/** Another transaction can change a row between the probe and the write, but hardly so often in a row. */
const LOOKS_MAX = 8
/** What most whole rows of a table's last batch were: that decides what is tried first, and nothing else. */
const newest = new WeakMap<MirrorTable, 'new' | 'known'>()

interface StepOptions {
  readonly exclusive: boolean
  readonly now: string
  readonly concerned: ReadonlySet<string>
}

/** The merge of one batch into one table. */
export class TableStep {
  /** Child table → its keys that the moves of this step concern. */
  readonly children = new Map<string, Set<string>>()
  readonly doubtful: Doubt[] = []
  private readonly tx: Transaction
  private readonly tables: ReadonlyMap<string, MirrorTable>
  private readonly table: MirrorTable
  private readonly batch: StepOptions

  constructor(
    tx: Transaction,
    tables: ReadonlyMap<string, MirrorTable>,
    table: MirrorTable,
    batch: StepOptions,
  ) {
    this.tx = tx
    this.tables = tables
    this.table = table
    this.batch = batch
  }

  private get parent(): TableSpec | undefined {
    const { parent } = this.table.spec
    return parent === undefined ? undefined : this.tables.get(parent.table)?.spec
  }

  /** As a parameter, of statements on tables that have a parent. */
  private get parentId(): string[] {
    if (this.table.spec.parent === undefined) return []
    return [this.parent === undefined ? '' : tableId(this.parent)]
  }

  async apply(batch: TableBatch): Promise<Change[]> {
    const { tx, table, parentId } = this
    const same = await findSame({ tx, table, parentId, batch }, this.batch.concerned)
    const others = same.size === 0 ? batch.registers : batch.registers.filter((r) => !same.has(r.key))
    const removed = await this.remove(
      others.filter((r) => isPlainDelete(r) && !this.batch.concerned.has(r.key)),
    )
    const gone = new Set(removed.map(({ key }) => key))
    const { changes, left } = await this.writeWhole(
      batch,
      gone.size === 0 ? others : others.filter((r) => !gone.has(r.key)),
    )
    return [...removed, ...changes, ...(await this.settle(left))]
  }

  /** Those of them that are there, and older. */
  private async remove(entries: readonly Registers[]): Promise<Change[]> {
    if (entries.length === 0 || !this.batch.exclusive) return []
    const { spec } = this.table
    const { rows } = await this.tx.query<{ key: string; before: Change['before'] }>(removeStatement(spec), [
      tableId(spec),
      textArray(entries.map((r) => r.key)),
      textArray(entries.map((r) => stampOf(r, DELETED))),
    ])
    await this.findChildren(rows.map(({ key }) => key))
    return rows.map(({ key, before }) => ({ table: spec.name, key, op: 'deleted', before, after: null }))
  }

  /** Writes whole rows where that takes no look at what is there; the others are left. */
  private async writeWhole(
    batch: TableBatch,
    entries: readonly Registers[],
  ): Promise<{ changes: Change[]; left: readonly Registers[] }> {
    const whole = entries.filter(
      (r) => isLive(r) && lowestStamp(r) !== NEVER && !this.batch.concerned.has(r.key),
    )
    if (whole.length === 0) return { changes: [], left: entries }
    const changes: Change[] = []
    const done = new Set<string>()
    const ways = [this.replace.bind(this), this.insert.bind(this)]
    // What most rows of the last batch were, most of this one will be.
    for (const write of newest.get(this.table) === 'new' ? ways.toReversed() : ways) {
      const written = await write(batch.chunksOf(whole.filter((r) => !done.has(r.key))))
      for (const { key } of written) done.add(key)
      changes.push(...this.changesOf(written))
    }
    const created = changes.filter(({ op }) => op === 'created').length
    newest.set(this.table, created > whole.length / 2 ? 'new' : 'known')
    return { changes, left: entries.filter((r) => !done.has(r.key)) }
  }

  private async replace(chunks: readonly RowChunk[]): Promise<Written[]> {
    const { spec } = this.table
    const columns = sourceColumns(spec)
    const sql = replaceStatement(this.table, columns)
    const rows = await runInChunks<Omit<Written, 'created'>, RowChunk>(
      this.tx,
      sql,
      chunks,
      async (chunk) => [
        this.batch.now,
        ...this.parentId,
        chunk.keys,
        chunk.lowest,
        ...(await chunk.whole(columns)),
      ],
    )
    return rows.map((row) => ({ ...row, created: false }))
  }

  private changesOf(written: readonly Written[]): Change[] {
    const table = this.table.spec.name
    return written.flatMap(({ key, created, changed, before, after }) =>
      created || changed ? [{ table, key, op: created ? 'created' : 'updated', before, after }] : [],
    )
  }

  private async settle(batch: readonly Registers[]): Promise<Change[]> {
    if (batch.length === 0) return []
    const probes = await this.probe(batch)
    const special = batch.filter((r) => this.batch.concerned.has(r.key) || needsMove(r, probes.get(r.key)))
    if (special.length === 0) return this.write(batch, probes)
    if (!this.batch.exclusive) throw new RetryTransaction(`${this.table.spec.name}: the batch moves rows`)
    const keys = special.map((r) => r.key)
    const resting = await readResting(this.tx, this.table, keys)
    const moves = await decideMoves(this.tx, this.table, this.parent, special, resting)
    const moved = new Set(keys)
    const changes = await this.write([...batch.filter((r) => !moved.has(r.key)), ...moves.stay], probes)
    return [...changes, ...(await this.move(moves))]
  }

  private async probe(batch: readonly Registers[]): Promise<Map<string, Probe>> {
    const { spec } = this.table
    const { parent } = this
    const parents =
      spec.parent === undefined || parent === undefined
        ? []
        : [textArray(batch.map((r) => textOf(r.values[spec.parent?.column ?? '']))), tableId(parent)]
    const { rows } = await this.tx.query<Probe>(probeStatement(spec), [
      textArray(batch.map((r) => r.key)),
      tableId(spec),
      ...parents,
    ])
    return new Map(rows.map((row) => [row.key, row]))
  }

  /**
   * Writes what wins. A row that the probe did not find may have come since: such a row is left alone, and decided
   * again under a lock.
   */
  private async write(entries: readonly Registers[], probes: ReadonlyMap<string, Probe>): Promise<Change[]> {
    const changes: Change[] = []
    let left = entries
    let known = probes
    for (let look = 1; left.length > 0; look++) {
      if (look > LOOKS_MAX) throw new RetryTransaction(`${this.table.spec.name}: rows change all the time`)
      if (look > 1) known = await this.probe(left)
      const { written, missed } = await this.writeOnce(left, known)
      changes.push(...this.changesOf(written))
      left = left.filter((entry) => missed.has(entry.key))
    }
    return changes
  }

  private async writeOnce(
    entries: readonly Registers[],
    known: ReadonlyMap<string, Probe>,
  ): Promise<{ written: Written[]; missed: ReadonlySet<string> }> {
    const fresh: Registers[] = []
    const whole: Decided[] = []
    const partial: Decided[] = []
    const columns = carriedColumns(this.table.spec, entries)
    for (const entry of entries) {
      const probe = known.get(entry.key)
      if (probe === undefined || probe.stamp === null) {
        if (entry.base !== NEVER) fresh.push(entry)
        continue
      }
      const stamps = probe.stamps === null ? {} : (JSON.parse(probe.stamps) as Record<string, Stamp>)
      const decision = decide({ base: probe.stamp, stamps }, entry)
      if (decision === undefined) continue
      const isWhole = decision.winning === columns.length
      ;(isWhole ? whole : partial).push({ entry, probe, decision })
    }
    const inserted = await this.insert(inChunks(fresh).map((rows) => new RowChunk(this.table, rows)))
    const updated = [...(await this.update(whole, false)), ...(await this.update(partial, true))]
    const written: Written[] = [
      ...inserted,
      ...updated.map((row) => ({ ...row, created: false, before: known.get(row.key)?.before ?? null })),
    ]
    const found = new Set(written.map(({ key }) => key))
    const sent = [...fresh, ...whole.map(({ entry }) => entry), ...partial.map(({ entry }) => entry)]
    return { written, missed: new Set(sent.flatMap(({ key }) => (found.has(key) ? [] : [key]))) }
  }

  private async insert(chunks: readonly RowChunk[]): Promise<Written[]> {
    const { spec } = this.table
    const columns = carriedColumns(
      spec,
      chunks.flatMap(({ rows }) => rows),
    )
    const sql = insertStatement(this.table, columns)
    const rows = await runInChunks<Pick<Written, 'key' | 'after'>, RowChunk>(
      this.tx,
      sql,
      chunks,
      async (chunk) => [
        this.batch.now,
        tableId(spec),
        ...this.parentId,
        chunk.keys,
        ...(await chunk.whole(columns)),
      ],
    )
    return rows.map((row) => ({ ...row, created: true, changed: true, before: null }))
  }

  private async update(
    rows: readonly Decided[],
    masked: boolean,
  ): Promise<Pick<Written, 'key' | 'changed' | 'after'>[]> {
    const { spec } = this.table
    const columns = carriedColumns(
      spec,
      rows.map(({ entry }) => entry),
    )
    const shape = { columns, masked, extra: extraShape(rows) }
    const inputs: Record<UpdateInput, (row: Decided) => string | null> = {
      _key: ({ entry }) => entry.key,
      _place: ({ probe }) => probe.place,
      _version: ({ probe }) => probe.version,
      _stamp: ({ decision }) => decision.base,
      _stamps: ({ decision }) => stampsText(decision.stamps),
      _extra: ({ decision }) => encodeJson(decision.extra.values),
      _extra_whole: ({ decision }) => (decision.extra.whole ? 't' : 'f'),
      _extra_keys: ({ decision: { extra } }) =>
        extra.keys.length === 0 ? null : encode(extra.keys, 'text[]'),
      _mask: ({ entry, decision }) =>
        columns.map((c) => (c in entry.values && !decision.losing.includes(c) ? '1' : '0')).join(''),
    }
    return runInChunks(this.tx, updateStatement(this.table, shape), inChunks(rows), async (chunk) => [
      this.batch.now,
      ...updateInputs(shape).map((name) => textArray(chunk.map(inputs[name]))),
      ...(await new RowChunk(
        this.table,
        chunk.map(({ entry }) => entry),
      ).columns(columns)),
    ])
  }

  private async move(moves: Moves): Promise<Change[]> {
    const { name } = this.table.spec
    for (const { merged } of moves.bury) {
      if (isLive(merged) || merged.deleted) continue
      this.doubtful.push({ table: name, key: merged.key, reason: 'an event for a row never seen whole' })
    }
    for (const key of moves.contested) {
      this.doubtful.push({
        table: name,
        key,
        reason: 'read as there just after its delete',
        delayMs: SETTLE_MS,
      })
    }
    for (const key of moves.stirring) {
      this.doubtful.push({ table: name, key, reason: 'an event that is newer than its delete' })
    }
    const gone = await bury(this.tx, this.table, moves.bury)
    const back = await revive(this.tx, this.table, moves.revive, this.batch.now)
    await this.findChildren([...moves.bury, ...moves.revive].map((move) => move.merged.key))
    await this.doubtChildren(moves.revive.map((move) => move.merged.key))
    return [
      ...gone.map(({ key, before }) => ({ table: name, key, op: 'deleted', before, after: null }) as const),
      ...back.map(({ key, after }) => ({ table: name, key, op: 'created', before: null, after }) as const),
    ]
  }

  /** A child that was read as gone while its parent was dead went with it or by itself: no event tells which. */
  private async doubtChildren(back: readonly string[]): Promise<void> {
    for (const { spec } of this.tables.values()) {
      if (spec.parent?.table !== this.table.spec.name || back.length === 0) continue
      const { rows } = await this.tx.query<{ key: string }>(
        `select key from lockstep.tombstones where table_name = $2 and parent = any ($1::text[]) and deleted`,
        [back, tableId(spec)],
      )
      const doubts = rows.map(({ key }) => ({ table: spec.name, key, reason: 'its parent came back' }))
      this.doubtful.push(...doubts)
    }
  }

  /** Children, live or buried, of rows that moved: they follow, if that is what their registers come to. */
  private async findChildren(keys: readonly string[]): Promise<void> {
    for (const { spec } of this.tables.values()) {
      if (spec.parent?.table !== this.table.spec.name || keys.length === 0) continue
      const { rows } = await this.tx.query<{ key: string }>(
        `select "${spec.key}" as key from ${sqlName(spec)} where "${spec.parent.column}" = any ($1::text[])
         union select key from lockstep.tombstones where table_name = $2 and parent = any ($1::text[])`,
        [keys, tableId(spec)],
      )
      const known = this.children.get(spec.name) ?? []
      this.children.set(spec.name, new Set([...known, ...rows.map((row) => row.key)]))
    }
  }
}

/** Whether nothing else is said of a key but that it is deleted. */
const isPlainDelete = ({ deleted, base, stamps }: Registers): boolean =>
  deleted && base === NEVER && Object.keys(stamps).every((register) => register === DELETED)

/** Whether a key needs the slow path: it is, was, or would be elsewhere than in the public table. */
function needsMove(registers: Registers, probe: Probe | undefined): boolean {
  if (probe?.buried === true || probe?.orphan === true || registers.deleted) return true
  return (probe?.stamp ?? null) === null && !isLive(registers)
}

/** Tables without vendor columns of their own are spared what those cost. */
function extraShape(rows: readonly Decided[]): UpdateShape['extra'] {
  const simple = ({ decision: { extra } }: Decided): boolean => extra.whole && extra.keys.length === 0
  if (!rows.every(simple)) return 'merged'
  return rows.every(({ decision: { extra } }) => isEmpty(extra.values)) ? 'none' : 'whole'
}

const textOf = (value: Value | undefined): string | null =>
  value === null || value === undefined ? null : jsonText(value)
