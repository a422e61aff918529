import { ApiClient } from '@mondaydotcomorg/api'
import { expect, test } from 'vitest'
import { startMondaySim, type TruthItem } from './index.ts'
import { ask, post, withSim } from './with-sim.ts'
import { everyColumnWorld, TASKS_BOARD } from './world/every-column.ts'
import { HIDDEN_BOARD, PARENT_BOARD, SUBITEM_BOARD } from './datacube/column-specs.ts'

const FIELDS = `id name state created_at updated_at group { id } parent_item { id }
  column_values { id type text value
    ... on StatusValue { label index }
    ... on BoardRelationValue { linked_item_ids display_value }
    ... on DependencyValue { linked_item_ids display_value }
    ... on SubtasksValue { display_value }
    ... on MirrorValue { display_value } }`

interface ApiValue {
  id: string
}
interface ApiItem {
  id: string
  name: string
  state: string
  created_at: string
  updated_at: string
  group: { id: string }
  parent_item: { id: string } | null
  column_values: ApiValue[]
}
interface Page {
  cursor: string | null
  items: ApiItem[]
}

/** An answered item in the oracle's shape; formulas are left out, for they have a budget of their own. */
function asTruth(item: ApiItem): TruthItem {
  const values = item.column_values.map(({ id, ...value }) => [id, value] as const)
  return {
    id: item.id,
    name: item.name,
    state: item.state as TruthItem['state'],
    groupId: item.group.id,
    parentItemId: item.parent_item?.id ?? null,
    createdAt: item.created_at,
    updatedAt: item.updated_at,
    values: Object.fromEntries(values) as unknown as TruthItem['values'],
  }
}

function withoutFormulas(item: TruthItem): TruthItem {
  const values = Object.entries(item.values).map(([id, value]) => {
    if (value.type !== 'formula') return [id, value]
    const { display_value: _display, ...rest } = value
    return [id, rest]
  })
  return { ...item, values: Object.fromEntries(values) as TruthItem['values'] }
}

test.for([PARENT_BOARD, SUBITEM_BOARD, HIDDEN_BOARD, TASKS_BOARD])(
  'the official SDK reads board %s by cursors, and it is the truth',
  async (boardId) => {
    const options = boardId === TASKS_BOARD ? { world: everyColumnWorld(1) } : { projects: 40 }
    await withSim(options, async (sim) => {
      const api = new ApiClient({ token: 'sim-token', endpoint: sim.url, apiVersion: '2026-10' })
      const first = await api.request<{ boards: { items_page: Page }[] }>(
        `query ($ids: [ID!]) { boards(ids: $ids) { items_page(limit: 30) { cursor items { ${FIELDS} } } } }`,
        { ids: [boardId] },
      )
      let page = first.boards[0]?.items_page as Page
      const items = [...page.items]
      while (page.cursor !== null) {
        const next: { next_items_page: Page } = await api.request(
          `query ($c: String!) { next_items_page(cursor: $c, limit: 30) { cursor items { ${FIELDS} } } }`,
          { c: page.cursor },
        )
        page = next.next_items_page
        items.push(...page.items)
      }
      const byId = (a: TruthItem, b: TruthItem): number => Number(a.id) - Number(b.id)
      const truth = [...sim.world.truth(boardId)].map(withoutFormulas)
      expect(items.map(asTruth).sort(byId)).toEqual(truth.sort(byId))
    })
  },
)

test('items(ids:) without a limit answers 25, and answers archived and deleted items with their state', async () => {
  await withSim({ projects: 40 }, async (sim) => {
    const ids = [...(sim.world.boards.get(PARENT_BOARD)?.items.keys() ?? [])].slice(0, 40).map(String)
    const [archived, deleted] = [ids[0] as string, ids[1] as string]
    sim.edit.archive(PARENT_BOARD, archived)
    sim.edit.delete(PARENT_BOARD, deleted)
    const read = (limit: string) =>
      ask<{ items: { id: string; state: string }[] }>(
        sim,
        `query ($i: [ID!]) { items(ids: $i${limit}) { id state } }`,
        { i: ids },
      )
    expect((await read('')).items).toHaveLength(25)
    const { items } = await read(', limit: 100')
    expect(items).toHaveLength(40)
    expect(items.find((item) => item.id === archived)?.state).toBe('archived')
    expect(items.find((item) => item.id === deleted)?.state).toBe('deleted')
    const active = await read(', limit: 100, exclude_nonactive: true')
    expect(active.items).toHaveLength(38)
  })
})

test('without order_by the order changes from chain to chain, yet a chain lists each item once', async () => {
  await withSim({ projects: 60 }, async (sim) => {
    const query = `{ boards(ids: [${PARENT_BOARD}]) { items_page(limit: 50) { cursor items { id } } } }`
    const first = await ask<{ boards: { items_page: Page }[] }>(sim, query)
    const second = await ask<{ boards: { items_page: Page }[] }>(sim, query)
    const ids = (answer: typeof first) => answer.boards[0]?.items_page.items.map((item) => item.id) ?? []
    expect(ids(first)).not.toEqual(ids(second))
    const rest = await ask<{ next_items_page: Page }>(
      sim,
      'query ($c: String!) { next_items_page(cursor: $c, limit: 500) { cursor items { id } } }',
      { c: first.boards[0]?.items_page.cursor },
    )
    const all = [...ids(first), ...rest.next_items_page.items.map((item) => item.id)]
    expect(new Set(all).size).toBe(63)
    expect(all).toHaveLength(63)
  })
})

test('a cursor expires 60 minutes after its chain began, in one of three bodies', async () => {
  let now = Date.UTC(2026, 9, 31, 12)
  await withSim({ projects: 60, clock: { now: () => now } }, async (sim) => {
    const first = await ask<{ boards: { items_page: Page }[] }>(
      sim,
      `{ boards(ids: [${PARENT_BOARD}]) { items_page(limit: 10) { cursor } } }`,
    )
    const cursor = first.boards[0]?.items_page.cursor
    const next = 'query ($c: String!) { next_items_page(cursor: $c, limit: 10) { cursor items { id } } }'
    now += 59 * 60_000
    const page = await ask<{ next_items_page: Page }>(sim, next, { c: cursor })
    expect(page.next_items_page.items).toHaveLength(10)
    now += 2 * 60_000
    const seen = new Set<string>()
    for (let i = 0; i < 30; i++) {
      const { status, text } = await post(sim, next, { c: page.next_items_page.cursor })
      expect(status).toBe(200)
      expect(text).toMatch(/Cursor(Expired|Exception)/)
      seen.add(/"(error_code|code)":"\w+"/.exec(text)?.[0] ?? '')
    }
    expect([...seen].sort()).toEqual([
      '"code":"CursorException"',
      '"code":"CursorExpiredError"',
      '"error_code":"CursorException"',
    ])
  })
})

test('changed since: order by the last update works, and rules know only whole days', async () => {
  let now = Date.UTC(2026, 9, 31, 12)
  await withSim({ projects: 30, clock: { now: () => now } }, async (sim) => {
    now += 26 * 3_600_000
    const id = [...(sim.world.boards.get(PARENT_BOARD)?.items.keys() ?? [])][5] as number
    sim.edit.setColumn(PARENT_BOARD, id, 'text3__1', 'fresh', { silent: true })
    now += 3_600_000
    const read = async (params: string) => {
      const answer = await ask<{ boards: { items_page: Page }[] }>(
        sim,
        `{ boards(ids: [${PARENT_BOARD}]) { items_page(limit: 500, query_params: ${params}) { items { id updated_at } } } }`,
      )
      return answer.boards[0]?.items_page.items ?? []
    }
    const ordered = await read('{ order_by: [{ column_id: "__last_updated__", direction: desc }] }')
    expect(ordered[0]).toEqual({ id: String(id), updated_at: '2026-11-01T14:00:00Z' })
    const today =
      '{ rules: [{ column_id: "__last_updated__", compare_value: ["TODAY"], compare_attribute: "UPDATED_AT" }] }'
    expect(await read(today)).toEqual([{ id: String(id), updated_at: '2026-11-01T14:00:00Z' }])
    await expect(
      read('{ rules: [{ column_id: "__last_updated__", compare_value: ["TODAY"] }] }'),
    ).rejects.toThrow('compare_attribute')
    expect(
      await read('{ rules: [{ column_id: "name", compare_value: "174", operator: contains_text }] }'),
    ).toHaveLength(26)
  })
})

test('formulas: five columns a request and a budget of cells a minute, then an empty string', async () => {
  let now = Date.UTC(2026, 9, 31, 12)
  await withSim(
    { projects: 30, clock: { now: () => now }, limits: { formulaCellsPerMinute: 100 } },
    async (sim) => {
      const read = async (columns: string[]) => {
        const answer = await ask<{
          boards: { items_page: { items: { column_values: { display_value: string }[] }[] } }[]
        }>(
          sim,
          `query ($c: [String!]) { boards(ids: [${HIDDEN_BOARD}]) { items_page(limit: 30) { items { column_values(ids: $c) { ... on FormulaValue { display_value } } } } } }`,
          { c: columns },
        )
        return (
          answer.boards[0]?.items_page.items.map((item) =>
            item.column_values.map((value) => value.display_value),
          ) ?? []
        )
      }
      const good = await read(['formula__1', 'formula63__1', 'formula66__1'])
      expect(good.flat().every((text) => text !== '')).toBe(true)
      expect((await read(['formula__1'])).flat().filter((text) => text === '')).toHaveLength(20)
      now += 61_000
      expect((await read(['formula__1'])).flat()).not.toContain('')
      sim.limits.formulaColumnsPerRequest = 2
      now += 61_000
      expect(
        (await read(['formula__1', 'formula63__1', 'formula66__1'])).every(
          (row) => row[2] === '' && row[1] !== '',
        ),
      ).toBe(true)
    },
  )
})

test('a quote is computable from its numbers; a formula over a mirror is the word null', async () => {
  const sim = await startMondaySim({ projects: 20 })
  for (const item of sim.world.truth(HIDDEN_BOARD)) {
    const number = (id: string): number => Number(item.values[id]?.text ?? 0)
    const gpm = number('numbers4__1') + number('numbers79__1') + number('numbers55__1')
    const quote = (number('numbers22__1') + number('numbers9__1')) / (1 - gpm / 100)
    expect(Number(item.values['formula63__1']?.display_value)).toBeCloseTo(quote, 1)
  }
  for (const item of sim.world.truth(SUBITEM_BOARD)) {
    expect(item.values['formula_mkqa31kh']?.display_value).toBe('null')
  }
  for (const item of sim.world.truth(PARENT_BOARD))
    expect(item.values['lookup_mkqanpbe']?.display_value).toBe('')
  await sim.close()
})

test('boards the token cannot see are absent, and their items too', async () => {
  await withSim({ projects: 5, readOnlyBoards: [HIDDEN_BOARD] }, async (sim) => {
    const { boards } = await ask<{ boards: { id: string }[] }>(sim, '{ boards { id } }')
    expect(boards.map((board) => board.id)).not.toContain(HIDDEN_BOARD)
    const hidden = [...(sim.world.boards.get(HIDDEN_BOARD)?.items.keys() ?? [])][0]
    expect(await ask(sim, `{ items(ids: [${hidden}]) { id } }`)).toEqual({ items: [] })
  })
})
