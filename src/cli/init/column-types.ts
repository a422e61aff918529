import type { DecoderName } from '../../sources/monday/mapping.ts'

/** What the columns of each monday type become; a type that is not listed is kept as monday has it, in jsonb. */
const decoders: Readonly<Record<string, DecoderName>> = {
  text: 'text',
  long_text: 'text',
  email: 'text',
  phone: 'text',
  link: 'text',
  country: 'text',
  tags: 'text',
  item_id: 'text',
  auto_number: 'integer',
  rating: 'number',
  numbers: 'number',
  status: 'label',
  dropdown: 'label',
  date: 'date',
  people: 'people',
  checkbox: 'boolean',
  board_relation: 'links',
  dependency: 'links',
  mirror: 'display',
  formula: 'display',
  last_updated: 'timestamp',
  creation_log: 'timestamp',
}

export const decoderOf = (type: string): DecoderName => decoders[type] ?? 'json'

/** Types that are no column of the table: an item's name is its own property, and a subitem tells its parent. */
export const NOT_COLUMNS: ReadonlySet<string> = new Set(['name', 'subtasks'])
