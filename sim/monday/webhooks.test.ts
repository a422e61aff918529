import { expect, test } from 'vitest'
import { ask, post, type Received, type Receiver, subscribe, withReceiver, withSim } from './with-sim.ts'
import type { MondaySim, MondaySimOptions } from './index.ts'
import { HIDDEN_BOARD, PARENT_BOARD, SUBITEM_BOARD } from './datacube/column-specs.ts'

function withBoth(
  options: MondaySimOptions,
  run: (sim: MondaySim, receiver: Receiver) => Promise<void>,
): Promise<void> {
  return withReceiver((receiver) => withSim({ projects: 5, ...options }, (sim) => run(sim, receiver)))
}

const first = (sim: MondaySim, boardId: string): number =>
  [...(sim.world.boards.get(boardId)?.items.keys() ?? [])][1] as number
const types = (received: Received[]): unknown[] => received.map(({ event }) => event['type'])

test('a webhook is made once its receiver echoes the challenge', async () => {
  await withBoth({}, async (sim, receiver) => {
    receiver.echoes = false
    await expect(subscribe(sim, PARENT_BOARD, 'create_item', receiver.url)).rejects.toThrow('challenge')
    receiver.echoes = true
    const { create_webhook } = await subscribe(sim, PARENT_BOARD, 'create_item', receiver.url)
    expect(receiver.challenges).toHaveLength(2)
    const listed = await ask(sim, `{ webhooks(board_id: ${PARENT_BOARD}) { id event board_id config } }`)
    expect(listed).toEqual({
      webhooks: [{ id: create_webhook.id, event: 'create_item', board_id: PARENT_BOARD, config: null }],
    })
    await ask(sim, `mutation { delete_webhook(id: ${create_webhook.id}) { id board_id } }`)
    expect(await ask(sim, `{ webhooks(board_id: ${PARENT_BOARD}) { id } }`)).toEqual({ webhooks: [] })
  })
})

test('a webhook on a subitem board, or on none, is refused beside null data', async () => {
  await withBoth({}, async (sim, receiver) => {
    const create = (board: string) =>
      post(
        sim,
        `mutation { create_webhook(board_id: ${board}, url: "${receiver.url}", event: create_item) { id } }`,
      )
    const refused = await create(SUBITEM_BOARD)
    expect(refused.body).toMatchObject({
      data: { create_webhook: null },
      errors: [
        {
          message: "Creating webhook on subitems board isn't allowed",
          path: ['create_webhook'],
          extensions: {
            code: 'InvalidArgumentException',
            status_code: 200,
            error_data: { board_id: Number(SUBITEM_BOARD) },
          },
        },
      ],
    })
    expect((await create('42')).text).toContain('Board not found')
    await expect(
      subscribe(sim, PARENT_BOARD, 'create_item', `${receiver.url}?${'x'.repeat(250)}`),
    ).rejects.toThrow('255')
  })
})

test('a status edit is delivered in the vendor shape, and a silent one is not', async () => {
  await withBoth({}, async (sim, receiver) => {
    const { create_webhook } = await subscribe(sim, PARENT_BOARD, 'change_column_value', receiver.url)
    const id = first(sim, PARENT_BOARD)
    sim.edit.setColumn(PARENT_BOARD, id, 'status4__1', { index: 2 }, { silent: true })
    sim.edit.setColumn(PARENT_BOARD, id, 'status4__1', { index: 1 })
    await sim.deliveries.idle()
    expect(receiver.received).toHaveLength(1)
    const { event, headers } = receiver.received[0] as Received
    expect(headers['authorization']).toBeUndefined()
    expect(event).toMatchObject({
      app: 'monday',
      type: 'update_column_value',
      subscriptionId: Number(create_webhook.id),
      isRetry: false,
      originalTriggerUuid: null,
      boardId: Number(PARENT_BOARD),
      pulseId: id,
      columnId: 'status4__1',
      columnType: 'color',
      columnTitle: 'Pipeline Stage',
      value: { label: { index: 1, text: 'Lost' }, post_id: null },
      previousValue: { label: { index: 2 } },
    })
    expect(event['triggerUuid']).toMatch(/^[0-9a-f]{32}$/)
    expect(Number(event['changedAt']) * 1000).toBeCloseTo(Date.now(), -5)
  })
})

test('names, moves, archive, delete and restore each use their own event and id key', async () => {
  await withBoth({}, async (sim, receiver) => {
    const events = [
      'change_name',
      'item_archived',
      'item_deleted',
      'item_restored',
      'item_moved_to_any_group',
      'create_item',
      'create_column',
    ]
    for (const event of events) await subscribe(sim, HIDDEN_BOARD, event, receiver.url)
    const id = first(sim, HIDDEN_BOARD)
    sim.edit.rename(HIDDEN_BOARD, id, 'renamed')
    sim.edit.moveToGroup(HIDDEN_BOARD, id, 'new_group__1')
    sim.edit.archive(HIDDEN_BOARD, id)
    sim.edit.restore(HIDDEN_BOARD, id)
    sim.edit.delete(HIDDEN_BOARD, id)
    const made = sim.edit.createItem(HIDDEN_BOARD, { name: 'made' })
    sim.edit.createColumn(HIDDEN_BOARD, { id: 'text_new', title: 'New', type: 'text' })
    // No webhook exists for any of these.
    sim.edit.renameColumn(HIDDEN_BOARD, 'text_new', 'Newer')
    sim.edit.renameLabel(HIDDEN_BOARD, 'status__1', 3, 'Quoted now')
    sim.edit.deleteColumn(HIDDEN_BOARD, 'text_new')
    sim.edit.moveToBoard(HIDDEN_BOARD, made.id, PARENT_BOARD)
    await sim.deliveries.idle()
    const byType = Object.fromEntries(receiver.received.map(({ event }) => [event['type'], event]))
    expect(Object.keys(byType).sort()).toEqual(
      [
        'archive_pulse',
        'create_column',
        'create_pulse',
        'delete_pulse',
        'move_pulse_into_group',
        'restore_pulse',
        'update_name',
      ].sort(),
    )
    expect(receiver.received).toHaveLength(7)
    expect(byType['update_name']).toMatchObject({ pulseId: id, value: { name: 'renamed' } })
    expect(byType['archive_pulse']).toMatchObject({ itemId: id, itemName: 'renamed' })
    expect(byType['restore_pulse']).not.toHaveProperty('originalTriggerUuid')
    expect(byType['create_pulse']).toMatchObject({ pulseId: made.id, columnValues: {} })
  })
})

test('subitem events reach the parent board, with string parents in changes and number parents in deletions', async () => {
  await withBoth({}, async (sim, receiver) => {
    const events = [
      'create_subitem',
      'change_subitem_column_value',
      'change_subitem_name',
      'subitem_deleted',
      'subitem_archived',
      'move_subitem',
      'change_column_value',
    ]
    for (const event of events) await subscribe(sim, PARENT_BOARD, event, receiver.url)
    const [from, to] = [...(sim.world.boards.get(PARENT_BOARD)?.items.keys() ?? [])] as [number, number]
    const made = sim.edit.createItem(PARENT_BOARD, { name: 'sub', parentItemId: from })
    sim.edit.setColumn(SUBITEM_BOARD, made.id, 'connect_boards8__1', {
      linkedPulseIds: [{ linkedPulseId: first(sim, HIDDEN_BOARD) }],
    })
    sim.edit.moveSubitem(SUBITEM_BOARD, made.id, to)
    sim.edit.delete(SUBITEM_BOARD, made.id)
    await sim.deliveries.idle()
    const find = (type: string, pulse?: number) =>
      receiver.received.find(
        ({ event }) => event['type'] === type && (pulse === undefined || event['pulseId'] === pulse),
      )?.event
    expect(find('create_pulse')).toMatchObject({
      boardId: Number(SUBITEM_BOARD),
      itemId: made.id,
      parentItemId: String(from),
      parentItemBoardId: PARENT_BOARD,
    })
    expect(find('update_column_value', from)).toMatchObject({
      columnType: 'subtasks',
      boardId: Number(PARENT_BOARD),
    })
    expect(find('update_column_value', made.id)).toMatchObject({
      columnType: 'board-relation',
      parentItemId: String(from),
    })
    expect(find('move_subitem')).toMatchObject({ subitem: made.id, sourcePulseId: from, destPulseId: to })
    expect(find('move_subitem')).not.toHaveProperty('boardId')
    expect(find('delete_pulse')).toMatchObject({
      itemId: made.id,
      parentItemId: to,
      parentBoardId: Number(PARENT_BOARD),
    })
  })
})

test('a parent that goes takes its subitems with it, and only the parent is announced', async () => {
  await withBoth({}, async (sim, receiver) => {
    for (const event of ['item_deleted', 'subitem_deleted'])
      await subscribe(sim, PARENT_BOARD, event, receiver.url)
    const parent = sim.world.items.get(first(sim, PARENT_BOARD))
    sim.edit.delete(PARENT_BOARD, parent?.id ?? 0)
    await sim.deliveries.idle()
    expect(types(receiver.received)).toEqual(['delete_pulse'])
    const states = (): unknown[] => (parent?.subitemIds ?? []).map((id) => sim.world.items.get(id)?.state)
    expect(new Set(states())).toEqual(new Set(['deleted']))
    sim.edit.restore(PARENT_BOARD, parent?.id ?? 0)
    expect(new Set(states())).toEqual(new Set(['active']))
  })
})

test('one edit through the API fires the same webhooks, one trigger for all subscriptions', async () => {
  await withBoth({}, async (sim, receiver) => {
    await subscribe(sim, PARENT_BOARD, 'change_column_value', receiver.url)
    await subscribe(
      sim,
      PARENT_BOARD,
      'change_specific_column_value',
      receiver.url,
      '{"columnId":"numeric_mkw8t5cw"}',
    )
    const id = first(sim, PARENT_BOARD)
    await ask(
      sim,
      'mutation ($v: JSON!, $i: ID) { change_multiple_column_values(board_id: 1825117125, item_id: $i, column_values: $v) { id } }',
      {
        i: String(id),
        v: JSON.stringify({ numeric_mkw8t5cw: '42', numeric_mkw86evn: '12.5' }),
      },
    )
    await sim.deliveries.idle()
    const ofDays = receiver.received.filter(({ event }) => event['columnId'] === 'numeric_mkw8t5cw')
    expect(receiver.received).toHaveLength(3)
    expect(new Set(ofDays.map(({ event }) => event['triggerUuid'])).size).toBe(1)
    expect(new Set(ofDays.map(({ event }) => event['subscriptionId'])).size).toBe(2)
  })
})
