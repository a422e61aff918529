import { expect, test } from 'vitest'
import { insertEvents } from '../support/inbox.ts'
import type { Database } from '../../src/db/database.ts'
import { withProject } from './support/folder.ts'

async function insert(
  db: Database,
  key: string,
  status: 'pending' | 'processed' | 'dead',
  error: string | null,
  body: string,
): Promise<number> {
  const [id] = await insertEvents(db, [
    {
      app: 'monday',
      key,
      type: 'update_column_value',
      stream: '1',
      entity: '2',
      status,
      error,
      attempts: 3,
      headers: { 'user-agent': 'monday' },
      body,
    },
  ])
  return id ?? 0
}

const statusOf = async (db: Database, id: number): Promise<unknown> =>
  (await db.query<{ status: string }>('select status from lockstep.inbox where id = $1', [id])).rows[0]
    ?.status

test('events: listed, shown with their bodies, and replayed by id or filter', async () => {
  await withProject(async ({ folder, db }) => {
    const good = await insert(db, 'a', 'processed', null, '{"event":{"pulseId":2}}')
    const dead = await insert(db, 'b', 'dead', 'no such column', '{"event":{"pulseId":3}}')
    const other = await insert(db, 'c', 'dead', 'something else', 'not JSON')

    const all = await folder.json<{ id: number }[]>('events')
    expect(all.map(({ id }) => id)).toEqual([other, dead, good])
    const letters = await folder.cli('events dead')
    expect(letters.stdout).toContain('no such column')
    expect(letters.stdout).not.toContain('processed')

    const shown = await folder.cli(`events show ${dead}`)
    expect(shown.stdout).toMatch(/user-agent: monday[\s\S]+"pulseId": 3/)
    expect(await folder.json(`events show ${other}`)).toMatchObject({ body: 'not JSON', attempts: 3 })
    expect(await folder.cli('events show 999999')).toMatchObject({ code: 1, stdout: '' })

    expect(await folder.json('events replay --error column --app monday')).toEqual({ replayed: 1 })
    expect(await statusOf(db, dead)).toBe('pending')
    expect(await statusOf(db, other)).toBe('dead')
    const byId = await folder.cli(`events replay ${good} 999999`)
    expect(byId).toMatchObject({ code: 1 })
    expect(byId.stderr).toMatch(/lockstep up[\s\S]+1 of the given ids were not replayed/)
    expect(await statusOf(db, good)).toBe('pending')
    expect(await folder.json('events replay --to 2020-01-01')).toEqual({ replayed: 0 })
  })
})

test('events: wrong usage ends with 2', async () => {
  await withProject(async ({ folder }) => {
    await folder.expectUsageErrors([
      'events replay',
      'events replay --all',
      'events replay x',
      'events show x',
      'events list --status lost',
      'events replay --from yesterday',
    ])
  })
})
