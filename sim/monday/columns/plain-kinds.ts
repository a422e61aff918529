import { type ColumnKind, ColumnValueError, isBlank, isFields } from './kind.ts'

const scalar = (input: unknown): string | undefined =>
  typeof input === 'string' || typeof input === 'number' ? String(input) : undefined

export const text: ColumnKind = {
  graphql: 'TextValue',
  internal: 'text',
  stored: true,
  parse(input, column) {
    if (isBlank(input)) return undefined
    const found = scalar(input) ?? (isFields(input) ? scalar(input['value'] ?? input['text']) : undefined)
    if (found === undefined) throw new ColumnValueError(column, input)
    return found
  },
  text: (cell) => (cell as string | undefined) ?? '',
  value: (cell) => cell,
  event: (cell) => (cell === undefined ? null : { value: cell }),
}

export const longText: ColumnKind = {
  ...text,
  graphql: 'LongTextValue',
  internal: 'long-text',
  value: (cell) => (cell === undefined ? undefined : { text: cell }),
  event: (cell) => (cell === undefined ? null : { text: cell }),
}

export const numbers: ColumnKind = {
  graphql: 'NumbersValue',
  internal: 'numeric',
  stored: true,
  parse(input, column) {
    const raw = isFields(input) ? input['value'] : input
    if (isBlank(raw)) return undefined
    const found = scalar(raw)
    if (found === undefined || !Number.isFinite(Number(found))) throw new ColumnValueError(column, input)
    return found
  },
  text: (cell) => (cell as string | undefined) ?? '',
  value: (cell) => cell,
  event: (cell) => (cell === undefined ? null : { value: Number(cell), unit: null }),
}

export const rating: ColumnKind = {
  graphql: 'RatingValue',
  internal: 'rating',
  stored: true,
  parse(input, column) {
    if (isBlank(input)) return undefined
    const stars = Number(isFields(input) ? input['rating'] : input)
    if (!Number.isInteger(stars)) throw new ColumnValueError(column, input)
    return stars
  },
  text: (cell) => (cell === undefined ? '' : `${cell as number}`),
  value: (cell) => (cell === undefined ? undefined : { rating: cell }),
}

export const checkbox: ColumnKind = {
  graphql: 'CheckboxValue',
  internal: 'boolean',
  stored: true,
  parse(input) {
    const checked = isFields(input) ? input['checked'] : input
    return checked === true || checked === 'true' ? 1 : undefined
  },
  text: (cell) => (cell === 1 ? 'v' : ''),
  value: (cell) => (cell === 1 ? { checked: true } : undefined),
}
