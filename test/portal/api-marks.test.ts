import { describe, expect, it } from 'vitest'
import { Marks } from '../../src/cache/marks.ts'
import { A, B, fillAgency, some } from './support/agency.ts'
import { mailbox, reply, row, type World, withWorld, workspace } from './support/world.ts'

const MARKS = { table: 'portal.cache_marks', keptMs: 60_000, now: Date.now }

async function withMarks(
  test: (world: World, changed: () => Promise<string[]>) => Promise<void>,
): Promise<void> {
  await withWorld(async (world) => {
    await fillAgency(world)
    const marks = new Marks(world.db, MARKS)
    await marks.poll()
    await test(world, async () => {
      const { marks: found } = await marks.poll()
      return found.map(({ topic, scope }) => (scope === '' ? topic : `${topic} ${scope}`)).sort()
    })
  })
}

const now = (): string => new Date().toISOString()

/** What somebody does → what is marked. */
const CHANGES: Readonly<Record<string, readonly [work: (world: World) => Promise<unknown>, marked: readonly string[]]>> = {
  'an event that is recorded': [
    (world) => world.record(...some(1, A, 'email_sent', now())),
    [`counts ${A}`, `metrics ${A}`],
  ],
  'an event that makes a lead': [
    (world) => world.record(...some(1, B, 'lead_interested', now())),
    [`counts ${B}`, `leads ${B}`, `metrics ${B}`],
  ],
  'a batch of events of several workspaces': [
    (world) => world.record(...some(50, A, 'email_sent', now()), ...some(50, B, 'email_sent', now())),
    [`counts ${A}`, `counts ${B}`, `metrics ${A}`, `metrics ${B}`],
  ],
  'a lead that a person moves': [
    (world) => world.db.query(`select move_lead(id, 'quoting') from client_leads where scope = '${A}' limit 1`),
    [`leads ${A}`],
  ],
  'a lead that another program writes': [
    (world) => world.db.query(`update client_leads set notes = 'n' where scope = '${B}'`),
    [`leads ${B}`],
  ],
  'a mailbox that a poll finds changed': [
    (world) => world.apply(mailbox(A, 1, { emails_sent_count: 301 })),
    [`mailboxes ${A}`],
  ],
  'a mailbox that goes': [
    (world) => world.db.query(`delete from sender_emails_cache where bison_key = '${B}/3'`),
    [`mailboxes ${B}`],
  ],
  'a campaign': [
    (world) => world.apply(row('campaigns', B, 2, { status: 'active' })),
    [`campaigns ${B}`],
  ],
  'a reply that is handled': [
    (world) => world.db.query(`update lead_replies set is_handled = true where bison_key = '${A}/7001'`),
    [`replies ${A}`],
  ],
  'a reply that is read': [
    (world) => world.apply(reply(B, 8, { folder: 'Sent', reply_type: 'Outgoing Email', vendor_created_at: now() })),
    [`replies ${B}`],
  ],
  'a target': [
    (world) => world.db.query(`update client_registry set price_per_lead = 21 where scope = '${A}'`),
    [`settings ${A}`],
  ],
  'a workspace that is found': [
    (world) => world.apply(workspace('send/9', 'New')),
    ['settings send/9'],
  ],
  'the vendor’s figures': [
    (world) => world.db.query(`update vendor_metrics set emails_sent = 6 where scope = '${A}' and period = 'day'`),
    [`vendor ${A}`],
  ],
  'costs that are entered': [
    (world) => world.db.query(`insert into client_costs values ('Acme', '2026-03', 5)`),
    ['settings'],
  ],
  'the day’s snapshot of providers': [
    (world) => world.db.query('select snapshot_providers(business_date())'),
    ['providers'],
  ],
  'a mailbox that is read and has not changed': [
    (world) => world.apply({
      ...mailbox(A, 1, { emails_sent_count: 300, tags: ['Google', 'Zapmail'], total_replied_count: 1, daily_limit: 20 }),
      // As the vendor claims by the row's own time of change.
      unchangedSince: 0,
    }),
    [],
  ],
} // prettier-ignore

describe('what the cache goes by', () => {
  it.each(Object.entries(CHANGES))('%s', async (_what, [work, marked]) => {
    await withMarks(async (world, changed) => {
      await work(world)
      expect(await changed()).toEqual([...marked].sort())
    })
  })

  it('another zone concerns everybody', async () => {
    await withMarks(async (world, changed) => {
      await world.db.query(`select set_business_time_zone('Asia/Tokyo')`)
      expect(await changed()).toContain('settings')
    })
  })

  it('a batch leaves a mark for each workspace and topic, however many rows it writes', async () => {
    await withMarks(async (world) => {
      await world.db.query('delete from portal.cache_marks')
      await world.record(...some(300, A, 'lead_interested', now()), ...some(300, B, 'email_sent', now()))
      expect(await world.value('(select count(*)::int from portal.cache_marks)')).toBe(5)
    })
  })

  it('writers do not wait for each other', async () => {
    await withMarks(async (world, changed) => {
      await world.db.transaction(async (first) => {
        await first.query(
          `update client_leads set notes = 'a' where scope = '${A}' and lead_email = 'pat@x.test'`,
        )
        await world.db.transaction(async (second) => {
          await second.query(`set local lock_timeout = '2s'`)
          await second.query(
            `update client_leads set notes = 'b' where scope = '${A}' and lead_email <> 'pat@x.test'`,
          )
        })
        expect(await changed()).toEqual([`leads ${A}`])
      })
      expect(await changed()).toEqual([`leads ${A}`])
    })
  })
})
