import type { ActivityLog, Board } from '../world/model.ts'
import type { ApiContext } from './context.ts'

/** However wide the window, the vendor goes no deeper. */
const LOGS_MAX = 10_000

type Args = Readonly<Record<string, unknown>>

/** Newest first, and late: an edit shows up here only after the log's lag. */
export function activityOf(board: Board, args: Args, context: ApiContext): ActivityLog[] {
  const visibleUntil = context.world.clock.now() - context.service.faults.activityLogLagMs
  const from = args['from'] == null ? -Infinity : Date.parse(args['from'] as string)
  const to = args['to'] == null ? Infinity : Date.parse(args['to'] as string)
  const one = (name: string, value: string | null): boolean => {
    const wanted = args[name] as string[] | null | undefined
    return wanted == null || (value !== null && wanted.includes(value))
  }
  const found: ActivityLog[] = []
  const { activity } = context.world
  for (let i = activity.length - 1; i >= 0 && found.length < LOGS_MAX; i--) {
    const log = activity[i] as ActivityLog
    if (log.boardId !== board.id || log.at > visibleUntil || log.at < from || log.at > to) continue
    const item = log.itemId === null ? null : String(log.itemId)
    if (
      one('item_ids', item) &&
      one('column_ids', log.columnId) &&
      one('group_ids', log.groupId) &&
      one('user_ids', String(log.userId))
    )
      found.push(log)
  }
  const limit = (args['limit'] as number | null | undefined) ?? 25
  const page = (args['page'] as number | null | undefined) ?? 1
  return found.slice((page - 1) * limit, page * limit)
}

/** 17 digits: tenths of a microsecond since 1970. */
export function activityTime(log: ActivityLog): string {
  return `${log.at}0000`
}
