import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { World } from '../../sim/monday/index.ts'
import type { Database } from '../../src/db/database.ts'
import { expectedCell, fieldsIn, type GeneratedField } from './support/expected.ts'
import {
  CLIENTS,
  eventually,
  SUBTASKS,
  TASKS,
  TOKEN,
  withProject,
  withSyncedProject,
} from './support/folder.ts'

const TABLES: Readonly<Record<string, string>> = {
  [TASKS]: 'tasks',
  [SUBTASKS]: 'subitems_of_tasks',
  [CLIENTS]: 'clients',
}

/** Every cell of a table beside what the simulator says it must be. */
async function compare(db: Database, world: World, board: string, fields: readonly GeneratedField[]) {
  const { rows } = await db.query<{ row: Record<string, unknown> }>(
    `select to_jsonb(t) as row from public.${TABLES[board]} as t`,
  )
  const ours = new Map(rows.map(({ row }) => [row['monday_id'], row]))
  const truth = [...world.truth(board)].filter((item) => item.state === 'active')
  const normal = (value: unknown, as: string): unknown =>
    as === 'timestamp' && typeof value === 'string' ? new Date(value).toISOString() : value
  const shape = (
    value: (item: (typeof truth)[number], field: GeneratedField) => unknown,
  ): Record<string, unknown> =>
    Object.fromEntries(
      truth.map((item) => [item.id, Object.fromEntries(fields.map((f) => [f.name, value(item, f)]))]),
    )
  expect(ours.size).toBe(truth.length)
  expect(shape((item, { name, as }) => normal(ours.get(item.id)?.[name], as))).toEqual(
    shape((item, { column, as }) => expectedCell(world, item, column, as)),
  )
  return truth.length * fields.length
}

test('a board that is nobody’s app goes from init to live tables: every cell is the truth, and an edit arrives', async () => {
  await withSyncedProject(async ({ sim, folder, db }) => {
    const fields = fieldsIn(await folder.read('lockstep.config.ts'))
    expect([...fields.keys()]).toEqual([TASKS, SUBTASKS, CLIENTS])
    let cells = 0
    for (const [board, own] of fields) cells += await compare(db, sim.world, board, own)
    expect(cells).toBeGreaterThan(2_400)

    const up = folder.start('up')
    const [, url = ''] = await up.until(/Lockstep is up: (\S+)/)
    const registered = await folder.cli(`webhooks register monday --url ${url}`)
    expect(registered).toMatchObject({ code: 0 })
    expect(registered.stdout).not.toContain('failed')
    sim.edit.setColumn(TASKS, 6_000_000_003, 'numbers', '77.5')
    sim.edit.setColumn(TASKS, 6_000_000_003, 'status', { label: 'Stuck' })
    sim.edit.rename(CLIENTS, 5_000_000_002, 'Renamed by hand')
    const created = sim.edit.createItem(TASKS, { name: 'New task', values: { text: 'hello' } })
    await eventually(async () => {
      const { rowCount } = await db.query(
        `select from tasks, clients where tasks.monday_id = '6000000003' and price = 77.5 and tasks.status = 'Stuck'
           and clients.monday_id = '5000000002' and clients.name = 'Renamed by hand'
           and exists (select from tasks as made where made.monday_id = $1 and made.text = 'hello')`,
        [String(created.id)],
      )
      return rowCount === 1 ? true : undefined
    })

    const listed = await folder.json<{ id: number; status: string }[]>('events list')
    expect(listed.length).toBeGreaterThan(2)
    expect((await folder.json<{ apps: { inbox: { dead: number } }[] }>('status')).apps[0]?.inbox.dead).toBe(0)
    expect((await folder.cli('webhooks remove monday')).code).toBe(0)
    expect(await up.stop()).toBe(0)
    for (const [board, own] of fields) {
      const noComputed = own.filter(({ column }) => !['formula', 'last_updated'].includes(column))
      await compare(db, sim.world, board, noComputed)
    }
  })
})

test('init keeps the token and a secret readable by their owner alone, and never writes over files', async () => {
  await withProject(async ({ folder }) => {
    await folder.write('.env', 'OTHER=1')
    const args = `init --token ${TOKEN} --boards ${CLIENTS} --name crm --yes`
    expect((await folder.cli(args)).code).toBe(0)
    const env = await folder.read('.env')
    expect(env).toMatch(/^OTHER=1\nMONDAY_TOKEN=sim-token\nMONDAY_WEBHOOK_SECRET=[\w-]{32}\n$/)
    expect((await stat(join(folder.path, '.env'))).mode & 0o777).toBe(0o600)
    expect(await folder.read('migrations/0001-crm.sql')).toContain('create table public.clients')
    await folder.write('lockstep.config.ts', '// mine\n')
    const again = await folder.cli(args)
    expect(again).toMatchObject({ code: 2 })
    expect(again.stderr).toContain('lockstep.config.ts and migrations/0001-crm.sql would be written over')
    expect(await folder.read('lockstep.config.ts')).toBe('// mine\n')
    expect((await folder.cli(`${args} --force`)).code).toBe(0)
    expect(await folder.read('lockstep.config.ts')).toContain("name: 'crm'")
    expect(await folder.read('.env')).toBe(env)
  })
})

test('init says what is wrong with a token, a board or a name, and writes nothing', async () => {
  await withProject(async ({ folder }) => {
    const wrong = await folder.cli(`init --token nonsense --boards ${TASKS} --yes`)
    expect(wrong.code).toBe(2)
    expect(wrong.stderr).toMatch(/token is wrong or was revoked.*MONDAY_TOKEN/)
    const unknown = await folder.cli(`init --token ${TOKEN} --boards ${TASKS},99 --yes`)
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toMatch(/board 99 does not exist.*share the board/)
    const none = await folder.cli(`init --token ${TOKEN} --yes`)
    expect(none.stderr).toMatch(/--boards[\s\S]+7786783342 {2}Tasks/)
    expect(none.stderr).not.toContain('Subitems of Tasks')
    await folder.expectUsageErrors(['init --yes', `init --token ${TOKEN} --boards a,b`, 'init --name Up!'])
    await expect(folder.read('lockstep.config.ts')).rejects.toThrow('ENOENT')
    await expect(folder.read('.env')).rejects.toThrow('ENOENT')
  })
})
