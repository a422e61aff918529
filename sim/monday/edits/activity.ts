import { kindOf } from '../columns/kinds.ts'
import type { ActivityLog, Board, Item, World } from '../world/model.ts'
import type { Change, Stamp } from './change.ts'

const LOGS_MAX = 200_000

type Draft = Pick<ActivityLog, 'event'> & {
  board: Board
  item?: Item
  columnId?: string
  data?: Record<string, unknown>
}

type DraftsOf<Kind> = (world: World, change: Change & { kind: Kind }) => Draft[]

/** Subitems that go with their parent leave no log of their own. */
const stateDrafts = ({ kind, item, cause }: Change & { kind: 'archive' | 'delete' | 'restore' }): Draft[] =>
  cause === 'parent' ? [] : [{ event: `${kind}_pulse`, board: item.board, item }]

const DRAFTS: { readonly [Kind in Change['kind']]: DraftsOf<Kind> } = {
  column: columnDrafts,
  name: (_world, { item, before, after }) => {
    const data = { value: { name: after }, previous_value: { name: before } }
    return [{ event: 'update_name', board: item.board, item, data }]
  },
  create: (_world, { item }) => [
    { event: 'create_pulse', board: item.board, item, data: { pulse_name: item.name } },
  ],
  archive: (_world, change) => stateDrafts(change),
  delete: (_world, change) => stateDrafts(change),
  restore: (_world, change) => stateDrafts(change),
  group: (_world, { item, from, to }) => {
    const data = { source_group: { id: from }, dest_group: { id: to } }
    return ['move_pulse_into_group', 'move_pulse_from_group'].map((event) => ({
      event,
      board: item.board,
      item,
      data,
    }))
  },
  board: (_world, { item, from, to }) => [
    { event: 'move_pulse_from_board', board: from, item, data: { dest_board_id: Number(to.id) } },
    { event: 'move_pulse_into_board', board: to, item, data: { source_board_id: Number(from.id) } },
  ],
  parent: (world, { item, from, to }) => {
    const data = { subitem: item.id, source_pulse_id: from, dest_pulse_id: to }
    return [{ event: 'move_subitem', board: world.items.get(to)?.board ?? item.board, item, data }]
  },
  structure: (_world, { event, board, data, column }) => [
    column === undefined ? { event, board, data } : { event, board, data, columnId: column.id },
  ],
  // Comments are not in the log; the link a new subitem leaves on its parent is.
  update: () => [],
  subitems: (_world, { item, column }) => {
    const data = { column_id: column.id, column_type: 'subtasks' }
    return [{ event: 'update_column_value', board: item.board, item, columnId: column.id, data }]
  },
}

function columnDrafts(world: World, { item, column, after }: Change & { kind: 'column' }): Draft[] {
  const kind = kindOf(column.type)
  const value = kind.value(after, { world, item, column }) ?? null
  const data = { column_id: column.id, column_type: kind.internal, column_title: column.title, value }
  return [{ event: 'update_column_value', board: item.board, item, columnId: column.id, data }]
}

function draftsOf(world: World, change: Change): Draft[] {
  return (DRAFTS[change.kind] as DraftsOf<Change['kind']>)(world, change)
}

export function logActivity(world: World, change: Change, stamp: Stamp): void {
  for (const { event, board, item, columnId, data } of draftsOf(world, change)) {
    const about = item === undefined ? {} : { pulse_id: item.id, item_id: item.id, group_id: item.groupId }
    world.activity.push({
      id: `${world.random.hex(8)}-${world.random.hex(4)}-${world.random.hex(12)}`,
      event,
      boardId: board.id,
      entity: item === undefined ? 'board' : 'pulse',
      itemId: item?.id ?? null,
      columnId: columnId ?? null,
      groupId: item?.groupId ?? null,
      userId: stamp.userId,
      at: stamp.at,
      data: JSON.stringify({ board_id: Number(board.id), ...about, ...data }),
    })
  }
  if (world.activity.length > LOGS_MAX) world.activity.splice(0, LOGS_MAX / 10)
}
