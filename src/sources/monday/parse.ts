import { ConfigError } from '../../engine/errors.ts'
import type { Json, JsonObject, Observation, Value } from '../../engine/observation.ts'
import { parseStamp, type Stamp, stamp } from '../../engine/stamp.ts'
import {
  type Delivery,
  type EventIdentity,
  type Outcome,
  type Parsed,
  type Refetch,
  ROW,
} from '../contract.ts'
import { registersOf } from './board-schema.ts'
import { BARE, kindOf, UNTOLD } from './kinds.ts'
import { type BoardContext, decodeColumn } from './rows.ts'

/** monday's event inside a delivery: ids are numbers or strings, by event. */
export type MondayEvent = JsonObject

export function eventOf(payload: Json): MondayEvent | undefined {
  const event = typeof payload === 'object' && payload !== null ? (payload as JsonObject)['event'] : undefined
  return typeof event === 'object' && event !== null && !Array.isArray(event)
    ? (event as MondayEvent)
    : undefined
}

/** An id in either of its forms; undefined for anything that is no id. */
function id(value: Json | undefined): string | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value > 0 ? String(value) : undefined
  return typeof value === 'string' && /^[1-9]\d{0,19}$/.test(value) ? value : undefined
}

const itemOf = (event: MondayEvent): string | undefined =>
  id(event['pulseId']) ?? id(event['itemId']) ?? id(event['subitem'])
const boardOf = (event: MondayEvent): string | undefined => id(event['boardId']) ?? id(event['destBoardId'])
const text = (value: Json | undefined): string | undefined =>
  typeof value === 'string' && value !== '' ? value : undefined

/**
 * What identifies an event however often it is delivered: monday's triggerUuid with type, item and column, since
 * one trigger may set off several subscriptions. A subscription's own copy of the same change is the same event.
 */
export function identify(payload: Json): EventIdentity {
  const event = eventOf(payload)
  if (event === undefined) return { key: undefined, type: undefined, stream: undefined, entity: undefined }
  const type = text(event['type'])
  const entity = itemOf(event)
  const trigger = text(event['triggerUuid']) ?? text(event['originalTriggerUuid'])
  const parts = [trigger, type, boardOf(event), entity, text(event['columnId'])]
  const key = trigger === undefined ? undefined : parts.map((part) => part ?? '').join('|')
  return { key, type, stream: boardOf(event), entity }
}

/** What an event's handler knows. */
interface Context {
  readonly event: MondayEvent
  readonly board: BoardContext
  readonly item: string
  readonly delivery: Delivery
}

type Handler = (context: Context) => Parsed

const done = (
  outcome: Outcome,
  observations: Observation[],
  refetches: Refetch[] = [],
  note?: string,
): Parsed =>
  note === undefined ? { outcome, observations, refetches } : { outcome, observations, refetches, note }

const hint = ({ board, item, event }: Context, reason = text(event['type']) ?? 'event'): Parsed =>
  done('hint', [], [{ stream: board.mapping.board, part: ROW, keys: [item], reason }])

/** When the change happened, on monday's clock: to the microsecond for values, else when it was triggered. */
function stampAt(context: Context, at: number | undefined): Stamp | undefined {
  const { receivedAt, n } = context.delivery
  // A time from the future would outrank every later truth; monday's clock is not a day ahead of anyone's.
  if (at === undefined || at <= 0 || at > receivedAt + 86_400_000_000) return undefined
  return stamp({ at: Math.floor(at), seen: receivedAt, n })
}

const changedAt = (event: MondayEvent): number | undefined =>
  typeof event['changedAt'] === 'number' ? event['changedAt'] * 1_000_000 : undefined

function triggeredAt(event: MondayEvent): number | undefined {
  const ms = Date.parse(text(event['triggerTime']) ?? '')
  return Number.isFinite(ms) ? ms * 1000 : undefined
}

const columnChanged: Handler = (context) => {
  const { event, board } = context
  const columnId = text(event['columnId'])
  const column = columnId === undefined ? undefined : board.columns.get(columnId)
  if (columnId === undefined) return hint(context, 'a column change that names no column')
  if (columnId === 'name') return renamed(context)
  if (column === undefined) return hint(context, `column ${columnId} is not known yet`)
  if (column.type === 'subtasks') return done('ignored', [], [], 'subitems tell of themselves')
  const at = stampAt(context, changedAt(event))
  const payload = asObject(event['value'])
  const value = kindOf(column.type).event(payload, {
    labels: board.labels.get(columnId) ?? {},
    people: board.people,
  })
  if (value === UNTOLD || at === undefined) return hint(context)
  const decoded = decodeColumn(board, columnId, { type: column.type, value, stored: payload })
  return done('applied', [fields(context, at, decoded.values, decoded.extra), ...lastUpdated(context, at)])
}

function asObject(value: Json | undefined): JsonObject {
  if (value === null || value === undefined) return {}
  if (typeof value === 'object') return Array.isArray(value) ? { [BARE]: value } : (value as JsonObject)
  return { [BARE]: value }
}

function fields(
  { board, item }: Context,
  at: Stamp,
  values: Record<string, Value>,
  extra: Record<string, Json> = {},
): Observation {
  return { table: board.mapping.table, key: item, kind: 'fields', stamp: at, values, extra }
}

/** A last-updated column moves with every change and sends no event of its own; its second is that of the change. */
function lastUpdated(context: Context, at: Stamp): Observation[] {
  const { board } = context
  const moment = parseStamp(at).at
  const value = `${new Date(Math.floor(moment / 1e6) * 1000).toISOString().slice(0, 19).replace('T', ' ')} UTC`
  return [...board.columns.values()]
    .filter((column) => column.type === 'last_updated')
    .map((column) => {
      const { values, extra } = decodeColumn(board, column.id, { type: column.type, value, stored: {} })
      return fields(context, at, values, extra)
    })
}

const renamed: Handler = (context) => {
  const { event, board } = context
  const name = text(asObject(event['value'])['name'])
  const at = stampAt(context, triggeredAt(event))
  const columns = registersOf(board.mapping, 'name').filter((register) => !register.startsWith('+'))
  if (name === undefined || at === undefined) return hint(context)
  const values = Object.fromEntries(columns.map((column) => [column, name]))
  return done('applied', [fields(context, at, values), ...lastUpdated(context, at)])
}

const removed: Handler = (context) => {
  const { board, item, event } = context
  const at = stampAt(context, triggeredAt(event))
  if (at === undefined) return hint(context)
  return done('applied', [{ table: board.mapping.table, key: item, kind: 'delete', stamp: at, values: {} }])
}

/** A restored item comes back as it was kept, at once, and is read again: it may have changed while it was gone. */
const restored: Handler = (context) => {
  const { board, item, event } = context
  const at = stampAt(context, triggeredAt(event))
  const read = hint(context)
  if (at === undefined) return read
  const back: Observation = { table: board.mapping.table, key: item, kind: 'restore', stamp: at, values: {} }
  return { ...read, observations: [back] }
}

/**
 * The new parent is in the event; what else a move changes is not. Without it, a subitem that goes with its new parent
 * before it was read under that parent would stay here with the old one: neither events nor deltas tell of it again.
 */
const subitemMoved: Handler = (context) => {
  const { board, event } = context
  const at = stampAt(context, triggeredAt(event))
  const read = hint(context)
  const parent = id(event['destPulseId'])
  const columns = registersOf(board.mapping, 'parent_item_id').filter((register) => !register.startsWith('+'))
  if (at === undefined || parent === undefined || columns.length === 0) return read
  if (id(event['destBoardId']) !== board.mapping.parentBoard) return read
  return { ...read, observations: [fields(context, at, Object.fromEntries(columns.map((c) => [c, parent])))] }
}

const ignored: Handler = () => done('ignored', [], [], 'nothing of it is kept')

/** event.type, by its old name and where seen by the subscribed one → handler. */
const handlers: Readonly<Record<string, Handler>> = {
  create_pulse: hint,
  create_item: hint,
  create_subitem: hint,
  update_column_value: columnChanged,
  change_column_value: columnChanged,
  change_status_column_value: columnChanged,
  change_subitem_column_value: columnChanged,
  change_specific_column_value: columnChanged,
  update_name: renamed,
  change_name: renamed,
  change_subitem_name: renamed,
  archive_pulse: removed,
  item_archived: removed,
  subitem_archived: removed,
  delete_pulse: removed,
  item_deleted: removed,
  subitem_deleted: removed,
  restore_pulse: restored,
  item_restored: restored,
  move_pulse_into_group: hint,
  item_moved_to_any_group: hint,
  item_moved_to_specific_group: hint,
  move_pulse_into_board: hint,
  move_subitem: subitemMoved,
  create_update: ignored,
  edit_update: ignored,
  delete_update: ignored,
  create_subitem_update: ignored,
}

/** Events about a board rather than an item. A new column's values come with the next sweep of the board. */
const boardEvents = new Set(['create_column'])

/** The board whose table holds the item. `move_subitem` names the boards of the two parents alone. */
function homeOf(
  boards: ReadonlyMap<string, BoardContext>,
  type: string,
  event: MondayEvent,
): string | undefined {
  const named = boardOf(event)
  if (type !== 'move_subitem') return named
  return boards.values().find(({ mapping }) => mapping.parentBoard === named)?.mapping.board ?? named
}

/**
 * Turns a committed delivery into observations and hints; see `Source.parse`. Throws for a board of `configured` that
 * `boards` does not know yet.
 */
export function parseDelivery(
  boards: ReadonlyMap<string, BoardContext>,
  delivery: Delivery,
  configured: ReadonlySet<string> = new Set(),
): Parsed {
  const event = eventOf(delivery.payload)
  const type = text(event?.['type'])
  if (event === undefined || type === undefined) return done('unknown', [], [], 'no event in the body')
  if (boardEvents.has(type)) return done('ignored', [], [], 'read with the next sweep of the board')
  const handler = Object.hasOwn(handlers, type) ? handlers[type] : undefined
  if (handler === undefined) return done('unknown', [], [], `event type "${type}" is not known`)
  const board = boards.get(homeOf(boards, type, event) ?? '')
  const item = itemOf(event)
  if (board === undefined && configured.has(boardOf(event) ?? '')) {
    throw new ConfigError(`board ${boardOf(event) ?? ''} is configured and was never seen; the event waits`)
  }
  if (board === undefined)
    return done('ignored', [], [], `board ${boardOf(event) ?? '(none)'} is not mirrored`)
  if (item === undefined) return done('unknown', [], [], 'the event names no item')
  return handler({ event, board, item, delivery })
}
