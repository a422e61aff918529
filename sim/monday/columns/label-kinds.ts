import type { Cell, CellRef, Column } from '../world/model.ts'
import { changedAt, type ColumnKind, ColumnValueError, isBlank, isFields, toIds } from './kind.ts'

const EMPTY_STATUS_INDEX = 5
const COLORS = [
  '#fdab3d',
  '#00c875',
  '#df2f4a',
  '#007eb5',
  '#9d50dd',
  '#c4c4c4',
  '#037f4c',
  '#579bfc',
  '#caa25e',
]
const BORDERS = [
  '#e99729',
  '#00b461',
  '#ce3048',
  '#3db0df',
  '#9238af',
  '#b0b0b0',
  '#017449',
  '#4387e8',
  '#c0964f',
]

export interface DropdownLabel {
  id: number
  name: string
}

export function statusLabels(column: Column): Record<string, string> {
  return (column.settings['labels'] ?? {}) as Record<string, string>
}

export function dropdownLabels(column: Column): DropdownLabel[] {
  return (column.settings['labels'] ?? []) as DropdownLabel[]
}

export function statusLabel(column: Column, cell: Cell): string | null {
  return cell === undefined ? null : (statusLabels(column)[cell as number] ?? null)
}

export function statusStyle(cell: Cell): { color: string; border: string } {
  const index = Number(cell ?? EMPTY_STATUS_INDEX) % COLORS.length
  return { color: COLORS[index] as string, border: BORDERS[index] as string }
}

export function isDone(column: Column, cell: Cell): boolean {
  const done = (column.settings['done_colors'] ?? [1]) as number[]
  return cell !== undefined && done.includes(cell as number)
}

const stamp = (ref: CellRef): string => new Date(changedAt(ref)).toISOString()

export const status: ColumnKind = {
  graphql: 'StatusValue',
  internal: 'color',
  stored: true,
  parse(input, column) {
    if (isBlank(input)) return undefined
    const labels = statusLabels(column)
    const wanted = isFields(input) ? (input['index'] ?? input['label']) : input
    if (isBlank(wanted)) return undefined
    if (Object.hasOwn(labels, String(wanted))) return Number(wanted)
    const found = Object.keys(labels).find((index) => labels[index] === wanted)
    if (found !== undefined) return Number(found)
    // The vendor's grey "no label" index is valid on every status column, listed or not.
    if (Number(wanted) === EMPTY_STATUS_INDEX) return undefined
    throw new ColumnValueError(column, input)
  },
  text: (cell, ref) => statusLabel(ref.column, cell),
  value: (cell, ref) =>
    cell === undefined ? undefined : { index: cell, post_id: null, changed_at: stamp(ref) },
  event(cell, ref) {
    if (cell === undefined) return null
    const style = { ...statusStyle(cell), var_name: 'orange' }
    const label = {
      index: cell,
      text: statusLabel(ref.column, cell),
      style,
      is_done: isDone(ref.column, cell),
    }
    return { label, post_id: null }
  },
}

export function dropdownNames(ref: CellRef, cell: Cell): string[] {
  if (cell === undefined) return []
  const labels = dropdownLabels(ref.column)
  return (cell as readonly number[]).map((id) => labels.find((label) => label.id === id)?.name ?? '')
}

export const dropdown: ColumnKind = {
  graphql: 'DropdownValue',
  internal: 'dropdown',
  stored: true,
  parse(input, column) {
    if (isBlank(input)) return undefined
    const labels = dropdownLabels(column)
    const wanted: unknown = isFields(input) ? (input['ids'] ?? input['labels']) : input
    const list: unknown[] =
      typeof wanted === 'string' ? wanted.split(',').map((s) => s.trim()) : (wanted as unknown[])
    if (!Array.isArray(list)) throw new ColumnValueError(column, input)
    const ids = list.map((one) => labels.find((l) => l.id === Number(one) || l.name === one)?.id)
    if (ids.includes(undefined)) throw new ColumnValueError(column, input)
    return ids.length === 0 ? undefined : (ids as number[])
  },
  text: (cell, ref) => (cell === undefined ? null : dropdownNames(ref, cell).join(', ')),
  value: (cell) => (cell === undefined ? undefined : { ids: cell }),
  event: (cell, ref) =>
    cell === undefined
      ? null
      : {
          chosenValues: (cell as readonly number[]).map((id, i) => ({
            id,
            name: dropdownNames(ref, cell)[i],
          })),
        },
}

export const tags: ColumnKind = {
  graphql: 'TagsValue',
  internal: 'tag',
  stored: true,
  parse: (input) => toIds(isFields(input) ? input['tag_ids'] : input),
  text: (cell, ref) => ((cell ?? []) as number[]).map((id) => ref.world.tags.get(id) ?? '').join(', '),
  value: (cell) => (cell === undefined ? undefined : { tag_ids: cell }),
}
