import type { Json, JsonObject } from '../../../src/engine/observation.ts'
import { mondayBoards } from '../../../src/apps/monday-boards/app.ts'
import { everyColumnWorld, type MondaySim, startMondaySim } from '../../../sim/monday/index.ts'
import { signDelivery } from '../../../sim/monday/webhooks/signature.ts'
import { CLIENTS, FIRST_CLIENT, FIRST_TASK, SUBITEMS, taskMappings, TASKS } from '../../monday/tasks-app.ts'
import { expectedValues } from '../../support/oracle.ts'
import { type Act, absent, type Subject, type Target, WHOLE, type World } from '../subject.ts'

const TOKEN = 'the-token-of-a-monday-account'
const PATH_SECRET = 'the-secret-path-of-monday'
const SIGNING_SECRET = 'the-signing-secret-of-a-monday-app'
const mappings = taskMappings()

interface Monday extends World {
  readonly sim: MondaySim
}
const simOf = (world: World): MondaySim => (world as Monday).sim
const task = (id: number): Target => ({ table: 'tasks', key: String(id) })
const subtask = (id: number): Target => ({ table: 'subtasks', key: String(id) })

async function start(clock: Parameters<Subject['start']>[0]): Promise<Monday> {
  const sim = await startMondaySim({
    world: everyColumnWorld(1, { clock, tasks: 24 }),
    token: TOKEN,
    signingSecret: SIGNING_SECRET,
    limits: { formulaCellsPerMinute: 1e9 },
    control: false,
  })
  for (const id of [20, 21, 22]) sim.edit.archive(TASKS, FIRST_TASK + id)
  return {
    sim,
    url: sim.url,
    credentials: { token: TOKEN, pathSecret: PATH_SECRET, signingSecret: SIGNING_SECRET },
    secrets: () => [TOKEN, PATH_SECRET, SIGNING_SECRET],
    truth: () =>
      mappings.flatMap((mapping) =>
        [...sim.world.truth(mapping.board)]
          .filter(({ state }) => state === 'active')
          .map((item) => ({ table: mapping.table, key: item.id, values: valuesOf(item, mapping) })),
      ),
    told: () => sim.deliveries.idle(),
    addForeignWebhook() {
      const id = String(++sim.world.nextId)
      const webhook = { id, boardId: TASKS, event: 'create_item', url: 'https://other.example', config: null }
      sim.world.webhooks.set(id, webhook)
    },
    webhooks: () => sim.world.webhooks.size,
    dropWebhooks: () => sim.world.webhooks.clear(),
    sign: (_body, url) => ({ authorization: signDelivery(SIGNING_SECRET, url, clock.now(), {}) }),
    close: () => sim.close(),
  }
}

function valuesOf(item: Parameters<typeof expectedValues>[0], mapping: (typeof mappings)[number]) {
  // Its text is what people call the address; the table has the address.
  const { c_email: _email, ...values } = expectedValues(item, mapping)
  const titles: Readonly<Record<string, string>> = { topics: 'This week', group2: 'Later' }
  return mapping.board === TASKS ? { ...values, c_group_title: titles[item.groupId] ?? '' } : values
}

const acts = {
  create: [
    {
      name: 'an item is created',
      run: (world) => {
        const values = { text: 'made', numbers: '4', numbers2: '3', status: { index: 1 } }
        return task(simOf(world).edit.createItem(TASKS, { name: 'A new item', values }).id)
      },
      webhook: WHOLE,
      delta: WHOLE,
    },
    {
      name: 'a subitem is created',
      run: (world) =>
        subtask(
          simOf(world).edit.createItem(SUBITEMS, { name: 'A new subitem', parentItemId: FIRST_TASK }).id,
        ),
      webhook: WHOLE,
      delta: WHOLE,
    },
  ],
  change: [
    {
      name: 'a column is changed',
      run: (world) =>
        task(
          simOf(world).edit.setColumn(
            TASKS,
            FIRST_TASK + 1,
            'text',
            `"changed" ${simOf(world).world.version}`,
          ).id,
        ),
      webhook: WHOLE,
      delta: WHOLE,
    },
    {
      name: 'an item is renamed',
      run: (world) =>
        task(simOf(world).edit.rename(TASKS, FIRST_TASK + 2, `Named ${simOf(world).world.version}`).id),
      webhook: WHOLE,
      delta: WHOLE,
    },
    {
      name: 'an item goes to another group',
      run: (world) => {
        const { edit, world: state } = simOf(world)
        const group = state.items.get(FIRST_TASK + 3)?.groupId === 'topics' ? 'group2' : 'topics'
        return task(edit.moveToGroup(TASKS, FIRST_TASK + 3, group).id)
      },
      webhook: WHOLE,
      delta: WHOLE,
    },
  ],
  delete: (['delete', 'archive'] as const).map((how, i) => ({
    name: `an item is ${how}d`.replace('ee', 'e'),
    run: (world: World) => {
      const { edit, world: state } = simOf(world)
      const id = FIRST_TASK + 6 + i
      // Of the second time on, one that nobody has deleted yet.
      const free = [id, id + 2, id + 4].find((one) => state.items.get(one)?.state === 'active') ?? id
      return task(edit[how](TASKS, free).id)
    },
    webhook: WHOLE,
    delta: absent('lists show active items alone'),
  })),
  restore: [
    {
      name: 'an archived item is restored',
      run: (world) => {
        const { edit, world: state } = simOf(world)
        const gone = [...state.items.values()].find((item) => item.state === 'archived')
        if (gone === undefined) throw new Error('nothing is archived')
        return task(edit.restore(TASKS, gone.id).id)
      },
      webhook: WHOLE,
      delta: WHOLE,
    },
  ],
} satisfies Record<string, Act[]>

const isRow = (row: Json): row is JsonObject => typeof row === 'object' && row !== null

/** `items_page` of a board's first page, `next_items_page` of the others. */
function pageOf(answer: Json): { items: Json[] } | undefined {
  const data = (answer as { data?: Record<string, unknown> }).data
  const board = (data?.['boards'] as { items_page?: unknown }[] | undefined)?.[0]
  const page = data?.['next_items_page'] ?? board?.items_page
  return Array.isArray((page as { items?: unknown } | undefined)?.items)
    ? (page as { items: Json[] })
    : undefined
}

export const monday: Subject = {
  vendor: 'monday',
  app: ({ url, credentials, clock, timeoutMs, callsPerDay = 0 }) =>
    mondayBoards({
      boards: mappings,
      token: credentials['token'] ?? '',
      pathSecret: credentials['pathSecret'] ?? '',
      signingSecret: credentials['signingSecret'] ?? '',
      endpoint: url,
      plan: 'enterprise',
      pageSize: 7,
      formulaCellsPerMinute: 1e9,
      coalesceMs: 0,
      callsPerDay,
      timeoutMs,
      ...(clock === undefined ? {} : { clock }),
    }),
  start,
  acts,
  forgeries: (letter) => [
    { ...letter, headers: { 'content-type': 'application/json' } },
    { ...letter, headers: { ...letter.headers, authorization: 'eyJhbGciOiJub25lIn0.e30.' } },
  ],
  unknownType: (payload) => ({
    event: {
      ...(payload['event'] as JsonObject),
      type: 'something_that_nobody_knows',
      triggerUuid: '0123456789abcdef',
    },
  }),
  challenge: { payload: { challenge: 'a-challenge' }, answer: { challenge: 'a-challenge' } },
  signsBody: false,
  withGap: (answer) => ({
    ...answer,
    errors: [
      {
        message: 'not for you',
        path: ['boards', 0, 'items_page', 'items', 0, 'column_values'],
        extensions: { code: 'USER_UNAUTHORIZED' },
      },
    ],
  }),
  without(answer, key) {
    const page = pageOf(answer)
    if (page?.items.some((item) => isRow(item) && item['id'] === key) !== true) return undefined
    page.items = page.items.filter((item) => !isRow(item) || item['id'] !== key)
    return answer
  },
  dailyCap: true,
  eventLog: absent('monday keeps a log of activities, not of what it told'),
  dependency: {
    name: 'a client changes, and the tasks that mirror its tier',
    run(world) {
      const { edit, world: state } = simOf(world)
      const client = FIRST_CLIENT + 1
      edit.setColumn(CLIENTS, client, 'tier', { index: 0 })
      const shown = [...(state.boards.get(TASKS)?.items.values() ?? [])].filter((item) =>
        item.cells.some((cell) => Array.isArray(cell) && (cell as number[]).includes(client)),
      )
      return { table: 'clients', key: String(client), shown: shown.map(({ id }) => task(id)) }
    },
  },
  computed: ['tasks', 'clients'],
  unknownKey: () => '9999999999',
}
