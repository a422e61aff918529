import type { Stamp } from './stamp.ts'

/** What a column can hold before the mirror encodes it for Postgres. */
export type Value = Json
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}

/** A scalar as its own text, anything else as JSON text: never "[object Object]". */
export const jsonText = (value: Json | undefined): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value)

/**
 * - `row`: the whole record, as fetched; carries every register but those in `omitted`, and `deleted`.
 * - `fields`: some columns, from an event or a partial pass.
 * - `delete`, `restore`: the "deleted" register alone.
 */
export type ObservationKind = 'row' | 'fields' | 'delete' | 'restore'

/** What the vendor's record looked like at one moment: the only way anything enters a mirrored table. */
export interface Observation {
  readonly table: string
  readonly key: string
  readonly kind: ObservationKind
  readonly stamp: Stamp
  /** Mapped, source-owned columns. A `row` that lacks one did not carry it. */
  readonly values: Readonly<Record<string, Value>>
  /** Vendor columns that nobody mapped, by the vendor's column id; each is a register of its own. */
  readonly extra?: Readonly<Record<string, Json>>
  /** `row` only: vendor columns of `extra` that this read did not carry, so their absence says nothing. */
  readonly omitted?: readonly string[]
  /** Registers whose stamp differs from `stamp` (columns read live, such as mirrors); `+id` names one of `extra`. */
  readonly stamps?: Readonly<Record<string, Stamp>>
  /** `row` only: what the vendor's state says. */
  readonly deleted?: boolean
  /**
   * `row` only: microseconds on the vendor's clock since when it asserts that nothing changed. If what is stored
   * is as new and equal, there is nothing to write, not even a stamp.
   */
  readonly unchangedSince?: number
}

/** The name of the "deleted" register among a row's stamps. */
export const DELETED = '!'
/** What the name of a register in `extra` begins with. */
export const EXTRA = '+'
/** The name of a vendor column's register in `extra`. */
export const extraRegister = (column: string): string => EXTRA + column
