/**
 * How a monday value becomes a column. Fetched rows and webhook payloads of one column decode to the same value.
 * - `text`: the column's text. `label`: the label of a status, the labels of a dropdown joined by ", ".
 * - `number`: numeric; `integer`: rounded. `date`: the day; `timestamp`: day and time (null without a time).
 * - `people`: names joined by ", "; `people_ids`: text[]. `link`: the first connected item's id; `links`: all, text[].
 * - `display`: what a mirror or formula column shows; `display_number`: the sum of its comma-joined numbers;
 *   `display_date`: its first date. `boolean`: a checkbox. `json`: the value as monday keeps it.
 */
export const decoderNames = [
  'text', 'label', 'number', 'integer', 'date', 'timestamp', 'people', 'people_ids', 'link', 'links', 'display',
  'display_number', 'display_date', 'boolean', 'json',
] as const // prettier-ignore
export type DecoderName = (typeof decoderNames)[number]

/** Properties of an item that are not columns of its board, usable where a column id is. */
export const itemProperties = [
  'name',
  'group_id',
  'group_title',
  'parent_item_id',
  'created_at',
  'creator_id',
] as const
export type ItemProperty = (typeof itemProperties)[number]

/** One table column: which board column (or item property) it shows, and how. */
export interface FieldMapping {
  readonly column: string
  readonly as: DecoderName
}

/** One board and the table that mirrors it. Every board column that no field names is kept in `extra`, by its id. */
export interface BoardMapping {
  readonly board: string
  readonly name: string
  readonly table: string
  /** The board whose subitems these are. monday's subitem webhooks are registered there. */
  readonly parentBoard?: string
  readonly fields: Readonly<Record<string, FieldMapping>>
}
