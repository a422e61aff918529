import { readableFormulas } from '../../sources/monday/board-schema.ts'
import type { BoardMapping, DecoderName } from '../../sources/monday/mapping.ts'
import type { ChosenBoard } from './boards.ts'
import { decoderOf, NOT_COLUMNS } from './column-types.ts'
import { Namer } from './names.ts'

/** One field of a table to be, with what people should know of it. */
export interface PlannedField {
  readonly name: string
  readonly column: string
  readonly as: DecoderName
  /** What it shows, in the board's words. */
  readonly note: string
}

/** A board as a table to be. */
export interface PlannedBoard extends Omit<BoardMapping, 'fields'> {
  readonly fields: readonly PlannedField[]
  /** Columns that cannot be read, with why. */
  readonly leftOut: readonly { readonly column: string; readonly note: string }[]
}

const ITEM_FIELDS: readonly PlannedField[] = [
  { name: 'name', column: 'name', as: 'text', note: 'name of the item' },
  { name: 'group_id', column: 'group_id', as: 'text', note: 'id of its group' },
  { name: 'group_title', column: 'group_title', as: 'text', note: 'title of its group' },
  { name: 'created_at', column: 'created_at', as: 'timestamp', note: 'when it was created' },
  { name: 'creator_id', column: 'creator_id', as: 'text', note: 'id of the user who created it' },
]
const PARENT_FIELD: PlannedField = {
  name: 'parent_item_id',
  column: 'parent_item_id',
  as: 'text',
  note: 'the item whose subitem it is: monday_id in the table of the parent board',
}

/** Turns boards into tables: a name and a type for every column that can be read. `withTime` names date columns. */
export function planBoards(
  chosen: readonly ChosenBoard[],
  withTime: ReadonlyMap<string, ReadonlySet<string>>,
): PlannedBoard[] {
  const tables = new Namer('board')
  return chosen.map((one) => {
    const { board, parent } = one
    const table = tables.name(board.name, `board_${board.id}`)
    return {
      board: board.id,
      name: board.name,
      table,
      ...(parent === undefined ? {} : { parentBoard: parent.id }),
      ...planFields(one, withTime.get(board.id) ?? new Set()),
    }
  })
}

function planFields(
  { board, parent }: ChosenBoard,
  withTime: ReadonlySet<string>,
): Pick<PlannedBoard, 'fields' | 'leftOut'> {
  const names = Namer.forColumns()
  const own = parent === undefined ? ITEM_FIELDS : [...ITEM_FIELDS, PARENT_FIELD]
  const fields: PlannedField[] = own.map((field) => ({ ...field, name: names.claim(field.name) }))
  const readable = new Set(readableFormulas(board).map((column) => column.id))
  const leftOut: { column: string; note: string }[] = []
  for (const { id, title, type } of board.columns) {
    if (NOT_COLUMNS.has(type)) continue
    if (type === 'formula' && !readable.has(id)) {
      leftOut.push({
        column: id,
        note: `${title} (formula): it uses mirror or connected columns, and monday's API gives no value for those`,
      })
      continue
    }
    const name = names.name(title, id)
    const add = (as: DecoderName, as_name: string, note: string): void =>
      void fields.push({ name: as_name, column: id, as, note })
    add(decoderOf(type), name, `${title} (${type})`)
    if (type === 'people') add('people_ids', names.claim(`${name}_ids`), `${title} (${type}), their ids`)
    if (withTime.has(id))
      add('timestamp', names.claim(`${name}_at`), `${title} (${type}), with its time of day`)
  }
  return { fields, leftOut }
}
