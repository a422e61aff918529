import type { CellRef } from '../world/model.ts'
import { type ColumnKind, ColumnValueError, type Fields, isBlank, isFields } from './kind.ts'

export interface PersonOrTeam {
  id: number
  kind: 'person' | 'team'
}

export function peopleOf(cell: unknown): PersonOrTeam[] {
  return isFields(cell) ? (cell['personsAndTeams'] as PersonOrTeam[]) : []
}

function nameOf({ world }: CellRef, { id, kind }: PersonOrTeam): string {
  return (kind === 'team' ? world.teams : world.users).get(id)?.name ?? ''
}

export const people: ColumnKind = {
  graphql: 'PeopleValue',
  internal: 'multiple-person',
  stored: true,
  parse(input, column) {
    if (isBlank(input)) return undefined
    const list: unknown = isFields(input)
      ? input['personsAndTeams']
      : String(input)
          .split(',')
          .map((id) => ({ id: Number(id), kind: 'person' }))
    if (!Array.isArray(list)) throw new ColumnValueError(column, input)
    if (list.length === 0) return undefined
    return {
      personsAndTeams: list.map((one: Fields) => ({ id: Number(one['id']), kind: one['kind'] ?? 'person' })),
    }
  },
  text: (cell, ref) =>
    peopleOf(cell)
      .map((one) => nameOf(ref, one))
      .join(', '),
  value: (cell) => cell,
  // An emptied people column is `{}` in events, not null.
  event: (cell) => cell ?? {},
}

/** Types whose decoded value is a flat object with one field that says whether it is empty. */
function record(
  graphql: string,
  internal: string,
  key: string,
  text: (fields: Fields) => string,
): ColumnKind {
  return {
    graphql,
    internal,
    stored: true,
    parse(input, column) {
      if (isBlank(input)) return undefined
      if (!isFields(input)) throw new ColumnValueError(column, input)
      return isBlank(input[key]) ? undefined : { ...input }
    },
    text: (cell) => (isFields(cell) ? text(cell) : ''),
    value: (cell) => cell,
  }
}

const word = (value: unknown): string => (typeof value === 'string' ? value : '')

export const email = record('EmailValue', 'email', 'email', (f) => word(f['text']) || word(f['email']))
export const link = record('LinkValue', 'link', 'url', (f) =>
  word(f['text']) === '' ? word(f['url']) : `${word(f['text'])} - ${word(f['url'])}`,
)
export const phone = record('PhoneValue', 'phone', 'phone', (f) => word(f['phone']))
export const country = record('CountryValue', 'country', 'countryCode', (f) => word(f['countryName']))
/** Types the simulator stores whole and answers as monday does for a type it cannot describe. */
export const file = record('FileValue', 'file', 'files', () => '')
export const unsupported = record('UnsupportedValue', 'unsupported', 'value', () => '')
