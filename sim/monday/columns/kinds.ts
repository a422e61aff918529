import * as contact from './contact-kinds.ts'
import type { ColumnKind } from './kind.ts'
import * as label from './label-kinds.ts'
import * as link from './link-kinds.ts'
import * as plain from './plain-kinds.ts'
import * as time from './time-kinds.ts'

const KINDS: Readonly<Record<string, ColumnKind>> = {
  name: link.name,
  text: plain.text,
  long_text: plain.longText,
  numbers: plain.numbers,
  rating: plain.rating,
  checkbox: plain.checkbox,
  status: label.status,
  dropdown: label.dropdown,
  tags: label.tags,
  date: time.date,
  timeline: time.timeline,
  last_updated: time.lastUpdated,
  creation_log: time.creationLog,
  people: contact.people,
  email: contact.email,
  link: contact.link,
  phone: contact.phone,
  country: contact.country,
  file: contact.file,
  board_relation: link.boardRelation,
  dependency: link.dependency,
  subtasks: link.subtasks,
  mirror: link.mirror,
  formula: link.formula,
  item_id: link.itemId,
}

export function kindOf(type: string): ColumnKind {
  return KINDS[type] ?? contact.unsupported
}
