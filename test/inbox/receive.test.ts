import { describe, expect, it } from 'vitest'
import type { Database } from '../../src/db/database.ts'
import type { Incoming } from '../../src/inbox/deliveries.ts'
import { InboxFullError, Receiver } from '../../src/inbox/receive.ts'
import { withDatabase } from '../support/database.ts'
import { until } from '../support/node.ts'

const HORIZON_MS = 31 * 60_000

function incoming(change: Partial<Incoming> = {}): Incoming {
  const body = new TextEncoder().encode(JSON.stringify({ event: { n: change.identity ?? 0 } }))
  return {
    app: 'test',
    identity: undefined,
    horizonMs: HORIZON_MS,
    type: 'create_pulse',
    stream: '1',
    entity: '2',
    clientIp: '127.0.0.1',
    headers: {},
    body,
    ...change,
  }
}

const many = (count: number): Incoming[] =>
  Array.from({ length: count }, (_, i) => incoming({ identity: `event ${i}` }))

async function transactions(db: Database): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `select count(distinct xmin::text)::int as n from lockstep.inbox_events where app = 'test'`,
  )
  return rows[0]?.n ?? 0
}

describe('group commit', () => {
  it('a hundred deliveries at one time share a few transactions', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db)
      const receipts = await Promise.all(many(100).map((one) => receiver.accept(one)))
      expect(new Set(receipts.map(({ id }) => id)).size).toBe(100)
      expect(receipts.every(({ duplicate }) => !duplicate)).toBe(true)
      expect(await transactions(db)).toBeLessThanOrEqual(5)
      expect(receiver.depth).toBe(0)
    })
  })

  it('a delivery is answered only when another connection can read it', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db)
      await Promise.all(
        many(30).map(async (one) => {
          const { id } = await receiver.accept(one)
          const { rowCount } = await db.query('select 1 from lockstep.inbox where id = $1', [id])
          expect(rowCount).toBe(1)
        }),
      )
    })
  })

  it('copies within one batch are one event, and one of them is the first', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db)
      const receipts = await Promise.all(
        Array.from({ length: 10 }, () => receiver.accept(incoming({ identity: 'x' }))),
      )
      expect(receipts.filter(({ duplicate }) => !duplicate)).toHaveLength(1)
      const { rows } = await db.query('select deliveries from lockstep.inbox')
      expect(rows).toEqual([{ deliveries: 10 }])
    })
  })

  it('two nodes that take the same deliveries in opposite orders keep each once, and do not deadlock', async () => {
    await withDatabase(async (db) => {
      const list = many(400)
      const [a, b] = [new Receiver(db), new Receiver(db)]
      const started = Date.now()
      for (let round = 0; round < 4; round++) {
        const again = list.map((one) => ({ ...one, identity: `${one.identity} of ${round}` }))
        const receipts = await Promise.all([
          ...again.map((one) => a.accept(one)),
          ...again.toReversed().map((one) => b.accept(one)),
        ])
        expect(receipts.filter(({ duplicate }) => !duplicate)).toHaveLength(400)
      }
      const { rows } = await db.query(
        `select count(*)::int as n, sum(deliveries)::int as d from lockstep.inbox`,
      )
      expect(rows).toEqual([{ n: 1_600, d: 3_200 }])
      // A deadlock is found by Postgres only after a second.
      expect(Date.now() - started).toBeLessThan(4_000)
      await db.query('select pg_stat_force_next_flush()')
      const stats = await db.query(
        `select deadlocks from pg_stat_database where datname = current_database()`,
      )
      expect(stats.rows).toEqual([{ deadlocks: 0 }])
    })
  })

  it('one that the database refuses does not take the others along', async () => {
    await withDatabase(async (db) => {
      await db.query(`alter table lockstep.inbox_events add constraint no_bad check (event_type <> 'bad')`)
      const receiver = new Receiver(db)
      const list = [...many(20), incoming({ identity: 'bad', type: 'bad' })]
      const results = await Promise.allSettled(list.map((one) => receiver.accept(one)))
      expect(results.map(({ status }) => status)).toEqual([...many(20).map(() => 'fulfilled'), 'rejected'])
      expect((await db.query('select id from lockstep.inbox')).rows).toHaveLength(20)
    })
  })

  it('takes no more than it may hold: the rest is refused, not lost in memory', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db, { waitingMax: 10 })
      const results = await Promise.allSettled(many(15).map((one) => receiver.accept(one)))
      const refused = results.filter((r) => r.status === 'rejected')
      expect(refused).toHaveLength(5)
      for (const { reason } of refused) expect(reason).toBeInstanceOf(InboxFullError)
      expect((await db.query('select id from lockstep.inbox')).rows).toHaveLength(10)
    })
  })

  it('waits for a database that does not answer no longer than it may, and goes on when it does', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db, { waitMaxMs: 200 })
      await db.transaction(async (tx) => {
        await tx.query('lock table lockstep.inbox_events in access exclusive mode')
        // Of the flushes under way, and of the queue behind them.
        for (const wave of ['a', 'b', 'c']) {
          const refused = Promise.allSettled(
            many(5).map((one, i) => receiver.accept({ ...one, identity: `${wave}${i}` })),
          )
          for (const result of await refused)
            expect(result).toMatchObject({ reason: expect.any(InboxFullError) })
        }
      })
      await until(
        'an accepted delivery',
        () => receiver.accept(incoming({ identity: 'later' })).catch(() => undefined),
        (r) => r !== undefined,
      )
      expect(receiver.depth).toBe(0)
    })
  })

  it('wakes the workers once a commit, and not for duplicates', async () => {
    await withDatabase(async (db) => {
      const woken: string[] = []
      const receiver = new Receiver(db, { onCommit: (apps) => woken.push(...apps) })
      await receiver.accept(incoming({ identity: 'x' }))
      await receiver.accept(incoming({ identity: 'x' }))
      expect(woken).toEqual(['test'])
    })
  })
})

describe('what is the same event', () => {
  it('the same identity, whatever the body; not another app’s', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db)
      await receiver.accept(incoming({ identity: 'x' }))
      const retry = new TextEncoder().encode('{"event":{"isRetry":true}}')
      expect(await receiver.accept(incoming({ identity: 'x', body: retry }))).toMatchObject({
        duplicate: true,
      })
      expect(await receiver.accept(incoming({ identity: 'x', app: 'other' }))).toMatchObject({
        duplicate: false,
      })
    })
  })

  it('a body without identity: by its hash, but only within the horizon of the vendor’s retries', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db)
      const first = await receiver.accept(incoming())
      expect(await receiver.accept(incoming())).toEqual({ id: first.id, duplicate: true })
      await db.query(`update lockstep.inbox_events set received_at = received_at - interval '32 minutes'`)
      const second = await receiver.accept(incoming())
      expect(second).toMatchObject({ duplicate: false })
      expect(second.id).not.toBe(first.id)
      expect(await receiver.accept(incoming())).toEqual({ id: second.id, duplicate: true })
      const { rows } = await db.query('select deliveries from lockstep.inbox order by id')
      expect(rows).toEqual([{ deliveries: 2 }, { deliveries: 2 }])
    })
  })

  it('an identity is the same however late it comes', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db)
      await receiver.accept(incoming({ identity: 'x' }))
      await db.query(`update lockstep.inbox_events set received_at = received_at - interval '20 days'`)
      expect(await receiver.accept(incoming({ identity: 'x' }))).toMatchObject({ duplicate: true })
    })
  })

  it('long identities that differ at their end are different', async () => {
    await withDatabase(async (db) => {
      const receiver = new Receiver(db)
      for (const end of ['a', 'b']) {
        const identity = 'x'.repeat(5_000) + end
        expect(await receiver.accept(incoming({ identity }))).toMatchObject({ duplicate: false })
      }
    })
  })
})
