import { expect, it } from 'vitest'
import { dropQuietRuns } from '../../src/lanes/runs.ts'
import { engineMigrations } from '../../src/apps/migrations.ts'
import { migrate } from '../../src/db/migrate.ts'
import { withDatabase } from '../support/database.ts'

interface Given {
  readonly lane?: string
  readonly stream?: string
  readonly part?: string
  readonly days: number
  readonly updated?: number
  readonly status?: string
}

it('runs that were whole and changed nothing go after two days, but the last and the first of their kind', async () => {
  await withDatabase(async (db) => {
    await migrate(db, await engineMigrations())
    const add = async (name: string, given: Given): Promise<void> => {
      const { lane = 'backfill', stream = 'a', part = 'row', days, updated = 0, status = 'completed' } = given
      await db.query(
        `insert into lockstep.runs (app, lane, stream, stream_name, started_at, status, updated, metadata)
         values ('x', $1, $2, $3, clock_timestamp() - make_interval(days => $4), $5, $6, jsonb_build_object('part', $7::text))`,
        [lane, stream, name, days, status, updated, part],
      )
    }
    await add('the first, where deltas begin', { days: 9 })
    await add('quiet', { days: 8 })
    await add('changed something', { days: 7, updated: 1 })
    await add('failed', { days: 6, status: 'failed' })
    await add('quiet too', { days: 5 })
    await add('the last', { days: 4 })
    await add('the only one of its part', { days: 8, part: 'formula' })
    await add('the only one of its stream', { days: 8, stream: 'b' })
    await add('young', { days: 1, stream: 'c' })
    await add('younger', { days: 0, stream: 'c' })
    await add('a delta', { days: 8, lane: 'delta' })
    await add('the last delta', { days: 7, lane: 'delta' })
    expect(await dropQuietRuns(db, 5)).toBe(3)
    const { rows } = await db.query<{ name: string }>('select stream_name as name from lockstep.runs')
    expect(rows.map(({ name }) => name).sort()).toEqual(
      [
        'changed something', 'failed', 'the first, where deltas begin', 'the last', 'the last delta',
        'the only one of its part', 'the only one of its stream', 'young', 'younger',
      ], // prettier-ignore
    )
  })
})
