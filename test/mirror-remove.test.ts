import { describe, expect, it } from 'vitest'
import type { Database } from '../src/db/database.ts'
import { type Stamp, stamp } from '../src/engine/stamp.ts'
import type { Pipeline } from '../src/lanes/pipeline.ts'
import { applyObservations } from '../src/mirror/apply.ts'
import { passOver, row, withList } from './support/list-app.ts'

const KEY = row(1).key
const now = (): number => Date.now() * 1000
const later = (): Stamp => stamp({ at: now() + 60_000_000, seen: now(), n: 1_000_000 })
const earlier = (): Stamp => stamp({ at: 1, seen: 1, n: 1 })

const remove = (db: Database, { mirror }: Pipeline, at: Stamp) =>
  db.transaction((tx) =>
    applyObservations(tx, mirror, [{ table: 'list', key: KEY, kind: 'delete', stamp: at, values: {} }]),
  )

const liveRows = async (db: Database): Promise<unknown> =>
  (await db.query(`select id from public.list where id = $1`, [KEY])).rows

const tombstones = async (db: Database): Promise<Record<string, unknown>[]> =>
  (await db.query('select * from lockstep.tombstones')).rows

describe('a row of which an event says that it was deleted, and nothing else', () => {
  it('goes to the tombstones with all that it held', async () => {
    await withList(
      () => [row(1), row(2)],
      async (db, pipeline) => {
        await db.query('alter table public.list add note text')
        await passOver(db, pipeline)
        await db.query(`update public.list set note = 'mine' where id = $1`, [KEY])
        const { rows } = await db.query<{ stamp: string; stamps: object | null }>(
          'select _stamp as stamp, _stamps as stamps from public.list where id = $1',
          [KEY],
        )
        const at = later()
        const { counts, changes } = await remove(db, pipeline, at)
        expect(counts['list']).toMatchObject({ deleted: 1 })
        expect(changes).toEqual([{ table: 'list', key: KEY, op: 'deleted', before: null, after: null }])
        expect(await liveRows(db)).toEqual([])
        expect(await tombstones(db)).toEqual([
          expect.objectContaining({
            table_name: 'public.list',
            key: KEY,
            deleted: true,
            dead: true,
            stamp: rows[0]?.stamp,
            stamps: { ...rows[0]?.stamps, '!': at },
            source_values: { title: 'Row 1', quantity: 1 },
            extra: {},
            local_values: { note: 'mine' },
            parent: null,
          }),
        ])
      },
    )
  })

  it('stays where it was seen after the delete', async () => {
    await withList(
      () => [row(1)],
      async (db, pipeline) => {
        await passOver(db, pipeline)
        await remove(db, pipeline, earlier())
        expect(await liveRows(db)).toEqual([{ id: KEY }])
        expect(await tombstones(db)).toEqual([])
      },
    )
  })

  it('goes where somebody had put it back by hand, beside its tombstone', async () => {
    await withList(
      () => [row(1)],
      async (db, pipeline) => {
        await passOver(db, pipeline)
        const [stored] = (await db.query('select * from public.list')).rows
        await remove(db, pipeline, later())
        await db.query(
          `insert into public.list select * from jsonb_populate_record(null::public.list, $1::jsonb)`,
          [JSON.stringify(stored)],
        )
        await remove(db, pipeline, later())
        expect(await liveRows(db)).toEqual([])
        expect(await tombstones(db)).toHaveLength(1)
      },
    )
  })
})
