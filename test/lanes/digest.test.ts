import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import { stamp } from '../../src/engine/stamp.ts'
import { applyObservations } from '../../src/mirror/apply.ts'
import type { FetchedRow } from '../../src/sources/contract.ts'
import { passOver, row, UPDATED_AT, withList } from '../support/list-app.ts'

const ROWS = 1_200
const unchanged = (): FetchedRow[] => Array.from({ length: ROWS }, (_, k) => row(k))

const digests = async (db: Database): Promise<Map<string, string | null>> => {
  const { rows } = await db.query<{ id: string; digest: string | null }>(
    'select id, _digest as digest from public.list',
  )
  return new Map(rows.map((r) => [r.id, r.digest]))
}

describe('a table with digests', () => {
  it('is found to be the same by them alone', async () => {
    await withList(unchanged, async (db, pipeline) => {
      await passOver(db, pipeline)
      expect([...(await digests(db)).values()].every((d) => /^[\w-]{22}\/\d+$/.test(d ?? ''))).toBe(true)
      // What the values are is not asked: with their digest, others pass for them.
      await db.query(`alter table public.list alter quantity type integer using quantity + 1`)
      await db.query(
        `update public.list set _digest = split_part(_digest, '/', 1) || '/' || (txid_current() & 4294967295)`,
      )
      expect(await passOver(db, pipeline)).toMatchObject({ unchanged: ROWS, updated: 0 })
    })
  })

  it('gets back what people changed by hand', async () => {
    await withList(unchanged, async (db, pipeline) => {
      await passOver(db, pipeline)
      await db.query(`update public.list set title = 'by hand' where id in ('row_000003', 'row_001100')`)
      expect(await passOver(db, pipeline)).toMatchObject({ unchanged: ROWS - 2, updated: 2 })
      const { rows } = await db.query(`select id from public.list where title = 'by hand'`)
      expect(rows).toEqual([])
      expect(await passOver(db, pipeline)).toMatchObject({ unchanged: ROWS, updated: 0 })
    })
  })

  it('keeps what people wrote into columns of their own', async () => {
    await withList(unchanged, async (db, pipeline) => {
      await db.query('alter table public.list add note text')
      await passOver(db, pipeline)
      await db.query(`update public.list set note = 'mine' where id < 'row_000100'`)
      expect(await passOver(db, pipeline)).toMatchObject({ unchanged: ROWS, updated: 0 })
      const { rows } = await db.query(`select count(*)::int as n from public.list where note = 'mine'`)
      expect(rows).toEqual([{ n: 100 }])
    })
  })

  it('loses the digest of a row of which a part was written, and compares it', async () => {
    await withList(unchanged, async (db, pipeline) => {
      await passOver(db, pipeline)
      const at = stamp({ at: Date.now() * 1000, seen: Date.now() * 1000, n: 1_000_000 })
      const { key } = row(7)
      const event = { table: 'list', key, kind: 'fields' as const, stamp: at, values: { quantity: 70 } }
      await db.transaction((tx) => applyObservations(tx, pipeline.mirror, [event]))
      expect((await digests(db)).get(key)).toBeNull()
      // The vendor's own list does not show the change yet.
      expect(await passOver(db, pipeline)).toMatchObject({ status: 'completed', processed: ROWS })
      const { rows } = await db.query('select quantity from public.list where id = $1', [key])
      expect(rows).toEqual([{ quantity: 70 }])
    })
  })

  it('writes a row that changed at the vendor, and its digest', async () => {
    let now = unchanged()
    await withList(
      () => now,
      async (db, pipeline) => {
        await passOver(db, pipeline)
        const before = await digests(db)
        const changed = { ...row(5, '55'), updatedAt: UPDATED_AT + 3_600_000_000 }
        now = now.with(5, changed)
        expect(await passOver(db, pipeline)).toMatchObject({ unchanged: ROWS - 1, updated: 1 })
        const after = await digests(db)
        expect(after.get(changed.key)).not.toBe(before.get(changed.key))
        expect(await passOver(db, pipeline)).toMatchObject({ unchanged: ROWS, updated: 0 })
      },
    )
  })

  it('may have been made without: nothing else changes', async () => {
    await withList(
      unchanged,
      async (db, pipeline) => {
        expect(await passOver(db, pipeline)).toMatchObject({ created: ROWS })
        await db.query(`update public.list set title = 'by hand' where id = 'row_000003'`)
        expect(await passOver(db, pipeline)).toMatchObject({ unchanged: ROWS - 1, updated: 1 })
      },
      { digests: false },
    )
  })
})
