import type { EditContext } from './change.ts'
import { createItemEdits, type ItemEdits } from './item-edits.ts'
import { createMoveEdits, type MoveEdits } from './move-edits.ts'
import { createStructureEdits, type StructureEdits } from './structure-edits.ts'
import { createUpdateEdits, type UpdateEdits } from './update-edits.ts'

/** Everything a person can do to the simulated account. Each edit changes the world, then fires what monday would. */
export type Edits = ItemEdits & MoveEdits & StructureEdits & UpdateEdits

export function createEdits(context: EditContext): Edits {
  return {
    ...createItemEdits(context),
    ...createMoveEdits(context),
    ...createStructureEdits(context),
    ...createUpdateEdits(context),
  }
}
