import { describe, expect, it } from 'vitest'
import { notify, notifyAll, onceKey, purgeNotifications } from '../../src/alerts/outbox.ts'
import type { Queryable } from '../../src/db/database.ts'
import type { Message } from '../../src/sinks/contract.ts'
import { withDatabase } from '../support/database.ts'
import { HASTY, withSlackWorld } from './slack-world.ts'

const message = (title: string): Message => ({ title, tone: 'neutral' })
const put = (db: Queryable, title: string, purpose = 'alerts'): Promise<boolean> =>
  notify(db, { app: 'portal', purpose, message: message(title) })

interface Row {
  status: string
  body: Message | null
  dedupe_key: string | null
}
const rowsOf = async (db: Queryable): Promise<Row[]> =>
  (await db.query<Row>('select * from lockstep.notifications order by id')).rows

describe('putting in', () => {
  it('a message goes out if its transaction commits, and only then', async () => {
    await withSlackWorld({}, async ({ db, deliver, titles }) => {
      const failing = db.transaction(async (tx) => {
        await put(tx, 'rolled back')
        throw new Error('no')
      })
      await expect(failing).rejects.toThrow('no')
      await db.transaction((tx) => put(tx, 'committed'))
      expect((await deliver()).outcomes).toMatchObject([{ result: 'sent', app: 'portal', attempts: 1 }])
      expect(titles('alerts')).toEqual(['committed'])
    })
  })

  it('once a key, for each app and purpose, also side by side; without a key each time', async () => {
    await withDatabase(async (db) => {
      const reply = {
        app: 'portal',
        purpose: 'replies',
        message: message('A reply'),
        dedupeKey: onceKey('new reply', 7),
      }
      const told = await Promise.all([1, 2, 3, 4, 5].map(() => db.transaction((tx) => notify(tx, reply))))
      expect(told.filter((fresh) => fresh)).toHaveLength(1)
      expect(await notify(db, { ...reply, purpose: 'leads' })).toBe(true)
      expect(await notify(db, { ...reply, app: 'other' })).toBe(true)
      expect(await notify(db, { ...reply, dedupeKey: onceKey('new lead', 7) })).toBe(true)
      expect(await notifyAll(db, [reply, { ...reply, dedupeKey: onceKey('new reply', 8) }])).toBe(1)
      expect(await put(db, 'A reply')).toBe(true)
      expect(await put(db, 'A reply')).toBe(true)
      expect(await notifyAll(db, [])).toBe(0)
    })
  })

  it('takes any text that people write', async () => {
    await withSlackWorld({}, async ({ db, deliver, titles }) => {
      await put(db, `nul \u0000, half \ud83d, "quotes", <b>`)
      await deliver()
      expect(titles('alerts')).toEqual(['nul , half \ufffd, "quotes", &lt;b&gt;'])
    })
  })
})

it('old messages go, but what was told once stays told', async () => {
  await withSlackWorld({ limits: HASTY }, async ({ db, deliver }) => {
    const reply = { app: 'portal', purpose: 'alerts', message: message('A reply'), dedupeKey: 'new reply 7' }
    await notify(db, reply)
    await put(db, 'an alert')
    await deliver()
    await put(db, 'waits')
    await db.query(`update lockstep.notifications set created_at = created_at - interval '91 days'`)
    expect(await purgeNotifications(db, 90, 10)).toBe(2)
    expect(await purgeNotifications(db, 90, 10)).toBe(0)
    expect(await rowsOf(db)).toMatchObject([
      { dedupe_key: 'new reply 7', body: null },
      { status: 'pending', body: { title: 'waits' } },
    ])
    expect(await notify(db, reply)).toBe(false)
  })
})
