import { toSeconds } from '../world/model.ts'
import { changedAt, type ColumnKind, ColumnValueError, isBlank, isFields } from './kind.ts'

const DAY = /^\d{4}-\d{2}-\d{2}$/
const TIME = /^\d{2}:\d{2}(:\d{2})?$/

export const date: ColumnKind = {
  graphql: 'DateValue',
  internal: 'date',
  stored: true,
  parse(input, column) {
    const [day, time] = isFields(input) ? [input['date'], input['time']] : splitText(input)
    if (isBlank(day)) return undefined
    if (typeof day !== 'string' || !DAY.test(day)) throw new ColumnValueError(column, input)
    if (isBlank(time)) return day
    if (typeof time !== 'string' || !TIME.test(time)) throw new ColumnValueError(column, input)
    return `${day} ${time.length === 5 ? `${time}:00` : time}`
  },
  // The time zone of the simulated token's user is UTC, so the text needs no shift.
  text: (cell) => (cell === undefined ? '' : (cell as string).slice(0, 16)),
  value: (cell, ref) =>
    cell === undefined
      ? undefined
      : { ...dateParts(cell as string), icon: null, changed_at: new Date(changedAt(ref)).toISOString() },
}

function splitText(input: unknown): unknown[] {
  return typeof input === 'string' ? input.split(/[ T]/) : [input]
}

export function dateParts(cell: string): { date: string; time: string | null } {
  return { date: cell.slice(0, 10), time: cell.length > 10 ? cell.slice(11) : null }
}

export const timeline: ColumnKind = {
  graphql: 'TimelineValue',
  internal: 'timerange',
  stored: true,
  parse(input, column) {
    if (isBlank(input)) return undefined
    if (!isFields(input) || !DAY.test(String(input['from'])) || !DAY.test(String(input['to'])))
      throw new ColumnValueError(column, input)
    return { from: input['from'], to: input['to'] }
  },
  text: (cell) => {
    const range = cell as { from: string; to: string } | undefined
    return range === undefined ? '' : `${range.from} - ${range.to}`
  },
  value: (cell) => cell,
}

const spaced = (ms: number): string => `${toSeconds(ms).slice(0, 19).replace('T', ' ')} UTC`

export const lastUpdated: ColumnKind = {
  graphql: 'LastUpdatedValue',
  internal: 'pulse-updated',
  stored: false,
  parse: () => undefined,
  text: (_cell, { item }) => spaced(item.updatedAt),
  value: (_cell, { item }) => ({ updated_at: toSeconds(item.updatedAt), updater_id: String(item.updaterId) }),
}

export const creationLog: ColumnKind = {
  graphql: 'CreationLogValue',
  internal: 'pulse-log',
  stored: false,
  parse: () => undefined,
  text: (_cell, { item }) => spaced(item.createdAt),
  value: (_cell, { item }) => ({ created_at: toSeconds(item.createdAt), creator_id: String(item.creatorId) }),
}
