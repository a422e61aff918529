import { expect, it } from 'vitest'
import type { Stream } from '../sources/contract.ts'
import { checkStreams } from './check-streams.ts'
import { defineTable } from './table-spec.ts'

const leads = defineTable({
  name: 'leads',
  key: 'lead_id',
  columns: {
    email: 'text',
    notes: { type: 'text', owner: 'local' },
    score: { type: 'integer', owner: 'derived' },
    stage: { type: 'text', owner: 'shared' },
  },
})

const stream = (columns: string[], table = 'leads'): Stream => ({
  id: '7',
  name: 'Leads',
  table,
  columns,
  parts: ['row'],
})

it('takes a mapping of source-owned columns', () => {
  expect(() => checkStreams([stream(['email'])], [leads])).not.toThrow()
})

it.each([
  ['notes', /public\.leads\.notes, which is local/],
  ['score', /public\.leads\.score, which is derived/],
  ['stage', /public\.leads\.stage, which is shared/],
  ['fax', /public\.leads\.fax, which is not declared/],
])('refuses a mapping that writes %s', (column, message) => {
  expect(() => checkStreams([stream(['email', column])], [leads])).toThrow(message)
})

it('refuses a stream without its table', () => {
  expect(() => checkStreams([stream([], 'people')], [leads])).toThrow(/table "people", which is not declared/)
})
