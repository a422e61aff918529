import { describe, expect, it } from 'vitest'
import { Marks } from '../../src/cache/marks.ts'
import type { Database, Queryable } from '../../src/db/database.ts'
import { withDatabase } from '../support/database.ts'

const TABLE = 'public.marks'
/** Nothing is known of the time before. */
const ALL = ['everything']

class Looks {
  at = 0
  readonly marks: Marks

  constructor(db: Queryable) {
    this.marks = new Marks(db, { table: TABLE, keptMs: 1_000, now: () => this.at })
  }

  async look(): Promise<string[]> {
    const { all, marks } = await this.marks.poll()
    return all ? ALL : marks.map(({ topic, scope }) => `${topic} ${scope}`).sort()
  }
}

const withMarks = (test: (db: Database, looks: Looks) => Promise<void>): Promise<void> =>
  withDatabase(async (db) => {
    await db.query(
      `create table ${TABLE} (xact xid8 not null default pg_current_xact_id(), topic text, scope text)`,
    )
    const looks = new Looks(db)
    expect(await looks.look(), 'of the time before the first look nothing is known').toEqual(ALL)
    await test(db, looks)
  })

const mark = (db: Queryable, topic: string, scope = 'a'): Promise<unknown> =>
  db.query(`insert into ${TABLE} (topic, scope) values ($1, $2)`, [topic, scope])

describe('marks', () => {
  it('are told once, each topic and scope, to everybody who looks', async () => {
    await withMarks(async (db, looks) => {
      const other = new Looks(db)
      await other.look()
      await mark(db, 'leads')
      await mark(db, 'leads')
      await mark(db, 'leads', 'b')
      expect(await looks.look()).toEqual(['leads a', 'leads b'])
      expect(await looks.look()).toEqual([])
      expect(await other.look()).toEqual(['leads a', 'leads b'])
    })
  })

  it('of a transaction that began first and commits last are told when it commits', async () => {
    await withMarks(async (db, looks) => {
      await db.transaction(async (first) => {
        await mark(first, 'first')
        await db.transaction(async (second) => mark(second, 'second'))
        expect(await looks.look()).toEqual(['second a'])
        await db.transaction(async (third) => mark(third, 'third'))
        expect(await looks.look(), 'and not again what was told').toEqual(['third a'])
      })
      expect(await looks.look()).toEqual(['first a'])
      expect(await looks.look()).toEqual([])
    })
  })

  it('of a transaction that was rolled back are none', async () => {
    await withMarks(async (db, looks) => {
      const work = db.transaction(async (tx) => {
        await mark(tx, 'leads')
        throw new Error('no')
      })
      await expect(work).rejects.toThrow('no')
      expect(await looks.look()).toEqual([])
    })
  })

  it('of side-by-side writers are all told, and none twice', async () => {
    await withMarks(async (db, looks) => {
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let i = 0; i < 50; i++) await db.transaction(async (tx) => mark(tx, `${writer}`, `${i}`))
      })
      const done = Promise.all(writers).then(() => true)
      const told: string[] = []
      for (let over = false; !over;) {
        over = await Promise.race([done, Promise.resolve(false)])
        told.push(...(await looks.look()))
      }
      expect(new Set(told).size).toBe(200)
      expect(told).toHaveLength(200)
    })
  })

  it('are not trusted after a pause that outlasts them, nor after a look that failed', async () => {
    await withMarks(async (db, looks) => {
      looks.at += 1_000
      expect(await looks.look()).toEqual(ALL)
      expect(await looks.look()).toEqual([])
      await db.query(`alter table ${TABLE} rename to away`)
      await expect(looks.look()).rejects.toThrow(/does not exist/)
      await db.query(`alter table away rename to marks`)
      expect(await looks.look()).toEqual(ALL)
    })
  })
})
