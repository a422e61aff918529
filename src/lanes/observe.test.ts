import { expect, it } from 'vitest'
import type { Queryable } from '../db/database.ts'
import { SETTLE_MS } from '../engine/read-time.ts'
import { parseStamp } from '../engine/stamp.ts'
import { type FetchedRow, ROW } from '../sources/contract.ts'
import { arrive, observePage } from './observe.ts'

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

it('a database clock that is set back makes no later read an earlier one', async () => {
  const shown = [50, 70, 20, 30, 90]
  const next = shown.entries()
  const db: Queryable = {
    query: <Row>() => {
      const [n, seen] = next.next().value ?? []
      return Promise.resolve({ rows: [{ seen, n }] as Row[], rowCount: 1 })
    },
  }
  const seen: number[] = []
  for (const _ of shown) seen.push((await arrive(db)).seen)
  expect(seen).toEqual([50, 70, 70, 70, 90])
})
