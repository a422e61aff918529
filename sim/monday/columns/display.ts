import type { CellRef } from '../world/model.ts'
import { formulaDisplay, isReadable } from './formula.ts'
import { cellOf } from './kind.ts'
import { kindOf } from './kinds.ts'
import { linkedNames, mirroredCells } from './link-kinds.ts'

/** A mirror of a mirror of … is followed this far: boards can connect in a ring. */
const MIRROR_DEPTH_MAX = 6

export function textOf(ref: CellRef): string | null {
  return kindOf(ref.column.type).text(cellOf(ref), ref)
}

/** The API's `value`: a JSON string, or null. */
export function valueOf(ref: CellRef): string | null {
  const value = kindOf(ref.column.type).value(cellOf(ref), ref)
  return value === undefined ? null : JSON.stringify(value)
}

/** The comma-joined text of what a mirror shows; what cannot be read or is empty leaves no trace. */
export function mirrorDisplay(ref: CellRef, depth = 0): string {
  if (depth > MIRROR_DEPTH_MAX) return ''
  const shown: string[] = []
  for (const cell of mirroredCells(ref)) {
    const text = shownText(cell, depth + 1)
    if (text !== '') shown.push(text)
  }
  return shown.join(', ')
}

function shownText(ref: CellRef, depth: number): string {
  const { type } = ref.column
  if (type === 'mirror') return mirrorDisplay(ref, depth)
  if (type === 'formula') return isReadable(ref.item.board, ref.column) ? formulaDisplay(ref) : ''
  if (type === 'board_relation' || type === 'subtasks' || type === 'dependency') return linkedNames(ref)
  return textOf(ref) ?? ''
}
