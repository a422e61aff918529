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

function drafts(world: World, change: Change): Draft[] {
  switch (change.kind) {
    case 'column': {
      const { item, column } = change
      const ref = { world, item, column }
      const kind = kindOf(column.type)
      const value = kind.value(change.after, ref) ?? null
      const data = { column_id: column.id, column_type: kind.internal, column_title: column.title, value }
      return [{ event: 'update_column_value', board: item.board, item, columnId: column.id, data }]
    }
    case 'name':
      return [
        {
          event: 'update_name',
          board: change.item.board,
          item: change.item,
          data: { value: { name: change.after }, previous_value: { name: change.before } },
        },
      ]
    case 'create':
      return [{ event: 'create_pulse', board: change.item.board, item: change.item, data: { pulse_name: change.item.name } }]
    case 'archive':
    case 'delete':
    case 'restore':
      // Subitems that go with their parent leave no log of their own.
      return change.cause === 'parent' ? [] : [{ event: `${change.kind}_pulse`, board: change.item.board, item: change.item }]
    case 'group':
      return (['into', 'from'] as const).map((way) => ({
        event: `move_pulse_${way}_group`,
        board: change.item.board,
        item: change.item,
        data: { source_group: { id: change.from }, dest_group: { id: change.to } },
      }))
    case 'board':
      return [
        { event: 'move_pulse_from_board', board: change.from, item: change.item, data: { dest_board_id: Number(change.to.id) } },
        { event: 'move_pulse_into_board', board: change.to, item: change.item, data: { source_board_id: Number(change.from.id) } },
      ]
    case 'parent':
      return [
        {
          event: 'move_subitem',
          board: world.items.get(change.to)?.board ?? change.item.board,
          item: change.item,
          data: { subitem: change.item.id, source_pulse_id: change.from, dest_pulse_id: change.to },
        },
      ]
    case 'structure': {
      const { column } = change
      const draft = { event: change.event, board: change.board, data: change.data }
      return [column === undefined ? draft : { ...draft, columnId: column.id }]
    }
    // Comments are not in the log; the link a new subitem leaves on its parent is.
    case 'update':
      return []
    case 'subitems':
      return [
        {
          event: 'update_column_value',
          board: change.item.board,
          item: change.item,
          columnId: change.column.id,
          data: { column_id: change.column.id, column_type: 'subtasks' },
        },
      ]
  }
}

export function logActivity(world: World, change: Change, stamp: Stamp): void {
  for (const { event, board, item, columnId, data } of drafts(world, change)) {
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
