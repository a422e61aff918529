import { expect, test } from 'vitest'
import { everyColumnWorld, type World } from '../../sim/monday/index.ts'
import type { Database } from '../../src/db/database.ts'
import { CLIENTS, eventually, TASKS, TOKEN, withProject, withSyncedProject } from './support/folder.ts'

interface Comparison {
  table: string
  rows: number
  created: number
  updated: number
  unchanged: number
  columns: Record<string, number>
  examples: { key: string; column: string; before: unknown; after: unknown }[]
  notMet: { count: number; examples: string[] } | null
}

/** Everything that a command could have written, sequences and row versions included, but for the count of calls. */
async function fingerprint(db: Database): Promise<string> {
  const { rows: tables } = await db.query<{ name: string }>(
    `select format('%I.%I', schemaname, relname) as name from pg_stat_user_tables
     where schemaname = 'lockstep' and relname <> 'api_usage' or relname in ('tasks', 'clients', 'subitems_of_tasks') order by 1`,
  )
  const contents: string[] = []
  for (const { name } of tables) {
    const { rows } = await db.query<{ text: string }>(
      `select md5(coalesce(string_agg(t::text || xmin::text, '|' order by t::text), '')) as text from ${name} as t`,
    )
    contents.push(`${name} ${rows[0]?.text}`)
  }
  const { rows } = await db.query(
    'select schemaname, sequencename, last_value from pg_sequences order by 1, 2',
  )
  return JSON.stringify([contents, rows])
}

test('--dry-run tells what a pass would write, and writes nothing', async () => {
  await withSyncedProject(
    async ({ sim, folder, db }) => {
      // Later by more than the second to which a new process knows the vendor's clock: a label's new name has no
      // time of its own, so that only the read can tell that it is newer.
      sim.faults.clockOffsetMs = 5_000
      sim.edit.setColumn(CLIENTS, 5_000_000_001, 'revenue', '42')
      sim.edit.setColumn(CLIENTS, 5_000_000_002, 'revenue', '43')
      sim.edit.renameLabel(CLIENTS, 'tier', 1, 'Bronze')
      sim.edit.createItem(CLIENTS, { name: 'New client' })
      sim.edit.delete(CLIENTS, 5_000_000_011)
      const before = await fingerprint(db)
      const { tables } = await folder.json<{ tables: Comparison[] }>('sync monday --dry-run')
      expect(await fingerprint(db)).toBe(before)
      const clients = tables.find(({ table }) => table === 'clients')
      expect(clients).toMatchObject({ rows: 12, created: 1, columns: { revenue: 2, tier: 6 } })
      expect(clients?.notMet).toEqual({ count: 1, examples: ['5000000011'] })
      expect(clients?.examples).toContainEqual({
        key: '5000000002',
        column: 'revenue',
        before: 1234.5,
        after: 43,
      })
      expect(tables.find(({ table }) => table === 'subitems_of_tasks')).toMatchObject({
        rows: 40,
        unchanged: 40,
        updated: 0,
      })

      const told = await folder.cli('sync monday --dry-run --table clients')
      expect(told.code).toBe(0)
      expect(told.stdout).toContain('5000000002 revenue: 1234.5 → 43')
      expect(told.stderr).toContain('Nothing was written.')
      const { runs } = await folder.json<{ runs: { table: string; created: number }[] }>(
        'sync monday --full --table clients',
      )
      expect(runs[0]).toMatchObject({ table: 'clients', created: 1, status: 'completed' })
    },
    CLIENTS + `,${TASKS}`,
  )
})

test('--limit stops early and says so; a delta takes what changed', async () => {
  await withProject(async ({ sim, folder, db }) => {
    await folder.cli(`init --token ${TOKEN} --boards ${TASKS} --yes`)
    const refused = await folder.cli('sync monday --dry-run')
    expect(refused).toMatchObject({ code: 2 })
    expect(refused.stderr).toContain('lockstep db migrate')
    const limited = await folder.cli('sync monday --limit 10 --table tasks')
    expect(limited).toMatchObject({ code: 0 })
    expect(limited.stdout).toMatch(/tasks +Tasks +backfill +partial/)
    expect(limited.stderr).toContain('stopped at --limit 10')
    const first = await db.query('select from lockstep.freshness where full_pass_at is not null')
    expect(first.rowCount).toBe(0)
    expect((await folder.cli('sync monday')).code).toBe(0)
    sim.edit.setColumn(TASKS, 6_000_000_004, 'text', 'after the pass')
    const { runs } = await folder.json<{ runs: { table: string; lane: string }[] }>('sync monday')
    expect(runs.map(({ lane }) => lane)).toEqual(['delta', 'delta'])
    const { rows } = await db.query(`select text from tasks where monday_id = '6000000004'`)
    expect(rows).toEqual([{ text: 'after the pass' }])
  })
})

test('a wrong name of an app, a table or an option ends with 2, and says what there is', async () => {
  await withSyncedProject(async ({ folder }) => {
    const app = await folder.cli('sync crm')
    expect(app).toMatchObject({ code: 2, stdout: '' })
    expect(app.stderr).toContain('no app "crm"; configured: monday')
    const table = await folder.cli('sync monday --table nothing')
    expect(table).toMatchObject({ code: 2 })
    expect(table.stderr).toContain('no table "nothing" in this app; it has: clients')
    await folder.expectUsageErrors([
      'sync',
      'sync monday --limit none',
      'sync monday --fresh',
      'nonsense',
      'status --nonsense',
    ])
    expect((await folder.cli('sync --help')).code).toBe(0)
  }, CLIENTS)
})

test('a mapped column that is gone at monday is told by sync and doctor, and its values stay', async () => {
  await withSyncedProject(async ({ sim, folder, db }) => {
    sim.edit.renameColumn(CLIENTS, 'revenue', 'Turnover')
    const renamed = await folder.cli('sync monday --full')
    expect(renamed).toMatchObject({ code: 0 })
    expect(renamed.stderr).not.toContain('problem')
    sim.edit.deleteColumn(CLIENTS, 'contact')
    sim.edit.deleteColumn(CLIENTS, 'tier')
    const deleted = await folder.cli('sync monday --full')
    expect(deleted.stderr).toMatch(/clients\.tier shows column "tier", which the board no longer has/)
    const { rows } = await db.query('select count(*)::int as n from clients where tier is not null')
    expect(rows).toEqual([{ n: 12 }])
    const doctor = await folder.cli('doctor')
    expect(doctor.code).toBe(1)
    expect(doctor.stdout).toMatch(/✗ monday: monday .*clients\.contact shows column "contact"/)
  }, CLIENTS)
})

test('a board that the token may no longer see fails its stream alone, and a wrong token fails all', async () => {
  await withSyncedProject(async ({ sim, folder }) => {
    sim.hiddenBoards.add(CLIENTS)
    const hidden = await folder.cli('sync monday --full')
    expect(hidden.code).toBe(1)
    expect(hidden.stdout).toMatch(/tasks +Tasks +backfill +completed/)
    expect(hidden.stderr).toMatch(/Clients: failed: .*share the board/)
    const wrong = await folder.cli('sync monday --full', { MONDAY_TOKEN: 'nonsense' })
    expect(wrong.code).toBe(1)
    expect(wrong.stderr).toMatch(/token is wrong or was revoked/)
    expect(wrong.stderr).not.toContain('    at ')
  })
})

test('Ctrl-C keeps what was read, and the command that it names goes on from there', async () => {
  await withProject(
    async ({ folder, db }) => {
      await folder.cli(`init --token ${TOKEN} --boards ${TASKS} --yes`)
      const running = folder.start('sync monday --full --table tasks')
      await eventually(async () => {
        const { rows } = await db.query<{ n: number }>(
          `select coalesce(max(processed), 0)::int as n from lockstep.runs where to_regclass('tasks') is not null`,
        )
        return (rows[0]?.n ?? 0) > 0 ? true : undefined
      })
      expect(await running.stop()).toBe(1)
      expect(running.stderr()).toContain('"lockstep sync monday --full --table tasks" goes on from here')
      const { rows } = await db.query<{ processed: number }>('select processed from lockstep.runs')
      const before = rows[0]?.processed ?? 0
      expect(before).toBeLessThan(12_000)
      const resumed = await folder.json<{ runs: { processed: number; status: string; api_calls: number }[] }>(
        'sync monday --full --table tasks',
      )
      expect(resumed.runs[0]).toMatchObject({ status: 'completed', processed: 12_000, api_calls: 60 })
    },
    { world: withoutFormulas(everyColumnWorld(1, { tasks: 12_000 })) },
  )
})

/** Formulas are paced by the minute, and this test is not about them. */
function withoutFormulas(world: World): World {
  for (const board of world.boards.values()) {
    for (const { id, type } of board.columns.values()) if (type === 'formula') board.columns.delete(id)
  }
  return world
}
