import { changedAt } from '../columns/kind.ts'
import { kindOf } from '../columns/kinds.ts'
import type { Change, Stamp } from '../edits/change.ts'
import type { Cell, CellRef, Group, Item, World } from '../world/model.ts'
import { isSubitem } from './subscribed.ts'

type Fields = Record<string, unknown>

/**
 * The `event` of a delivery, less what differs by webhook. Its `type` is monday's older name of the event, and the id of
 * the item is under a different key in each family, as a number.
 */
export function payloadOf(world: World, change: Change, stamp: Stamp): Fields {
  const body = bodyOf(world, change, stamp)
  const common = {
    app: 'monday',
    type: body['type'],
    triggerTime: new Date(stamp.at).toISOString(),
    isRetry: false,
    userId: stamp.userId,
    ...(change.kind === 'restore' ? {} : { originalTriggerUuid: null }),
  }
  return { ...common, ...body, triggerUuid: stamp.triggerUuid }
}

type BodyOf<Kind> = (world: World, change: Change & { kind: Kind }, stamp: Stamp) => Fields

const BODIES: { readonly [Kind in Change['kind']]: BodyOf<Kind> } = {
  column: columnBody,
  subitems: subitemsBody,
  name: nameBody,
  create: (world, { item }) => createBody(world, item),
  archive: (world, { item }) => goneBody(world, item, 'archive_pulse'),
  delete: (world, { item }) => goneBody(world, item, 'delete_pulse'),
  restore: restoreBody,
  group: groupBody,
  parent: parentBody,
  update: updateBody,
  structure: structureBody,
  board: () => ({}),
}

function bodyOf(world: World, change: Change, stamp: Stamp): Fields {
  return (BODIES[change.kind] as BodyOf<Change['kind']>)(world, change, stamp)
}

const floatSeconds = (stamp: Stamp): number => (stamp.at * 1000 + stamp.micros) / 1e6

function placed(item: Item): Fields {
  return { boardId: Number(item.board.id), groupId: item.groupId }
}

function isTopGroup(item: Item): boolean {
  return item.board.groups.keys().next().value === item.groupId
}

/** Create and update events name the parent with strings; archive and delete events with numbers. */
function parentStrings(world: World, item: Item): Fields {
  if (!isSubitem(item.board) || item.parentId === null) return {}
  const board = world.items.get(item.parentId)?.board.id ?? item.board.parentBoardId
  return { parentItemId: String(item.parentId), parentItemBoardId: board }
}

function eventValue(cell: Cell, ref: CellRef): unknown {
  const kind = kindOf(ref.column.type)
  const value = (kind.event === undefined ? kind.value(cell, ref) : kind.event(cell, ref)) ?? null
  if (cell === undefined || ref.column.type !== 'people') return value
  return { ...(value as Fields), changed_at: new Date(changedAt(ref)).toISOString() }
}

function columnBody(
  world: World,
  { item, column, before, after }: Change & { kind: 'column' },
  stamp: Stamp,
): Fields {
  const ref = { world, item, column }
  return {
    type: 'update_column_value',
    ...placed(item),
    pulseId: item.id,
    pulseName: item.name,
    columnId: column.id,
    columnType: kindOf(column.type).internal,
    columnTitle: column.title,
    value: eventValue(after, ref),
    previousValue: eventValue(before, ref),
    changedAt: floatSeconds(stamp),
    isTopGroup: isTopGroup(item),
    ...parentStrings(world, item),
  }
}

function subitemsBody(
  _world: World,
  { item, column, added }: Change & { kind: 'subitems' },
  stamp: Stamp,
): Fields {
  const linked = (ids: number[]): unknown => ids.map((id) => ({ linkedPulseId: id }))
  const ids = item.subitemIds ?? []
  const changed = `${new Date(stamp.at).toISOString().slice(0, 19).replace('T', ' ')} +0000`
  return {
    type: 'update_column_value',
    ...placed(item),
    pulseId: item.id,
    pulseName: item.name,
    columnId: column.id,
    columnType: 'subtasks',
    columnTitle: column.title,
    value: { linkedPulseIds: linked(ids), changed_at: changed },
    previousValue: ids.length <= 1 ? null : { linkedPulseIds: linked(ids.filter((id) => id !== added)) },
    changedAt: floatSeconds(stamp),
    isTopGroup: isTopGroup(item),
  }
}

function nameBody(world: World, { item, before, after }: Change & { kind: 'name' }): Fields {
  return {
    type: 'update_name',
    ...placed(item),
    pulseId: item.id,
    value: { name: after },
    previousValue: { name: before },
    ...parentStrings(world, item),
  }
}

function restoreBody(_world: World, { item }: Change & { kind: 'restore' }): Fields {
  return {
    type: 'restore_pulse',
    value: { state: 1, is_undo: true },
    previousValue: { state: 2 },
    boardId: Number(item.board.id),
    itemId: item.id,
    itemName: item.name,
  }
}

function createBody(world: World, item: Item): Fields {
  const group = item.board.groups.get(item.groupId) as Group
  return {
    type: 'create_pulse',
    boardId: Number(item.board.id),
    pulseId: item.id,
    pulseName: item.name,
    groupId: item.groupId,
    groupName: group.title,
    groupColor: group.color,
    isTopGroup: isTopGroup(item),
    columnValues: {},
    ...parentStrings(world, item),
    ...(isSubitem(item.board) ? { itemId: item.id } : {}),
  }
}

function goneBody(world: World, item: Item, type: string): Fields {
  const own = { type, boardId: Number(item.board.id), itemId: item.id, itemName: item.name }
  if (!isSubitem(item.board) || item.parentId === null) return own
  const parentBoardId = Number(world.items.get(item.parentId)?.board.id ?? item.board.parentBoardId)
  return { ...own, parentBoardId, parentItemId: item.parentId, pulseId: item.id }
}

function groupBody(_world: World, { item, from, to }: Change & { kind: 'group' }): Fields {
  const group = item.board.groups.get(to) as Group
  return {
    type: 'move_pulse_into_group',
    boardId: Number(item.board.id),
    pulseId: item.id,
    sourceGroupId: from,
    destGroupId: to,
    destGroup: { id: group.id, title: group.title, color: group.color, is_top_group: isTopGroup(item) },
  }
}

function parentBody(world: World, { item, from, to }: Change & { kind: 'parent' }): Fields {
  const boardOf = (id: number): number => Number(world.items.get(id)?.board.id ?? item.board.parentBoardId)
  return {
    type: 'move_subitem',
    sourcePulseId: from,
    destPulseId: to,
    sourceBoardId: boardOf(from),
    destBoardId: boardOf(to),
    subitem: item.id,
  }
}

function updateBody(world: World, { verb, item, update }: Change & { kind: 'update' }): Fields {
  return {
    type: `${verb}_update`,
    boardId: Number(item.board.id),
    pulseId: item.id,
    body: update.body,
    textBody: update.body.replaceAll(/<[^>]+>/g, ''),
    updateId: Number(update.id),
    replyId: null,
    ...parentStrings(world, item),
  }
}

function structureBody(
  world: World,
  { board, column }: Change & { kind: 'structure' },
  stamp: Stamp,
): Fields {
  return {
    type: 'create_column',
    accountId: Number(world.account.id),
    entity: 'board',
    boardId: Number(board.id),
    columnId: column?.id,
    columnTitle: column?.title,
    columnType: column === undefined ? null : kindOf(column.type).internal,
    createdAt: floatSeconds(stamp),
    retryCount: 0,
  }
}
