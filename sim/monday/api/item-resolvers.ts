import type { Board, CellRef, Column, Item, Update } from '../world/model.ts'
import { toSeconds } from '../world/model.ts'
import type { ApiContext } from './context.ts'
import { internalError, RequestError } from './errors.ts'
import { type Args, erase, type Fields } from './fields.ts'

function columnsWanted(board: Board, args: Args): Column[] {
  const ids = args['ids'] as string[] | null | undefined
  const types = args['types'] as string[] | null | undefined
  const columns = [...board.columns.values()].filter((column) => column.type !== 'name' && !column.archived)
  if (ids === undefined && types === undefined) return columns
  return columns.filter(
    (column) => (ids?.includes(column.id) ?? true) && (types?.includes(column.type) ?? true),
  )
}

/** One request asks the same columns of every item: the choice is made once for each board and field. */
const chosen = new WeakMap<Args, { board: Board; version: number; columns: Column[] }>()

function columnValues(item: Item, args: Args, context: ApiContext): CellRef[] {
  const { board } = item
  let choice = chosen.get(args)
  if (choice?.board !== board || choice.version !== board.columns.size) {
    choice = { board, version: board.columns.size, columns: columnsWanted(board, args) }
    chosen.set(args, choice)
  }
  const { world } = context
  return choice.columns.map((column) => ({ world, item, column }))
}

function subitemsOf(item: Item, context: ApiContext): Item[] {
  const found = (item.subitemIds ?? []).map((id) => context.world.items.get(id))
  return context.views(found.filter((one): one is Item => one !== undefined && one.state === 'active'))
}

const urlOf = (item: Item, context: ApiContext): string =>
  `https://${context.world.account.slug}.monday.com/boards/${item.board.id}/pulses/${item.id}`

const item: Fields<Item> = {
  board: (item) => item.board,
  column_values: columnValues,
  created_at: (item) => toSeconds(item.createdAt),
  creator: (item, _args, context) => context.world.users.get(item.creatorId),
  creator_id: (item) => String(item.creatorId),
  email: (item) => `pulse-${item.id}@simulated.example`,
  group: (item) => item.board.groups.get(item.groupId),
  id: (item) => String(item.id),
  name: (item) => item.name,
  parent_item: (item, _args, context) =>
    item.parentId === null ? null : context.view(context.world.items.get(item.parentId)),
  relative_link: (item) => `/boards/${item.board.id}/pulses/${item.id}`,
  state: (item, _args, context) => {
    // Seen live: `state` of subitems can fail the whole query; asked by `items(ids:)` or on a page it works.
    if (context.service.faults.internalErrorOnSubitemState && item.parentId !== null && context.nested)
      throw new RequestError(internalError())
    return item.state
  },
  subitems: (item, _args, context) => {
    context.nested = true
    return subitemsOf(item, context)
  },
  updated_at: (item) => toSeconds(item.updatedAt),
  updates: (item, args, context) => updatesOf(context, args, (update) => update.itemId === item.id),
  url: (item, _args, context) => urlOf(item, context),
}

export function updatesOf(context: ApiContext, args: Args, wanted: (update: Update) => boolean): Update[] {
  const ids = args['ids'] as string[] | null | undefined
  const limit = (args['limit'] as number | null | undefined) ?? 25
  const page = (args['page'] as number | null | undefined) ?? 1
  const found: Update[] = []
  for (const update of context.world.updates.values())
    if (wanted(update) && (ids?.includes(update.id) ?? true)) found.push(update)
  // Newest first.
  found.sort((a, b) => b.createdAt - a.createdAt || Number(b.id) - Number(a.id))
  return found.slice((page - 1) * limit, page * limit)
}

const update: Fields<Update> = {
  body: (update) => update.body,
  created_at: (update) => toSeconds(update.createdAt),
  creator: (update, _args, context) => context.world.users.get(update.creatorId),
  creator_id: (update) => String(update.creatorId),
  edited_at: (update) => toSeconds(update.updatedAt),
  id: (update) => update.id,
  item: (update, _args, context) => context.view(context.world.items.get(update.itemId)),
  item_id: (update) => String(update.itemId),
  text_body: (update) => update.body.replaceAll(/<[^>]+>/g, ''),
  updated_at: (update) => toSeconds(update.updatedAt),
}

export const itemFields = erase(item)
export const updateFields = erase(update)
