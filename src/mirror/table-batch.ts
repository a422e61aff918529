import { hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { textArray } from '../db/arrays.ts'
import { encodeJson } from '../db/storable.ts'
import { isLive, lowestStamp, type Registers } from '../engine/merge.ts'
import { NEVER, type Stamp } from '../engine/stamp.ts'
import { encodeColumn } from './encode.ts'
import type { MirrorTable } from './mirror-table.ts'
import { carriedColumns } from './statements.ts'

/** Rows a statement. */
const CHUNK = 1_000

export const inChunks = <T>(items: readonly T[]): T[][] =>
  Array.from({ length: Math.ceil(items.length / CHUNK) }, (_, i) => items.slice(i * CHUNK, (i + 1) * CHUNK))

/** What a batch brings of one table: each key once, in key order. Its rows can be made ready before they are written. */
export class TableBatch {
  readonly registers: readonly Registers[]
  private readonly table: MirrorTable
  /** Those that are to be seen. */
  private readonly live: readonly Registers[]
  private readonly chunks: readonly RowChunk[]

  constructor(table: MirrorTable, registers: readonly Registers[]) {
    this.table = table
    this.registers = registers
    this.live = registers.filter(isLive)
    this.chunks = inChunks(this.live).map((rows) => new RowChunk(table, rows))
  }

  /** Makes the parameters that every way to write them needs, with pauses in which others of this process go on. */
  async encode(): Promise<void> {
    const columns = carriedColumns(this.table.spec, this.live)
    for (const chunk of this.chunks) {
      void chunk.keys
      if (this.table.digests) void chunk.digests
      await setImmediate()
      if (this.table.digests && mostlySame.has(this.table)) continue
      void chunk.extra
      await chunk.columns(columns)
    }
  }

  /** Some of its live rows, in order: what was made ready is used where they are all of them. */
  chunksOf(rows: readonly Registers[]): readonly RowChunk[] {
    if (rows.length === this.live.length) return this.chunks
    return inChunks(rows).map((some) => new RowChunk(this.table, some))
  }
}

/** Tables of which the last batch brought little that was new: that decides what is made ready, and nothing else. */
export const mostlySame = new WeakSet<MirrorTable>()

/** The rows of one statement, as parameters: each is made when it is asked for, and once, whichever statements take it. */
export class RowChunk {
  readonly rows: readonly Registers[]
  private readonly table: MirrorTable
  private readonly made = new Map<string, unknown>()

  constructor(table: MirrorTable, rows: readonly Registers[]) {
    this.table = table
    this.rows = rows
  }

  private once(name: string, make: () => unknown): unknown {
    const known = this.made.get(name)
    if (known !== undefined) return known
    const made = make()
    this.made.set(name, made)
    return made
  }

  get keys(): unknown {
    return this.once('keys', () => textArray(this.rows.map((r) => r.key)))
  }

  /** Null where it is the base's. */
  get lowest(): unknown {
    return this.once('lowest', () =>
      textArray(
        this.rows.map((r) => {
          const lowest = lowestStamp(r)
          return lowest === r.base ? null : lowest
        }),
      ),
    )
  }

  private get bases(): unknown {
    return this.once('bases', () => textArray(this.rows.map((r) => r.base)))
  }

  private get stamps(): unknown {
    return this.once('stamps', () => textArray(this.rows.map((r) => stampsText(r.stamps))))
  }

  /** Null where it is empty. */
  get extra(): unknown {
    return this.once('extra', () => textArray(this.rows.map(({ extra }) => extraText(extra))))
  }

  /** Null where a row does not say all that there is to say. */
  get digests(): unknown {
    return this.once('digests', () =>
      textArray(this.rows.map((r) => (lowestStamp(r) === NEVER ? null : digest(r)))),
    )
  }

  /** All that a whole row is written with, beside its key, in the order of the statements' inputs. */
  async whole(names: readonly string[]): Promise<unknown[]> {
    const columns = await this.columns(names)
    return [this.bases, this.stamps, this.extra, ...columns, ...(this.table.digests ? [this.digests] : [])]
  }

  /** Column after column: in between, what was sent before goes out, which one write of the socket does not take. */
  async columns(names: readonly string[]): Promise<unknown[]> {
    const arrays: unknown[] = []
    for (const name of names) {
      const id = `column ${name}`
      if (!this.made.has(id)) await setImmediate()
      const type = this.table.spec.columns[name]?.type ?? 'text'
      arrays.push(
        this.once(id, () =>
          encodeColumn(
            this.rows.map((r) => r.values[name]),
            type,
          ),
        ),
      )
    }
    return arrays
  }
}

/** Characters of base64, six bits each: more than are needed for it never to be the same by chance. */
const DIGEST_LENGTH = 22

/** The same values in another order have another one: such a row is written once more than it had to be. */
const digest = ({ values, extra }: Registers): string =>
  hash('sha256', JSON.stringify(values) + JSON.stringify(extra), 'base64url').slice(0, DIGEST_LENGTH)

export const isEmpty = (object: object): boolean => {
  for (const _ in object) return false
  return true
}

export const stampsText = (stamps: Readonly<Record<string, Stamp>>): string | null =>
  isEmpty(stamps) ? null : JSON.stringify(stamps)

/** What is no JSON, so that Postgres refuses the row, as it does any that it cannot hold. Its log names this. */
const TOO_DEEP = 'extra_is_nested_too_deep'

const extraText = (extra: Registers['extra']): string | null =>
  isEmpty(extra) ? null : (encodeJson(extra) ?? TOO_DEEP)
