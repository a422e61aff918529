import { expect, it } from 'vitest'
import { SETTLE_MS } from '../engine/read-time.ts'
import { parseStamp } from '../engine/stamp.ts'
import { type FetchedRow, ROW } from '../sources/contract.ts'
import { observePage } from './observe.ts'

const FLOOR = 1_700_000_000_000_000
const GRANULE = 1_000_000
const stream = { id: '1', name: 'Tasks', table: 'tasks', columns: ['c'], parts: [ROW] }

const timeOf = (row: Partial<FetchedRow>): number | undefined => {
  const page = { floor: FLOOR, granule: GRANULE, next: undefined, gaps: [] }
  const rows = [{ key: 'k', values: { c: 1 }, ...row }]
  const [observation] = observePage(stream, ROW, { ...page, rows }, { seen: 1, n: 1 })
  return observation && parseStamp(observation.stamp).at
}

it('a row that has no modification time stands for its read; one that withheld it may be as old as a replica lags', () => {
  expect(timeOf({})).toBe(FLOOR)
  expect(timeOf({ undated: true })).toBe(FLOOR - SETTLE_MS * 1000)
  expect(timeOf({ updatedAt: FLOOR - 5 * GRANULE })).toBe(FLOOR - 4 * GRANULE)
})
