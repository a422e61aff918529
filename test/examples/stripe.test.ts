import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { checkEventLog } from '../../src/inbox/event-log.ts'
import { replayEvents } from '../../src/inbox/ledger.ts'
import { processBatch } from '../../src/inbox/process.ts'
import { Receiver } from '../../src/inbox/receive.ts'
import { syncApp } from '../../src/lanes/sync.ts'
import type { Clock } from '../../src/sources/contract.ts'
import type { StripeEvent } from '../../sim/stripe/index.ts'
import { until } from '../support/node.ts'
import { mirrored, type StripeRun, truth, untilEqual, withStripe, withStripeNode } from './stripe-world.ts'

const signal = (): AbortSignal => AbortSignal.timeout(60_000)

describe('a node with the Stripe example', () => {
  it('reads every customer, then follows what is created, updated and deleted', async () => {
    await withStripeNode(
      async (node) => {
        const { sim, db } = node
        expect(await mirrored(db)).toEqual(truth(sim))
        const [first, second] = [...sim.world.customers.keys()]
        const made = sim.create({ email: 'new@example.com', metadata: { plan: 'team' } })
        sim.update(first ?? '', { email: 'changed@example.com', balance: -500 })
        sim.update(first ?? '', { name: null })
        sim.remove(second ?? '')
        await until(
          'four answers',
          async () => sim.attempts,
          (attempts) => attempts.length === 4,
        )
        await untilEqual(node)
        expect(sim.attempts.map(({ status }) => status)).toEqual([200, 200, 200, 200])
        expect((await mirrored(db)).map(({ id }) => id)).toContain(made.data.object['id'])
        const { rows } = await db.query<{ key: string }>(`select key from lockstep.tombstones where dead`)
        expect(rows).toEqual([{ key: second }])
      },
      { sim: { customers: 230 } },
    )
  })

  it('counts an event once, and a replay undoes nothing', async () => {
    await withStripeNode(
      async (node) => {
        const { sim, db } = node
        const [id] = [...sim.world.customers.keys()]
        const older = sim.update(id ?? '', { name: 'Older' })
        await untilEqual(node)
        // Of another second, so that it is the newer one by Stripe's own time.
        const newer = later(sim.world.update(id ?? '', { name: 'Newer' }), 5)
        await sim.deliver(newer)
        await sim.deliver(older)
        await sim.deliver(newer)
        await untilEqual(node)
        expect(await replayEvents(db, { app: 'stripe', deadOnly: false })).toBe(2)
        await untilEqual(node)
        const { rows } = await db.query<{ deliveries: number }>(
          `select deliveries from lockstep.inbox order by id`,
        )
        expect(rows).toEqual([{ deliveries: 2 }, { deliveries: 2 }])
      },
      { sim: { customers: 3 } },
    )
  })

  it('refuses what is not signed by a secret of its own, now', async () => {
    await withStripeNode(async ({ sim, db, hook }) => {
      const [endpoint] = [...sim.endpoints.values()]
      const secret = endpoint?.secret ?? ''
      const body = JSON.stringify(sim.world.create({ name: 'Signed' }))
      const post = async (signature: string, sent = body): Promise<number> => {
        const headers = { 'content-type': 'application/json', 'stripe-signature': signature }
        return (await fetch(hook, { method: 'POST', headers, body: sent })).status
      }
      const good = sim.sign(body, secret)
      const [t = '', v1 = ''] = good.split(',')
      const refused = [
        sim.sign(body, 'whsec_of_somebody_else'),
        '',
        t,
        v1,
        `${t},v0=${v1.slice(3)}`,
        `${t},v1=`,
        `${t},v1=${'0'.repeat(64)}`,
        // Signed at another time than it says.
        `t=${Number(t.slice(2)) - 1},${v1}`,
      ]
      for (const signature of refused) expect(await post(signature)).toBe(401)
      expect(await post(good, `${body} `)).toBe(401)
      expect((await db.query('select from lockstep.inbox')).rowCount).toBe(0)
      // While a secret is rolled, one signature of each.
      expect(await post(`${t},v1=${'0'.repeat(64)},${v1}`)).toBe(200)
      expect((await db.query('select from lockstep.inbox')).rowCount).toBe(1)
    })
  })

  it('takes from the event log what no webhook brought', async () => {
    let aheadMs = 0
    const clock = { now: () => Date.now() + aheadMs }
    await withStripe(
      async ({ sim, db, pipeline, settle }) => {
        await syncApp(db, pipeline, { signal: signal(), full: true, drain: true })
        const check = () => {
          // What is as old as the answer itself is left to the next reading.
          aheadMs += 5_000
          return checkEventLog(db, pipeline, 'account', { signal: signal(), nowMs: clock.now(), graceMs: 0 })
        }
        await check()
        const [first, second] = [...sim.world.customers.keys()]
        sim.world.create({ name: 'Unheard of' })
        sim.world.update(first ?? '', { name: 'Renamed' })
        sim.world.remove(second ?? '')
        expect(await check()).toMatchObject({ filled: 3 })
        expect(await check()).toMatchObject({ filled: 0 })
        await settle()
        expect(await mirrored(db)).toEqual(truth(sim))
      },
      { sim: { customers: 120, clock } },
    )
  })
})

describe('a signature', () => {
  it('is of no use five minutes later', async () => {
    await withStripe(
      async ({ sim, pipeline }) => {
        const body = '{}'
        const headers = { 'stripe-signature': sim.sign(body, 'whsec_given') }
        const verify = (laterS: number) =>
          pipeline.source.door.verify(
            { headers, body: Buffer.from(body), secret: undefined },
            Date.now() + laterS * 1000,
          )
        expect(await verify(290)).toEqual({ ok: true })
        expect(await verify(302)).toMatchObject({ ok: false })
      },
      { webhookSecret: 'whsec_given' },
    )
  })
})

describe('two changes in one second', () => {
  const orders: readonly (readonly [string, (events: StripeEvent[]) => StripeEvent[]])[] = [
    ['in their order', (events) => events],
    ['the other way round', (events) => events.toReversed()],
  ]
  it.each(orders)('of different attributes are both kept, delivered %s', async (_, inOrder) => {
    await withStripe(async (run) => {
      const { sim, settle } = run
      const created = sim.world.create({ name: 'Before', email: 'before@example.com' })
      await take(run, [created])
      const id = String(created.data.object['id'])
      const second = created.created + 1
      const events = [
        at(sim.world.update(id, { name: 'After' }), second),
        at(sim.world.update(id, { email: 'after@example.com' }), second),
      ]
      for (const event of inOrder(events)) await take(run, [event])
      expect(await mirrored(run.db)).toEqual(truth(sim))
      await settle()
    })
  })

  it('a late one of the same attribute does not stay', async () => {
    await withStripe(async (run) => {
      const { sim, settle } = run
      const created = later(sim.world.create({ name: 'Before' }), -700)
      await take(run, [created])
      const id = String(created.data.object['id'])
      const longAgo = created.created + 100
      const first = at(sim.world.update(id, { name: 'First' }), longAgo)
      const second = at(sim.world.update(id, { name: 'Second' }), longAgo)
      await take(run, [second, first])
      await settle()
      expect(sim.requests.filter(({ path }) => path === `/v1/customers/${id}`)).toHaveLength(1)
      expect(await mirrored(run.db)).toEqual(truth(sim))
    })
  })

  it.each(orders)('an update and the delete leave nothing, delivered %s', async (_, inOrder) => {
    await withStripe(async (run) => {
      const { sim, settle } = run
      const created = sim.world.create({ name: 'Here' })
      const id = String(created.data.object['id'])
      const events = [
        created,
        at(sim.world.update(id, { name: 'Going' }), created.created),
        at(sim.world.remove(id), created.created),
      ]
      for (const event of inOrder(events)) await take(run, [event])
      await settle()
      expect(await mirrored(run.db)).toEqual([])
    })
  })
})

describe('reading', () => {
  it('begins anew where the customer that a page ended with is deleted meanwhile', async () => {
    await withStripe(
      async (run) => {
        const { sim, db, pipeline } = run
        const last = [...sim.world.customers.keys()].toReversed()[99] ?? ''
        const { source } = pipeline
        let removal: StripeEvent | undefined
        const removing = {
          ...pipeline,
          source: {
            ...source,
            async readPage(request: Parameters<typeof source.readPage>[0]) {
              const page = await source.readPage(request)
              if (page.next === last && sim.world.customers.has(last)) removal = sim.world.remove(last)
              return page
            },
          },
        }
        const { runs, failures } = await syncApp(db, removing, { signal: signal(), full: true, drain: true })
        expect(failures).toEqual([])
        expect(runs.map(({ status }) => status)).toEqual(['completed'])
        // It was read before it went, so that only its event, or the next pass, can tell.
        await take(run, removal === undefined ? [] : [removal])
        expect(await mirrored(db)).toEqual(truth(sim))
      },
      { sim: { customers: 250 } },
    )
  })

  it('a customer that is gone is asked for by its id before its row goes', async () => {
    await withStripe(
      async ({ sim, db, pipeline }) => {
        const sync = () => syncApp(db, pipeline, { signal: signal(), full: true, drain: true })
        await sync()
        const [id = ''] = [...sim.world.customers.keys()]
        sim.world.remove(id)
        await sync()
        expect(sim.requests.at(-1)).toMatchObject({ path: `/v1/customers/${id}`, status: 200 })
        expect(await mirrored(db)).toEqual(truth(sim))
      },
      { sim: { customers: 120 } },
    )
  })

  it('waits as long as Stripe says, and tries again what failed', async () => {
    const waits: number[] = []
    let ahead = 0
    let onWait = (): void => {}
    const clock: Clock = {
      now: () => Date.now() + ahead,
      steady: () => performance.now() + ahead,
      async sleep(ms) {
        waits.push(ms)
        ahead += ms
        onWait()
        await Promise.resolve()
      },
    }
    await withStripe(
      async ({ sim, pipeline }) => {
        const { source } = pipeline
        const stream = source.streams[0] as (typeof source.streams)[number]
        const keys = [...sim.world.customers.keys()]
        Object.assign(sim.faults, { http429: 1, retryAfterS: 7 })
        onWait = () => {
          if (waits.length === 3) Object.assign(sim.faults, { http429: 0, http500: 0.3 })
        }
        const page = await source.readKeys({ stream, part: 'row', keys, signal: signal() })
        expect(page.rows).toHaveLength(40)
        expect(waits.slice(0, 3).every((ms) => ms > 6_000 && ms <= 7_000)).toBe(true)
        const count = (status: number): number => sim.requests.filter((r) => r.status === status).length
        expect([count(429), count(200)]).toEqual([3, 40])
        expect(count(500)).toBeGreaterThan(0)
        expect(await source.usage()).toMatchObject({ calls: 40 + count(500), rejected: 3 })
      },
      { sim: { customers: 40 }, clock },
    )
  })
})

describe('webhook endpoints', () => {
  it('are made once, mended, listed, and removed', async () => {
    await withStripe(async ({ sim, pipeline }) => {
      const { webhooks } = pipeline.source
      const url = 'https://lockstep.example.com/webhooks/stripe'
      const actions = async (): Promise<string[]> =>
        (await webhooks.register(url, signal())).map(({ action }) => action)
      expect(await actions()).toEqual(['created'])
      expect(await actions()).toEqual(['kept'])
      const [endpoint] = [...sim.endpoints.values()]
      if (endpoint !== undefined) endpoint.status = 'disabled'
      expect(await actions()).toEqual(['created'])
      expect(endpoint?.status).toBe('enabled')
      expect(await webhooks.list(signal())).toMatchObject([{ id: endpoint?.id, ours: true }])
      expect(await webhooks.remove(signal())).toMatchObject([{ id: endpoint?.id, action: 'removed' }])
      expect(sim.endpoints.size).toBe(0)
    })
  })

  it('one whose secret is lost is made anew', async () => {
    await withStripe(async ({ sim, db, pipeline }) => {
      const { webhooks, door } = pipeline.source
      await webhooks.register('https://lockstep.example.com/hook', signal())
      await db.query(`delete from lockstep.source_state where kind = 'secret webhook'`)
      await webhooks.register('https://lockstep.example.com/hook', signal())
      expect(sim.endpoints.size).toBe(1)
      const [endpoint] = [...sim.endpoints.values()]
      const headers = { 'stripe-signature': sim.sign('{}', endpoint?.secret ?? '') }
      expect(await door.verify({ headers, body: Buffer.from('{}'), secret: undefined }, Date.now())).toEqual({
        ok: true,
      })
    })
  })
})

it('the tutorial shows the code as it is', async () => {
  const folder = join(import.meta.dirname, '../../docs/examples/stripe')
  const page = await readFile(join(folder, 'README.md'), 'utf8')
  const excerpts = [...page.matchAll(/```ts\n\/\/ ([a-z]+\.ts)\n([\s\S]*?)```/g)]
  expect(excerpts).toHaveLength(page.match(/```ts\n/g)?.length ?? 0)
  for (const [, file = '', code = ''] of excerpts)
    expect(await readFile(join(folder, file), 'utf8')).toContain(code)
})

/** The same event, of another second. */
const at = (event: StripeEvent, created: number): StripeEvent => ({ ...event, created })
const later = (event: StripeEvent, seconds: number): StripeEvent => at(event, event.created + seconds)

/** Puts events into the inbox, as the event log does, and settles them one after the other. */
async function take({ db, pipeline }: StripeRun, events: readonly StripeEvent[]): Promise<void> {
  const receiver = new Receiver(db)
  for (const event of events) {
    const text = JSON.stringify(event)
    const payload = JSON.parse(text) as Parameters<typeof pipeline.source.door.identify>[0]
    const { key, type, stream, entity } = pipeline.source.door.identify(payload)
    await receiver.accept({
      app: pipeline.app,
      identity: key,
      horizonMs: 0,
      type,
      stream,
      entity,
      clientIp: undefined,
      headers: {},
      body: Buffer.from(text),
    })
    const { settled } = await processBatch(db, pipeline, 10)
    expect(settled).toBe(1)
  }
}
