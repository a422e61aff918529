import { assert, asyncProperty, constantFrom, integer, jsonValue, oneof, record, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { JsonObject } from '../../src/engine/observation.ts'
import { fact, reply, withWorld, workspace } from './support/world.ts'

const A = 'send/37'

describe('the ledger', () => {
  it('counts an event once, however often and in whatever batches it is told', async () => {
    await withWorld(async (world) => {
      const sent = fact(A, 'email_sent', 'mail:1', '2026-03-05T15:00:00Z')
      await world.record(sent, sent)
      await world.record(sent, fact(A, 'email_sent', 'mail:2', '2026-03-05T15:00:00Z'))
      expect(
        await world.row(
          `select workspace_name, metric_date, emails_sent_today, emails_sent_mtd from client_metrics`,
        ),
      ).toEqual({
        workspace_name: `Client ${A}`,
        metric_date: '2026-03-05',
        emails_sent_today: 2,
        emails_sent_mtd: 2,
      })
    })
  })

  it('mends every later day of the month, and the next month, when an event comes late', async () => {
    await withWorld(async (world) => {
      await world.record(
        fact(A, 'email_sent', 'mail:3', '2026-03-09T15:00:00Z'),
        fact(A, 'lead_interested', 'reply:1', '2026-04-02T15:00:00Z'),
      )
      await world.record(fact(A, 'email_sent', 'mail:1', '2026-03-02T15:00:00Z'))
      await world.record(fact(A, 'lead_interested', 'reply:0', '2026-03-31T15:00:00Z'))
      expect(
        await world.rows(
          `select metric_date, emails_sent_mtd as sent, emails_sent_last_7_days as week, positive_replies_mtd as leads,
             positive_replies_last_month as before, positive_replies_last_7_days as leads_week
           from client_metrics order by metric_date`,
        ),
      ).toEqual([
        { metric_date: '2026-03-02', sent: 1, week: 1, leads: 0, before: 0, leads_week: 0 },
        { metric_date: '2026-03-09', sent: 2, week: 1, leads: 0, before: 0, leads_week: 0 },
        { metric_date: '2026-03-31', sent: 2, week: 0, leads: 1, before: 0, leads_week: 1 },
        { metric_date: '2026-04-02', sent: 0, week: 0, leads: 1, before: 1, leads_week: 2 },
      ])
    })
  })

  it('learns of a lost reply from the reply itself, and takes the true time when it is told after all', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Northwind'))
      const read = reply(A, 7, {
        bison_lead_id: 5,
        lead_email: 'pat@example.test',
        from_name: 'Pat Doe',
        is_interested: true,
        vendor_created_at: '2026-03-31T23:00:00-05:00',
      })
      await world.apply(read)
      expect(
        await world.rows('select event_type, source, business_date from email_events order by 1'),
      ).toEqual([
        { event_type: 'lead_interested', source: 'poll', business_date: '2026-03-31' },
        { event_type: 'lead_replied', source: 'poll', business_date: '2026-03-31' },
      ])
      await world.record(
        fact(A, 'lead_interested', 'reply:r7', '2026-04-01T12:00:00Z', {
          lead: { id: 5, email: 'Pat@Example.test', first_name: 'Patricia' },
        }),
      )
      expect(
        await world.rows('select metric_date, positive_replies_mtd as n from client_metrics order by 1'),
      ).toEqual([
        { metric_date: '2026-03-31', n: 0 },
        { metric_date: '2026-04-01', n: 1 },
      ])
      expect(
        await world.row('select lead_email, first_name, last_name, interested_at from client_leads'),
      ).toEqual({
        lead_email: 'pat@example.test',
        first_name: 'Patricia',
        last_name: 'Doe',
        interested_at: '2026-04-01 12:00:00+00',
      })
    })
  })

  it('takes whatever an event’s data is', async () => {
    await withWorld(async (world) => {
      const odd = jsonValue({ maxDepth: 3 })
      const texts = oneof(
        string({ unit: 'binary' }),
        constantFrom('\u0000', '\ud800', ' A@x.test ', '2026-02-30T99:00:00Z'),
      )
      const part = oneof(
        odd,
        record(
          {
            id: oneof(odd, integer()),
            email: oneof(odd, texts),
            custom_variables: odd,
            uuid: texts,
            date_received: texts,
            tags: odd,
          },
          { requiredKeys: [] },
        ),
      )
      const data = record({
        lead: part,
        reply: part,
        campaign: part,
        sender_email: part,
        workspace_name: oneof(odd, texts),
        instance_url: texts,
      })
      let n = 0
      await assert(
        asyncProperty(data, constantFrom('lead_interested', 'email_bounced', 'odd'), async (said, type) => {
          const one = fact(A, type, `n:${++n}`, '2026-03-05T15:00:00Z')
          await world.record({ ...one, data: said as JsonObject })
        }),
        { numRuns: 60 },
      )
      expect(await world.value('(select count(*) from email_events)')).toBe(n)
    })
  })
})
