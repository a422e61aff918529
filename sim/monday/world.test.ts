import { expect, test } from 'vitest'
import { createDatacubeWorld, createWorld, everyColumnWorld } from './index.ts'
import { HIDDEN_BOARD, PARENT_BOARD, SUBITEM_BOARD } from './datacube/column-specs.ts'
import { ask, withSim } from './with-sim.ts'
import { editOnce } from './traffic.ts'
import { createEdits } from './edits/edits.ts'
import { createRandom } from './world/random.ts'
import { loadWorld, saveWorld } from './world/snapshot.ts'
import { TASKS_BOARD } from './world/every-column.ts'

const clock = { now: () => Date.UTC(2026, 10, 20) }
const datacube = (seed: number, projects = 60) => createDatacubeWorld({ seed, clock, projects })

test('a seed gives one world, and another seed another', () => {
  for (const board of [PARENT_BOARD, SUBITEM_BOARD, HIDDEN_BOARD])
    expect([...datacube(3).truth(board)]).toEqual([...datacube(3).truth(board)])
  expect([...datacube(3).truth(HIDDEN_BOARD)]).not.toEqual([...datacube(4).truth(HIDDEN_BOARD)])
  expect([...everyColumnWorld(2).truth(TASKS_BOARD)]).toEqual([...everyColumnWorld(2).truth(TASKS_BOARD)])
})

test('the world has the shape of the business: counts, names, links and their gaps', () => {
  const world = datacube(1, 1000)
  const truth = (board: string) => [...world.truth(board)]
  const [subitems, hidden] = [truth(SUBITEM_BOARD), truth(HIDDEN_BOARD)]
  expect(truth(PARENT_BOARD)).toHaveLength(1003)
  expect(subitems).toHaveLength(2398)
  expect(hidden.length).toBeGreaterThan(2398)
  const names = new Map<string, number>()
  for (const { name } of hidden) names.set(name, (names.get(name) ?? 0) + 1)
  expect([...names.values()].filter((count) => count > 1).length).toBeGreaterThan(0)
  const unlinked = subitems.filter((item) => item.values['connect_boards8__1']?.linked_item_ids?.length === 0)
  expect(unlinked.length).toBeGreaterThan(20)
  expect(unlinked.every((item) => names.has(item.name))).toBe(true)
  expect(subitems.filter((item) => /^\d+_\d\d\.\d\d - [A-Z]$/.test(item.name))).toHaveLength(2395)
})

test('a saved world resumes: values, links, webhooks and the next random draw', () => {
  const world = datacube(5)
  const edit = createEdits({ world, announce: () => {}, beforeChange: () => {} })
  const random = createRandom(9)
  for (let i = 0; i < 300; i++) editOnce({ world, edit, random })
  world.webhooks.set('7', {
    id: '7',
    boardId: PARENT_BOARD,
    event: 'create_item',
    url: 'http://x',
    config: null,
  })
  const again = loadWorld(saveWorld(world), clock)
  for (const board of world.boards.keys()) expect([...again.truth(board)]).toEqual([...world.truth(board)])
  expect(again.webhooks).toEqual(world.webhooks)
  expect(again.random.next()).toBe(world.random.next())
})

test('a custom world serves any board', async () => {
  const world = createWorld({
    boards: [{ id: 77, name: 'Plain', columns: [{ id: 't', title: 'T', type: 'text' }], itemCount: 3 }],
  })
  await withSim({ world }, async (sim) => {
    const read = await ask<{ boards: unknown[] }>(
      sim,
      '{ boards { id name columns { id type settings_str settings } items_count } }',
    )
    const columns = [
      { id: 'name', type: 'name', settings_str: '{}', settings: {} },
      { id: 't', type: 'text', settings_str: '{}', settings: {} },
    ]
    expect(read.boards).toEqual([{ id: '77', name: 'Plain', columns, items_count: 3 }])
  })
})

test('a label rename shows on every item and moves no updated_at', () => {
  const world = datacube(1)
  const edit = createEdits({ world, announce: () => {}, beforeChange: () => {} })
  const before = [...world.truth(HIDDEN_BOARD)]
  edit.renameLabel(HIDDEN_BOARD, 'status__1', 5, 'Old revision')
  const after = [...world.truth(HIDDEN_BOARD)]
  expect(after.map((item) => item.updatedAt)).toEqual(before.map((item) => item.updatedAt))
  const texts = after.map((item) => item.values['status__1']?.text)
  expect(texts).toContain('Old revision')
  expect(texts).not.toContain('Archived')
})

test('the activity log is newest first, in 17-digit times, and lags', async () => {
  let now = Date.UTC(2026, 9, 31, 12)
  await withSim(
    { projects: 3, clock: { now: () => now }, faults: { activityLogLagMs: 5_000 } },
    async (sim) => {
      const id = [...(sim.world.boards.get(PARENT_BOARD)?.items.keys() ?? [])][0] as number
      sim.edit.rename(PARENT_BOARD, id, 'one')
      sim.edit.setColumn(PARENT_BOARD, id, 'text3__1', 'two')
      const read = () =>
        ask<{ boards: { activity_logs: { event: string; created_at: string; data: string }[] }[] }>(
          sim,
          `{ boards(ids: [${PARENT_BOARD}]) { activity_logs(limit: 10) { event created_at data } } }`,
        ).then(({ boards }) => boards[0]?.activity_logs ?? [])
      expect(await read()).toEqual([])
      now += 5_000
      const logs = await read()
      expect(logs.map((log) => log.event)).toEqual(['update_column_value', 'update_name'])
      expect(logs[0]?.created_at).toMatch(/^\d{17}$/)
      expect(JSON.parse(logs[0]?.data ?? '{}')).toMatchObject({ pulse_id: id, column_id: 'text3__1' })
    },
  )
})

test('the control routes edit, read the truth and set knobs', async () => {
  await withSim({ projects: 3 }, async (sim) => {
    const id = [...(sim.world.boards.get(PARENT_BOARD)?.items.keys() ?? [])][0] as number
    const control = (path: string, body: unknown) =>
      fetch(`${sim.origin}/control/${path}`, { method: 'POST', body: JSON.stringify(body) })
    expect((await control('edit', { op: 'rename', args: [PARENT_BOARD, id, 'by control'] })).status).toBe(200)
    expect((await control('edit', { op: 'rename', args: [PARENT_BOARD, 1, 'nobody'] })).status).toBe(400)
    await control('faults', { http500: 0.5, webhook: { delayMs: 5 } })
    await control('limits', { callsPerMinute: 7 })
    expect([sim.faults.http500, sim.faults.webhook.delayMs, sim.limits.callsPerMinute]).toEqual([0.5, 5, 7])
    const lines = (await (await fetch(`${sim.origin}/control/truth/${PARENT_BOARD}`)).text())
      .trim()
      .split('\n')
    expect(lines).toHaveLength(6)
    expect(JSON.parse(lines[0] as string)).toMatchObject({ id: String(id), name: 'by control' })
    expect(await (await fetch(`${sim.origin}/control/stats`)).json()).toHaveProperty(
      'deliveries.delivered',
      0,
    )
  })
})
