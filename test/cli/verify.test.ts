import { expect, test } from 'vitest'
import { CLIENTS, withSyncedProject } from './support/folder.ts'

interface Told {
  tables: {
    table: string
    status: string
    rows: number
    different: number
    missing: number
    repaired: number
  }[]
}

test('verify tells a line of figures and what differs, --repair mends it, and the exit code says which', async () => {
  await withSyncedProject(async ({ sim, folder, db }) => {
    const equal = await folder.cli('verify monday')
    expect(equal.code).toBe(0)
    expect(equal.stdout).toMatch(/clients +Clients +completed +12 +\d+ +0 +0 +0 +0/)
    sim.edit.setColumn(CLIENTS, 5_000_000_002, 'revenue', '43', { silent: true, unlogged: true })
    const before = await db.query('select t::text, xmin::text from clients as t order by 1')
    const found = await folder.cli('verify monday --settle 1')
    expect(found.code).toBe(1)
    expect(found.stdout).toMatch(/completed +12 +\d+ +0 +0 +1 +0/)
    expect(found.stdout).toContain('5000000002 revenue: 1234.5 here, 43 there')
    expect(found.stderr).toContain('1 rows differ. Mend them with --repair.')
    expect((await db.query('select t::text, xmin::text from clients as t order by 1')).rows).toEqual(
      before.rows,
    )
    const status = await folder.cli('status')
    expect(status.stdout).toMatch(/clients .* s ago, completed +1 rows, 0 repaired/)
    const mended = await folder.json<Told>('verify monday --settle 1 --repair')
    expect(mended.tables).toMatchObject([
      { table: 'clients', status: 'completed', different: 1, repaired: 1 },
    ])
    const again = await folder.json<Told>('verify monday --no-formulas')
    expect(again.tables).toMatchObject([{ different: 0, missing: 0, rows: 12 }])
  }, CLIENTS)
})

test('a wrong name, a table that is not there, a board that cannot be read', async () => {
  await withSyncedProject(async ({ sim, folder }) => {
    await folder.expectUsageErrors([
      'verify',
      'verify crm',
      'verify monday --table nothing',
      'verify monday --settle x',
    ])
    sim.hiddenBoards.add(CLIENTS)
    const hidden = await folder.cli('verify monday --repair')
    expect(hidden.code).toBe(1)
    expect(hidden.stdout).toMatch(/clients +Clients +failed +0/)
    expect(hidden.stderr).toContain('share the board')
  }, CLIENTS)
})
