import type { EditOptions, Item, MondaySim } from '../../monday/index.ts'
import type { Random } from '../../monday/world/random.ts'
import type { VirtualTime } from '../time.ts'
import { drawValue, editableColumns } from './values.ts'
import { CLIENTS, SUBTASKS, TASKS } from './app.ts'

type Edit = (edits: VendorEdits, options: EditOptions) => void

const BOARDS = [TASKS, TASKS, SUBTASKS, CLIENTS]

/** What people at the vendor do. One that finds nothing to do it to does nothing. */
export class VendorEdits {
  readonly sim: MondaySim
  readonly random: Random
  readonly time: VirtualTime
  /** Items that were gone and came back. */
  readonly restored = new Set<number>()

  constructor(sim: MondaySim, random: Random, time: VirtualTime) {
    this.sim = sim
    this.random = random
    this.time = time
  }

  /** One edit of those that the vendor tells of. */
  heard(): void {
    this.#run(HEARD, {})
  }

  /** One edit that no webhook tells of, or that the vendor has none for. */
  unheard(): void {
    if (this.random.chance(0.5)) this.#run(HEARD, { silent: true, unlogged: true })
    else this.#run(UNHEARD, {})
  }

  /** Several edits within one second, mostly of one item. */
  burst(): void {
    const item = this.pick(this.random.pick(BOARDS))
    const count = 2 + this.random.int(4)
    for (let i = 0; i < count; i++) {
      this.time.advance(1 + this.random.int(180))
      if (item?.state === 'active' && this.random.chance(0.8)) this.change(item, {})
      else this.#run(HEARD, {})
    }
  }

  #run(table: readonly (readonly [number, Edit])[], options: EditOptions): void {
    // No two edits of the vendor's are at one moment: fractions of a millisecond are drawn, not counted.
    this.time.advance(1 + this.random.int(40))
    let at = this.random.int(table.reduce((sum, [weight]) => sum + weight, 0))
    table.find(([weight]) => (at -= weight) < 0)?.[1](this, options)
  }

  pick(board: string, state: Item['state'] = 'active'): Item | undefined {
    const items = [...(this.sim.world.boards.get(board)?.items.values() ?? [])].filter(
      (i) => i.state === state,
    )
    return items.length === 0 ? undefined : this.random.pick(items)
  }

  change(item: Item, options: EditOptions): void {
    const column = this.random.pick(editableColumns(item))
    const value = drawValue(this.random, column, this.sim.world)
    this.sim.edit.setColumn(item.board.id, item.id, column.id, value, options)
  }
}

const any =
  (boards: readonly string[], edit: (edits: VendorEdits, item: Item, options: EditOptions) => void): Edit =>
  (edits, options) => {
    const item = edits.pick(edits.random.pick(boards))
    if (item !== undefined) edit(edits, item, options)
  }

const TOP = [TASKS, TASKS, CLIENTS]

const HEARD: readonly (readonly [number, Edit])[] = [
  [40, any(BOARDS, (edits, item, options) => edits.change(item, options))],
  [
    8,
    any(
      BOARDS,
      ({ sim, random }, item, options) =>
        void sim.edit.rename(item.board.id, item.id, nameOf(random), options),
    ),
  ],
  [
    6,
    ({ sim, random }, options) => {
      const board = random.pick(TOP)
      const values =
        board === TASKS ? { numbers: '4', numbers2: String(random.int(9)), text: 'made' } : { revenue: '500' }
      sim.edit.createItem(board, { name: nameOf(random), values }, options)
    },
  ],
  [
    4,
    any(
      [TASKS],
      ({ sim, random }, item, options) =>
        void sim.edit.createItem(SUBTASKS, { name: nameOf(random), parentItemId: item.id }, options),
    ),
  ],
  [2, any(TOP, ({ sim }, item, options) => void sim.edit.duplicate(item.board.id, item.id, options))],
  [3, any(BOARDS, ({ sim }, item, options) => void sim.edit.archive(item.board.id, item.id, options))],
  [4, any(BOARDS, ({ sim }, item, options) => void sim.edit.delete(item.board.id, item.id, options))],
  [
    7,
    (edits, options) => {
      const board = edits.random.pick(TOP)
      const item = edits.pick(board, edits.random.chance(0.5) ? 'deleted' : 'archived')
      const group = item?.board.groups.get(item.groupId)
      if (item === undefined || group?.deleted !== false) return
      edits.sim.edit.restore(board, item.id, options)
      edits.restored.add(item.id)
    },
  ],
  [
    6,
    any([TASKS], ({ sim, random }, item, options) => {
      const groups = [...item.board.groups.values()].filter((group) => !group.deleted)
      sim.edit.moveToGroup(TASKS, item.id, random.pick(groups).id, options)
    }),
  ],
  [
    6,
    any([SUBTASKS], (edits, item, options) => {
      const parent = edits.pick(TASKS)
      if (parent !== undefined && parent.id !== item.parentId)
        edits.sim.edit.moveSubitem(SUBTASKS, item.id, parent.id, options)
    }),
  ],
  [
    2,
    any(
      TOP,
      ({ sim, random }, item, options) =>
        void sim.edit.createUpdate(item.id, `<p>${random.int(9)}</p>`, options),
    ),
  ],
]

const UNHEARD: readonly (readonly [number, Edit])[] = [
  [
    4,
    any(TOP, ({ sim }, item, options) => {
      if (item.subitemIds === undefined)
        sim.edit.moveToBoard(
          item.board.id,
          item.id,
          item.board.id === TASKS ? CLIENTS : TASKS,
          undefined,
          options,
        )
    }),
  ],
  [
    4,
    ({ sim, random }, options) =>
      void sim.edit.renameLabel(TASKS, 'status', random.int(3), `Label ${random.int(99)}`, options),
  ],
  [
    2,
    ({ sim, random }, options) =>
      void sim.edit.renameLabel(TASKS, 'dropdown', 1 + random.int(3), `Drop ${random.int(99)}`, options),
  ],
  [
    1,
    ({ sim, random }, options) => {
      const board = sim.world.boards.get(TASKS)
      const groups = [...(board?.groups.values() ?? [])].filter((group) => !group.deleted)
      if (groups.length > 1) sim.edit.deleteGroup(TASKS, random.pick(groups.slice(1)).id, options)
    },
  ],
  [
    1,
    ({ sim, random }, options) => {
      const id = `group_${random.hex(6)}`
      sim.edit.createGroup(TASKS, { id, title: `Group ${id}` }, options)
    },
  ],
  [
    3,
    (edits, options) => {
      const item = edits.pick(SUBTASKS, edits.random.chance(0.5) ? 'deleted' : 'archived')
      const parent = item?.parentId == null ? undefined : edits.sim.world.items.get(item.parentId)
      if (item !== undefined && parent?.state === 'active') edits.sim.edit.restore(SUBTASKS, item.id, options)
    },
  ],
  [
    3,
    (edits, options) => {
      const item = edits.pick(edits.random.pick(TOP), 'archived')
      if (item !== undefined) edits.change(item, options)
    },
  ],
  [
    1,
    ({ sim, random }, options) => {
      const id = `text_${random.hex(4)}`
      sim.edit.createColumn(TASKS, { id, title: 'New', type: 'text' }, options)
    },
  ],
]

const nameOf = (random: Random): string => `Named ${random.int(100_000)}${random.chance(0.2) ? ' "ü' : ''}`
