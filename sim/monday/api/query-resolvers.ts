import type { Board, Item, User } from '../world/model.ts'
import type { ApiContext } from './context.ts'
import { invalidArgument } from './errors.ts'
import { updatesOf } from './item-resolvers.ts'
import { firstPage, nextPage } from './items-page.ts'
import type { Resolver } from './run-plan.ts'
import { versionOf, VERSIONS } from './versions.ts'

type Args = Readonly<Record<string, unknown>>

const IDS_MAX = 100

function paged<T>(found: readonly T[], args: Args): T[] {
  const limit = (args['limit'] as number | null | undefined) ?? 25
  const page = (args['page'] as number | null | undefined) ?? 1
  return found.slice((page - 1) * limit, page * limit)
}

function boards(_source: unknown, args: Args, context: ApiContext): Board[] {
  const ids = args['ids'] as string[] | null | undefined
  const workspaces = args['workspace_ids'] as string[] | null | undefined
  const state = args['state'] as string | null
  const found = [...context.world.boards.values()].filter(
    (board) =>
      context.sees(board) &&
      (ids?.includes(board.id) ?? true) &&
      (workspaces?.includes(board.workspaceId) ?? true) &&
      (state === null || state === 'all' || board.state === state),
  )
  return paged(found, args)
}

/** Archived and deleted items too: the way to learn that an item went. Only 25 come back unless more are asked for. */
function items(_source: unknown, args: Args, context: ApiContext): Item[] {
  const ids = args['ids'] as string[] | null | undefined
  if ((ids?.length ?? 0) > IDS_MAX) throw invalidArgument(`items takes at most ${IDS_MAX} ids`)
  const all = ids?.map((id) => context.world.items.get(Number(id))) ?? [...context.world.items.values()]
  const unique = new Set(all.filter((item): item is Item => item !== undefined))
  const onlyActive = args['exclude_nonactive'] === true || ids === undefined || ids === null
  const found = context.views(unique).filter((item) => !onlyActive || item.state === 'active')
  found.sort((a, b) => (args['newest_first'] === true ? b.id - a.id : a.id - b.id))
  return paged(found, args)
}

function byColumnValues(_source: unknown, args: Args, context: ApiContext): unknown {
  const limit = args['limit'] as number
  if (typeof args['cursor'] === 'string') return nextPage(context, args['cursor'], limit)
  const board = context.world.boards.get(args['board_id'] as string)
  if (board === undefined || !context.sees(board))
    throw invalidArgument('Board not found', { board_id: args['board_id'] })
  const columns = (args['columns'] ?? []) as { column_id: string; column_values: string[] }[]
  const rules = columns.map((one) => ({ column_id: one.column_id, compare_value: one.column_values }))
  return firstPage(context, board, limit, { rules })
}

function webhooks(_source: unknown, args: Args, context: ApiContext): unknown {
  context.service.dispatcher.dropDisabled()
  const found = [...context.world.webhooks.values()].filter((webhook) => webhook.boardId === args['board_id'])
  return found.map(({ id, boardId, event, config }) => ({ id, board_id: boardId, event, config }))
}

function users(_source: unknown, args: Args, context: ApiContext): User[] {
  const ids = args['ids'] as string[] | null | undefined
  return paged(
    [...context.world.users.values()].filter((user) => ids?.includes(String(user.id)) ?? true),
    args,
  )
}

export const queryFields: Record<string, Resolver<ApiContext>> = {
  account: (_source, _args, { world }) => ({ ...world.account, tier: 'enterprise' }),
  boards,
  complexity: (_source, _args, { complexity }) => ({
    query: complexity.query,
    before: complexity.before,
    after: complexity.after,
    reset_in_x_seconds: complexity.reset,
  }),
  items,
  items_page_by_column_values: byColumnValues,
  me: (_source, _args, { world }) => world.users.values().next().value,
  next_items_page: (_source, args, context) =>
    nextPage(context, args['cursor'] as string, args['limit'] as number),
  platform_api: (_source, _args, { service }) => ({
    daily_limit: { base: service.budget.limits.callsPerDay, total: service.budget.limits.callsPerDay },
  }),
  tags: (_source, args, { world }) =>
    [...world.tags]
      .filter(([id]) => (args['ids'] as string[] | null | undefined)?.includes(String(id)) ?? true)
      .map(([id, name]) => ({ id: String(id), name, color: '#00c875' })),
  teams: (_source, _args, { world }) =>
    [...world.teams.values()].map(({ id, name }) => ({ id: String(id), name })),
  updates: (_source, args, context) => updatesOf(context, args, () => true),
  users,
  version: (_source, _args, { apiVersion }) => versionOf(apiVersion),
  versions: () => VERSIONS,
  webhooks,
  workspaces: () => [{ id: '1203001', name: 'Main workspace' }],
}

export const userFields: Record<string, Resolver<ApiContext>> = {
  account: (_source, _args, { world }) => world.account,
  id: (user) => String((user as User).id),
  time_zone_identifier: () => 'UTC',
  utc_hours_diff: () => 0,
}
