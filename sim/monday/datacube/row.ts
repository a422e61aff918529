import type { Board, Cell } from '../world/model.ts'

/** Fills one item's cells by column id, past the parser: the generator makes 2.5 million of them. */
export class Row {
  readonly cells: Cell[]
  readonly #board: Board
  constructor(board: Board) {
    this.#board = board
    this.cells = Array.from({ length: board.slots })
  }

  set(columnId: string, cell: Cell): this {
    if (cell === undefined) return this
    const slot = this.#board.columns.get(columnId)?.slot ?? -1
    if (slot < 0) throw new RangeError(`board ${this.#board.id}: no stored column "${columnId}"`)
    this.cells[slot] = cell
    return this
  }
}

const lists = new Map<string, readonly number[]>()

/** One array for each distinct list of ids. */
export function shared(ids: readonly number[]): readonly number[] {
  const key = ids.join()
  const known = lists.get(key)
  if (known !== undefined) return known
  lists.set(key, ids)
  return ids
}

const people = new Map<number, Cell>()

export function person(id: number): Cell {
  let cell = people.get(id)
  if (cell === undefined) {
    cell = { personsAndTeams: [{ id, kind: 'person' }] }
    people.set(id, cell)
  }
  return cell
}
