import type { Cell, CellRef, Column, World } from '../world/model.ts'

/** All that differs between column types, so that adding a type is adding a row. */
export interface ColumnKind {
  /** The GraphQL object type of its values. */
  readonly graphql: string
  /** The vendor's older internal name, used in webhook payloads. */
  readonly internal: string
  /** False for what the vendor computes: no cell, no edit, no webhook. */
  readonly stored: boolean
  /** Accepts the decoded `value` and the looser forms the write mutations take. Undefined = empty. */
  parse(input: unknown, column: Column, world: World): Cell
  text(cell: Cell, ref: CellRef): string | null
  value(cell: Cell, ref: CellRef): unknown
  /** The webhook's `value`; by default the API's. */
  event?(cell: Cell, ref: CellRef): unknown
}

export class ColumnValueError extends Error {
  override readonly name = 'ColumnValueError'
  readonly columnId: string
  constructor(column: Column, input: unknown) {
    super(`invalid value for the ${column.type} column "${column.id}": ${JSON.stringify(input)}`)
    this.columnId = column.id
  }
}

export type Fields = Readonly<Record<string, unknown>>

export function isFields(input: unknown): input is Fields {
  return typeof input === 'object' && input !== null && !Array.isArray(input)
}

export function isBlank(input: unknown): boolean {
  return (
    input === null ||
    input === undefined ||
    input === '' ||
    (isFields(input) && Object.keys(input).length === 0)
  )
}

export function toIds(input: unknown): number[] | undefined {
  if (!Array.isArray(input) || input.length === 0) return undefined
  const ids = input.map((id: unknown) => Number(isFields(id) ? (id['linkedPulseId'] ?? id['id']) : id))
  return ids.every(Number.isSafeInteger) ? ids : undefined
}

/** When the cell last changed; what the item was made with counts from its creation. */
export function changedAt(ref: CellRef): number {
  return ref.item.changed?.get(ref.column.slot) ?? ref.item.createdAt
}

export function cellOf(ref: CellRef): Cell {
  return ref.column.slot < 0 ? undefined : ref.item.cells[ref.column.slot]
}
