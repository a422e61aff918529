import { ColumnValueError } from '../columns/kind.ts'
import { EditError } from '../edits/change.ts'
import type { Item } from '../world/model.ts'
import { registerWebhook } from '../webhooks/register.ts'
import type { ApiContext } from './context.ts'
import { FieldError, invalidArgument, notFound } from './errors.ts'
import type { Resolver } from './run-plan.ts'

type Args = Readonly<Record<string, unknown>>
type Fields = Record<string, unknown>

/** Runs an edit; a refusal by the world becomes the vendor's error. */
function attempt<T>(edit: () => T): T {
  try {
    return edit()
  } catch (error) {
    if (error instanceof ColumnValueError)
      throw new FieldError(error.message, {
        code: 'ColumnValueException',
        status_code: 200,
        error_data: { column_id: error.columnId },
      })
    if (error instanceof EditError) throw invalidArgument(error.message)
    throw error
  }
}

function itemOf(args: Args, context: ApiContext): Item {
  const item = context.world.items.get(Number(args['item_id']))
  if (item === undefined || !context.sees(item.board)) throw notFound('Item', args['item_id'])
  return item
}

/** JSON arguments come as strings; objects are taken too. */
function json(value: unknown): unknown {
  if (typeof value !== 'string') return value
  try {
    return JSON.parse(value) as unknown
  } catch {
    throw new FieldError('Invalid JSON in a column value', { code: 'JsonParseException', status_code: 400 })
  }
}

function setColumns(item: Item, values: Fields, context: ApiContext): Item {
  const { edits } = context.service
  return attempt(() => {
    for (const [columnId, value] of Object.entries(values)) {
      if (columnId === 'name') edits.rename(item.board.id, item.id, String(value))
      else edits.setColumn(item.board.id, item.id, columnId, value)
    }
    return item
  })
}

function create(boardId: string, args: Args, context: ApiContext, parentItemId?: string): Item {
  const values = (json(args['column_values']) ?? {}) as Fields
  const groupId = args['group_id'] as string | undefined
  return attempt(() =>
    context.service.edits.createItem(boardId, {
      name: args['item_name'] as string,
      values,
      ...(groupId === undefined ? {} : { groupId }),
      ...(parentItemId === undefined ? {} : { parentItemId }),
    }),
  )
}

function onItem(verb: 'archive' | 'delete' | 'duplicate'): Resolver<ApiContext> {
  return (_source, args, context) => {
    const item = itemOf(args, context)
    return attempt(() => context.service.edits[verb](item.board.id, item.id))
  }
}

export const mutationFields: Record<string, Resolver<ApiContext>> = {
  archive_item: onItem('archive'),
  delete_item: onItem('delete'),
  duplicate_item: onItem('duplicate'),
  change_column_value: (_source, args, context) =>
    setColumns(itemOf(args, context), { [args['column_id'] as string]: json(args['value']) }, context),
  change_simple_column_value: (_source, args, context) =>
    setColumns(itemOf(args, context), { [args['column_id'] as string]: args['value'] }, context),
  change_multiple_column_values: (_source, args, context) =>
    setColumns(itemOf(args, context), json(args['column_values']) as Fields, context),
  create_item: (_source, args, context) => create(args['board_id'] as string, args, context),
  create_subitem: (_source, args, context) => {
    const parent = itemOf({ item_id: args['parent_item_id'] }, context)
    return create(parent.board.id, args, context, String(parent.id))
  },
  move_item_to_group: (_source, args, context) => {
    const item = itemOf(args, context)
    return attempt(() =>
      context.service.edits.moveToGroup(item.board.id, item.id, args['group_id'] as string),
    )
  },
  create_update: (_source, args, context) => {
    const item = itemOf(args, context)
    return attempt(() => context.service.edits.createUpdate(item.id, args['body'] as string))
  },
  edit_update: (_source, args, context) =>
    attempt(() => context.service.edits.editUpdate(args['id'] as string, args['body'] as string)),
  delete_update: (_source, args, context) =>
    attempt(() => context.service.edits.deleteUpdate(args['id'] as string)),
  create_webhook: createWebhook,
  delete_webhook: (_source, args, { world }) => {
    const webhook = world.webhooks.get(args['id'] as string)
    if (webhook === undefined) throw notFound('Webhook', args['id'])
    world.webhooks.delete(webhook.id)
    world.version++
    return { ...webhook, board_id: webhook.boardId }
  },
}

async function createWebhook(_source: unknown, args: Args, context: ApiContext): Promise<unknown> {
  const { config, board_id, url, event } = args
  if (context.service.hiddenBoards.has(board_id as string))
    throw invalidArgument('Board not found', { board_id: Number(board_id) })
  const text =
    config === undefined || config === null
      ? null
      : typeof config === 'string'
        ? config
        : JSON.stringify(config)
  const webhook = await registerWebhook(context.world, context.service.dispatcher, {
    boardId: board_id as string,
    url: url as string,
    event: event as string,
    config: text,
  })
  return { ...webhook, board_id: webhook.boardId }
}
