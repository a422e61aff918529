import type { ActivityLog, Board, Column, Group } from '../world/model.ts'
import { toSeconds } from '../world/model.ts'
import { activityOf, activityTime } from './activity.ts'
import type { ApiContext } from './context.ts'
import { invalidArgument } from './errors.ts'
import { updatesOf } from './item-resolvers.ts'
import { firstPage, nextPage } from './items-page.ts'
import type { ItemsQuery } from './items-query.ts'
import { type Args, erase, type Fields } from './fields.ts'

const settingsText = new WeakMap<object, string>()

function settingsString(column: Column): string {
  const known = settingsText.get(column.settings)
  if (known !== undefined) return known
  const text = JSON.stringify(column.settings)
  settingsText.set(column.settings, text)
  return text
}

function itemsPage(board: Board, args: Args, context: ApiContext): unknown {
  const limit = args['limit'] as number
  const query = args['query_params'] as ItemsQuery | null | undefined
  const cursor = args['cursor'] as string | null | undefined
  if (cursor === null || cursor === undefined) return firstPage(context, board, limit, query)
  if (query !== null && query !== undefined) throw invalidArgument('Cannot use both cursor and query_params')
  return nextPage(context, cursor, limit)
}

const among = (args: Args, name: string, value: string): boolean =>
  (args[name] as string[] | null | undefined)?.includes(value) ?? true

const board: Fields<Board> = {
  activity_logs: activityOf,
  board_kind: () => 'public',
  columns: (board, args) =>
    [...board.columns.values()].filter(
      (column) => among(args, 'ids', column.id) && among(args, 'types', column.type),
    ),
  created_at: (board) => toSeconds(board.createdAt),
  description: () => null,
  groups: (board, args) =>
    [...board.groups.values()].filter((group) => !group.deleted && among(args, 'ids', group.id)),
  hierarchy_type: () => 'classic',
  id: (board) => board.id,
  items_count: (board) => {
    let count = 0
    for (const item of board.items.values()) if (item.state === 'active') count++
    return count
  },
  items_limit: () => 100_000,
  items_page: itemsPage,
  name: (board) => board.name,
  permissions: () => 'everyone',
  state: (board) => board.state,
  type: (board) => board.type,
  updated_at: (board) => toSeconds(board.createdAt),
  updates: (board, args, context) => updatesOf(context, args, (update) => board.items.has(update.itemId)),
  url: (board, _args, context) => `https://${context.world.account.slug}.monday.com/boards/${board.id}`,
  workspace: (board) => ({ id: board.workspaceId, name: 'Main workspace' }),
  workspace_id: (board) => board.workspaceId,
}

const column: Fields<Column> = {
  archived: (column) => column.archived,
  description: (column) => column.description,
  id: (column) => column.id,
  revision: (column) => `${column.id}-${settingsString(column).length}`,
  settings: (column) => column.settings,
  settings_str: settingsString,
  title: (column) => column.title,
  type: (column) => column.type,
  width: () => null,
}

const group: Fields<Group> = {
  archived: (group) => group.archived,
  color: (group) => group.color,
  deleted: (group) => group.deleted,
  id: (group) => group.id,
  position: () => '65536.0',
  title: (group) => group.title,
}

const activityLog: Fields<ActivityLog> = {
  account_id: (_log, _args, context) => context.world.account.id,
  created_at: activityTime,
  data: (log) => log.data,
  entity: (log) => log.entity,
  event: (log) => log.event,
  id: (log) => log.id,
  user_id: (log) => String(log.userId),
}

export const boardFields = erase(board)
export const columnFields = erase(column)
export const groupFields = erase(group)
export const activityLogFields = erase(activityLog)
