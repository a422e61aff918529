import { statusLabel } from '../columns/label-kinds.ts'
import type { Change } from '../edits/change.ts'
import type { Board, Item, Webhook, World } from '../world/model.ts'

const ITEM_EVENTS: Readonly<Record<string, string>> = {
  column: 'change_column_value',
  name: 'change_name',
  create: 'create_item',
  archive: 'item_archived',
  delete: 'item_deleted',
  restore: 'item_restored',
  group: 'item_moved_to_any_group',
}

/** What a subitem's parent board can subscribe to. There is no event for a restored subitem. */
const SUBITEM_EVENTS: Readonly<Record<string, string>> = {
  column: 'change_subitem_column_value',
  name: 'change_subitem_name',
  create: 'create_subitem',
  archive: 'subitem_archived',
  delete: 'subitem_deleted',
  parent: 'move_subitem',
}

const UPDATE_EVENTS = {
  create: ['create_update', 'create_subitem_update'],
  edit: ['edit_update', 'edit_update'],
  delete: ['delete_update', 'delete_update'],
} as const

/** The board whose webhooks hear of a change to this item. */
function listeningBoard(item: Item): string {
  return item.board.parentBoardId ?? item.board.id
}

function subscribes(webhook: Webhook, boardId: string, event: string): boolean {
  return webhook.boardId === boardId && webhook.event === event
}

export function subscribersOf(world: World, change: Change): Webhook[] {
  return [...world.webhooks.values()].filter((webhook) => hears(webhook, change))
}

function hears(webhook: Webhook, change: Change): boolean {
  if (change.kind === 'board') return false
  if (change.kind === 'structure')
    return change.event === 'create_column' && subscribes(webhook, change.board.id, 'create_column')
  const { item } = change
  if (change.kind === 'column') return hearsColumn(webhook, change)
  if (change.kind === 'subitems') return subscribes(webhook, item.board.id, 'change_column_value')
  if (change.kind === 'update') {
    const event = UPDATE_EVENTS[change.verb][isSubitem(item.board) ? 1 : 0]
    return subscribes(webhook, listeningBoard(item), event)
  }
  if (change.kind === 'group' && subscribes(webhook, item.board.id, 'item_moved_to_specific_group'))
    return configOf(webhook)['groupId'] === change.to
  const event = (isSubitem(item.board) ? SUBITEM_EVENTS : ITEM_EVENTS)[change.kind]
  return event !== undefined && subscribes(webhook, listeningBoard(item), event)
}

function hearsColumn(webhook: Webhook, change: Change & { kind: 'column' }): boolean {
  const { item, column } = change
  if (isSubitem(item.board)) return subscribes(webhook, listeningBoard(item), 'change_subitem_column_value')
  if (webhook.boardId !== item.board.id) return false
  if (webhook.event === 'change_column_value') return true
  const config = configOf(webhook)
  if (config['columnId'] !== column.id) return false
  if (webhook.event === 'change_specific_column_value') return true
  if (webhook.event !== 'change_status_column_value' || column.type !== 'status') return false
  const wanted = config['columnValue'] as { index?: number; $any$?: boolean } | undefined
  return (
    wanted?.index === undefined ||
    (wanted.index === change.after && statusLabel(column, change.after) !== null)
  )
}

function configOf(webhook: Webhook): Record<string, unknown> {
  return webhook.config === null ? {} : (JSON.parse(webhook.config) as Record<string, unknown>)
}

export function isSubitem(board: Board): boolean {
  return board.type === 'sub_items_board'
}
