import { jwtVerify } from 'jose'
import { expect, test } from 'vitest'
import { PARENT_BOARD } from './datacube/column-specs.ts'
import type { MondaySim, MondaySimOptions } from './index.ts'
import { ask, type Received, type Receiver, subscribe, withReceiver, withSim } from './with-sim.ts'

function withBoth(
  options: MondaySimOptions,
  run: (sim: MondaySim, receiver: Receiver) => Promise<void>,
): Promise<void> {
  return withReceiver((receiver) => withSim({ projects: 5, ...options }, (sim) => run(sim, receiver)))
}

const first = (sim: MondaySim, boardId: string): number =>
  [...(sim.world.boards.get(boardId)?.items.keys() ?? [])][1] as number

test('a refused delivery is tried again with isRetry, and signed when there is a secret', async () => {
  await withBoth({ retryDelayMs: 10, signingSecret: 'shh' }, async (sim, receiver) => {
    await subscribe(sim, PARENT_BOARD, 'change_name', receiver.url)
    receiver.status = 503
    sim.edit.rename(PARENT_BOARD, first(sim, PARENT_BOARD), 'a')
    await sim.deliveries.idle()
    receiver.status = 200
    await expect.poll(() => sim.deliveries.delivered).toBe(1)
    expect(sim.deliveries.pendingRetries).toBe(0)
    const [one, two] = [receiver.received[0] as Received, receiver.received.at(-1) as Received]
    expect([one.event['isRetry'], two.event['isRetry']]).toEqual([false, true])
    expect(two.event['triggerUuid']).toBe(one.event['triggerUuid'])
    const secret = new TextEncoder().encode('shh')
    const { payload } = await jwtVerify(two.headers['authorization'] as string, secret, {
      audience: receiver.url,
    })
    expect((payload.exp ?? 0) - (payload.iat ?? 0)).toBe(300)
  })
})

test('knobs drop, duplicate and disable deliveries', async () => {
  await withBoth({}, async (sim, receiver) => {
    await subscribe(sim, PARENT_BOARD, 'change_name', receiver.url)
    const id = first(sim, PARENT_BOARD)
    sim.faults.webhook.dropRate = 1
    sim.edit.rename(PARENT_BOARD, id, 'dropped')
    sim.faults.webhook.dropRate = 0
    sim.faults.webhook.duplicateRate = 1
    sim.edit.rename(PARENT_BOARD, id, 'twice')
    await sim.deliveries.idle()
    expect(receiver.received.map(({ event }) => event['value'])).toEqual([
      { name: 'twice' },
      { name: 'twice' },
    ])
    expect(sim.deliveries.dropped).toBe(1)
    sim.faults.webhook.disabled = true
    expect(await ask(sim, `{ webhooks(board_id: ${PARENT_BOARD}) { id } }`)).toEqual({ webhooks: [] })
  })
})
