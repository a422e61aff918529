import { mirrorDisplay } from '../columns/display.ts'
import { formulaDisplay } from '../columns/formula.ts'
import { cellOf } from '../columns/kind.ts'
import { statusLabel } from '../columns/label-kinds.ts'
import { linkedItems, linkedNames } from '../columns/link-kinds.ts'
import type { CellRef, TruthValue } from './model.ts'

type Extra = Pick<TruthValue, 'display_value' | 'linked_item_ids' | 'label' | 'index'>

/** What a type answers beside `text` and `value`. */
export function displayFields(ref: CellRef): Extra {
  switch (ref.column.type) {
    case 'mirror':
      return { display_value: mirrorDisplay(ref) }
    case 'formula':
      return { display_value: formulaDisplay(ref) }
    case 'subtasks':
      return { display_value: linkedNames(ref) }
    case 'board_relation':
    case 'dependency':
      return {
        display_value: linkedNames(ref),
        linked_item_ids: linkedItems(ref).map((item) => String(item.id)),
      }
    case 'status': {
      const cell = cellOf(ref)
      return { label: statusLabel(ref.column, cell), index: cell === undefined ? null : (cell as number) }
    }
    default:
      return {}
  }
}
