import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { engineMigrations } from '../../src/apps/migrations.ts'
import { CLIENTS, TOKEN, withFolder, withProject, withSyncedProject } from './support/folder.ts'

test('db: migrate, status, url', async () => {
  await withProject(async ({ folder, db }) => {
    expect((await folder.cli('db url')).stdout).toBe(`${db.url}\n`)
    expect(await folder.cli('db status')).toMatchObject({ code: 2 })
    await folder.cli(`init --token ${TOKEN} --boards ${CLIENTS} --yes`)
    const before = await folder.cli('db status')
    expect(before).toMatchObject({ code: 1 })
    expect(before.stdout).toMatch(/monday\/0001-monday +pending/)
    expect(await folder.json('db migrate')).toEqual({ applied: ['monday/0001-monday'] })
    expect(await folder.json('db migrate')).toEqual({ applied: [] })
    expect(await folder.json('db status')).toMatchObject({ pending: [] })
    await folder.write('migrations/0001-monday.sql', 'select 1;')
    const edited = await folder.cli('db status')
    expect(edited).toMatchObject({ code: 1 })
    expect(edited.stderr).toContain('was changed after it was applied')
  })
})

test('db export writes files that Supabase applies, keeps their names, and never writes over an edited one', async () => {
  await withSyncedProject(async ({ folder, db }) => {
    expect((await folder.cli('db export')).code).toBe(0)
    const names = await readdir(join(folder.path, 'supabase/migrations'))
    expect(names.sort()).toEqual(
      [...(await engineMigrations()).map(({ id }) => id), 'monday/0001-monday'].map(
        (id, i) => `${20_260_101_000_001 + i}_lockstep_${id.replace(/[/-]/g, '_')}.sql`,
      ),
    )
    const own = names.at(-1) ?? ''
    await db.query('drop schema lockstep, public cascade; create schema public')
    for (const name of names) await db.query(await folder.read(`supabase/migrations/${name}`))
    expect(await folder.json('db status')).toMatchObject({ pending: [] })
    await folder.write('migrations/0002-more.sql', 'alter table public.clients add column more text;\n')
    await folder.write(`supabase/migrations/${own}`, '-- mine\n')
    const again = await folder.cli('db export')
    expect(again.code).toBe(1)
    expect(again.stdout).toMatch(
      /kept .*engine[\s\S]+differs .*0001_monday[\s\S]+written .*_lockstep_monday_0002_more/,
    )
    expect(await folder.read(`supabase/migrations/${own}`)).toBe('-- mine\n')
  }, CLIENTS)
})

test('db reset deletes what Lockstep made, nothing else, and only when told to', async () => {
  await withSyncedProject(async ({ folder, db }) => {
    await db.query('create table public.mine as select 1 as n; create schema theirs')
    const asked = await folder.cli('db reset')
    expect(asked).toMatchObject({ code: 2 })
    expect(asked.stderr).toContain('--yes')
    const done = await folder.cli('db reset --yes')
    expect(done).toMatchObject({ code: 0 })
    expect(done.stderr).toMatch(/schema lockstep[\s\S]+table public.clients/)
    const { rows } =
      await db.query(`select to_regclass('public.clients') as clients, to_regclass('lockstep.inbox') as inbox,
      to_regclass('public.mine') is not null as mine, to_regnamespace('theirs') is not null as theirs,
      to_regclass('public.projects') is not null as projects`)
    expect(rows).toEqual([{ clients: null, inbox: null, mine: true, theirs: true, projects: true }])
    expect((await folder.cli('sync monday --full')).code).toBe(0)
  }, CLIENTS)
})

test('the DataCube app’s schema can be reset and made again', async () => {
  await withProject(async ({ folder, db }) => {
    const config = `import { datacube, defineConfig } from 'lockstep'\nexport default defineConfig({ apps: [datacube()] })\n`
    await folder.write('lockstep.config.ts', config)
    expect(await folder.cli('db reset --yes')).toMatchObject({ code: 0 })
    const { rows } = await db.query(
      `select to_regclass('public.projects') as projects, to_regnamespace('datacube') as schema`,
    )
    expect(rows).toEqual([{ projects: null, schema: null }])
    expect(await folder.cli('db migrate')).toMatchObject({ code: 0 })
    expect(await folder.json('db status')).toMatchObject({ pending: [] })
  })
})

test('the embedded database: no URL while nothing runs it, and reset deletes it', async () => {
  await withFolder({ MONDAY_TOKEN: TOKEN }, async (folder) => {
    const config = `import { defineConfig, mondayBoards } from 'lockstep'
export default defineConfig({ apps: [mondayBoards({ boards: [{ board: '1', name: 'B', table: 'b', fields: {} }] })] })\n`
    await folder.write('lockstep.config.ts', config)
    const url = await folder.cli('db url')
    expect(url).toMatchObject({ code: 1, stdout: '' })
    expect(url.stderr).toContain('lockstep up')
    const events = await folder.cli('events')
    expect(events).toMatchObject({ code: 1 })
    expect(events.stderr).toContain('lockstep db migrate')
    expect((await folder.cli('db reset --yes')).stdout).toContain(
      'Deleted the embedded database in .lockstep',
    )
  })
})
