import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import type { Json } from '../../src/engine/observation.ts'
import { stamp } from '../../src/engine/stamp.ts'
import { applyObservations } from '../../src/mirror/apply.ts'
import type { FetchedRow } from '../../src/sources/contract.ts'
import { passOver, row, UPDATED_AT, withList } from '../support/list-app.ts'

/** Of three batches. */
const ROWS = 12_000
const unchanged = (): FetchedRow[] => Array.from({ length: ROWS }, (_, k) => row(k))

async function countRows(db: Database, condition = 'true'): Promise<unknown> {
  const { rows } = await db.query<{ n: number }>(
    `select count(*)::int as n from public.list where title = 'Row ' || right(id, 6)::int and ${condition}`,
  )
  return rows[0]?.n
}

describe('batches of a pass that are written side by side', () => {
  it('leave nothing out, and the second pass writes nothing', async () => {
    await withList(unchanged, async (db, pipeline) => {
      expect(await passOver(db, pipeline)).toMatchObject({
        status: 'completed',
        processed: ROWS,
        created: ROWS,
      })
      expect(await countRows(db, `quantity = right(id, 6)::int`)).toBe(ROWS)
      expect(await passOver(db, pipeline)).toMatchObject({ status: 'completed', unchanged: ROWS, updated: 0 })
    })
  })

  it('go on behind one with a row that the database refuses', async () => {
    const rows = (): FetchedRow[] => unchanged().with(17, row(17, 'many'))
    await withList(rows, async (db, pipeline) => {
      const run = await passOver(db, pipeline)
      expect(run).toMatchObject({
        status: 'partial',
        error: expect.stringContaining('row row_000017 was refused'),
      })
      expect(await countRows(db)).toBe(ROWS - 1)
    })
  })

  it('leave out a row whose unmapped columns are nested too deep, and say so', async () => {
    const [depth, { values, ...rest }] = [500, row(17)]
    const deep = JSON.parse('['.repeat(depth) + ']'.repeat(depth)) as Json
    const rows = (): FetchedRow[] => unchanged().with(17, { ...rest, values, extra: { deep } })
    await withList(rows, async (db, pipeline) => {
      const run = await passOver(db, pipeline)
      expect(run).toMatchObject({
        status: 'partial',
        error: expect.stringContaining('row row_000017 was refused: invalid input syntax for type json'),
      })
      expect(await countRows(db)).toBe(ROWS - 1)
    })
  })

  it('give way to one that needs its table for itself', async () => {
    await withList(unchanged, async (db, pipeline) => {
      const gone = Array.from({ length: ROWS / 100 }, (_, i) => row(i * 100).key)
      await db.transaction((tx) =>
        applyObservations(
          tx,
          pipeline.mirror,
          gone.map((key, i) => {
            const at = stamp({ at: UPDATED_AT, seen: UPDATED_AT, n: i + 1 })
            return { table: 'list', key, kind: 'delete', stamp: at, values: {} }
          }),
          2,
        ),
      )
      expect(await passOver(db, pipeline)).toMatchObject({ status: 'completed', processed: ROWS })
      expect(await countRows(db)).toBe(ROWS)
    })
  })

  it('do not wait for each other where pages shifted, and a row is on two of them', async () => {
    const shifted = (): FetchedRow[] => {
      const rows = unchanged()
      const [first, last] = [rows.slice(0, 4_000), rows.slice(4_000)]
      // The last key of the first batch is the first of the second, and the other way round.
      return [
        ...first.with(0, row(4_000)),
        ...last.with(0, row(3_999)).with(1, row(0)).with(2, row(4_000)),
        row(4_001),
        row(4_002),
      ]
    }
    await withList(shifted, async (db, pipeline) => {
      expect(await passOver(db, pipeline)).toMatchObject({ status: 'completed' })
      expect(await countRows(db)).toBe(ROWS)
    })
  })
})
