import { describe, expect, it } from 'vitest'
import { NO_NODE } from '../support/node.ts'
import { app, gone, mailbox, type World, withWorld, workspace } from './support/world.ts'

const A = 'send/1'

describe('mailboxes', () => {
  it('take provider, reseller and price from their tags, in the order that counts', async () => {
    await withWorld(async (world) => {
      const of = async (...tags: string[]): Promise<unknown[]> => {
        await world.apply(mailbox(A, 1, { tags }))
        const r =
          await world.row(`select email_provider, reseller, price, volume_per_account, pricing_needs_review
          from sender_emails_cache`)
        return Object.values(r)
      }
      expect(await of()).toEqual(['Unknown', 'Unknown', '0', 15, false])
      expect(await of('CheapInboxes', 'google')).toEqual(['Google', 'CheapInboxes', '3.00', 20, false])
      expect(await of('my inbox', 'Outlook')).toEqual(['Outlook', 'Inbox', '0', 20, true])
      expect(await of('Mailr 2')).toEqual(['Unknown', 'Mailr', '0.91', 495, false])
      expect(await of('ScaledMail', 'Microsoft')).toEqual(['Microsoft', 'ScaledMail', '50.0000', 5, false])
      expect(await of('Yahoo', 'Gmail')).toEqual(['Yahoo', 'Unknown', '0', 15, true])
      await world.db.query('update sender_emails_cache set price_override = 7, volume_override = 9')
      expect(await of('Yahoo')).toEqual(['Yahoo', 'Unknown', '7', 9, false])
    })
  })

  it('share the price of their domain, whatever pages and workspaces they come in, and when some go', async () => {
    await withWorld(async (world) => {
      const on = (scope: string, id: number) =>
        mailbox(scope, id, { email_address: `m${id}@big.test`, tags: ['ScaledMail'] })
      const prices = async (): Promise<unknown[]> =>
        (
          await world.rows(
            'select distinct price::float8 as p, volume_per_account as v from sender_emails_cache',
          )
        ).map((r) => Object.values(r))
      for (let page = 0; page < 3; page++)
        await world.apply(...[...Array(10).keys()].map((i) => on(A, page * 10 + i)))
      expect(await prices()).toEqual([[1.6667, 8]])
      await world.apply(...[...Array(20).keys()].map((i) => on('send/2', 100 + i)), on('send/2', 1))
      expect(await prices(), 'one address in two workspaces is one mailbox').toEqual([[1, 5]])
      await world.apply(...[...Array(26).keys()].map((i) => gone('sender_emails_cache', `${A}/${i}`)))
      expect(await prices()).toEqual([[2, 8]])
    })
  })

  it('show the rate of unique replies, and count those that are not connected', async () => {
    await withWorld(async (world) => {
      const status = ['Connected', 'Connected', 'Disconnected', 'Failed', 'Not connected', 'Odd']
      await world.apply(
        ...status.map((each, i) =>
          mailbox(A, i, {
            status: each,
            emails_sent_count: i * 300,
            unique_replied_count: 1,
            total_replied_count: 4,
          }),
        ),
        mailbox('send/2', 0, { status: 'Connected' }),
        mailbox('dedi/2', 0, { status: 'Connected' }),
      )
      expect(
        await world.rows(
          'select reply_rate_percentage::float8 as r from sender_emails_cache where bison_account_id < 2 order by bison_key',
        ),
      ).toEqual([{ r: 0 }, { r: 0 }, { r: 0.33 }, { r: 0 }])
      expect(await world.row('select * from get_account_status_stats()')).toEqual({
        total: 7,
        connected: 3,
        disconnected: 1,
        failed: 1,
        not_connected: 1,
        other: 1,
        disconnect_rate: '42.86',
      })
    })
  })

  it('break the rules of health by all their replies, case of the status aside', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Acme'))
      const of = (id: number, status: string, sent: number, replied: number, bounced = 0) =>
        mailbox(A, id, {
          status,
          emails_sent_count: sent,
          total_replied_count: replied,
          bounced_count: bounced,
        })
      await world.apply(
        of(1, 'disconnected', 10, 1),
        of(2, 'Connected', 250, 0),
        of(3, 'Connected', 1000, 4, 60),
        of(4, 'Connected', 100, 0),
        ...[...Array(11).keys()].map((i) => of(10 + i, 'Connected', 100, 1)),
        ...[...Array(20).keys()].map((i) => of(30 + i, 'Connected', 0, 0)),
      )
      const alerts = await world.rows(
        'select workspace_name as w, rule, level, mailboxes as n from portal_mailbox_alerts()',
      )
      expect(alerts.filter(({ w }) => w === 'Acme').map(({ rule, level, n }) => [rule, level, n])).toEqual([
        ['disconnected', 'critical', 1],
        ['burnt', 'critical', 1],
        ['high_bounce', 'warning', 1],
        ['stale', 'critical', 1],
        ['zero_reply', 'warning', 2],
        ['low_reply', 'warning', 12],
      ])
      expect(alerts.filter(({ w }) => w === null)).toHaveLength(5)
    })
  })

  it('say what a client can send, and which providers answer', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace(A, 'Acme'), workspace('send/2', 'Bolt'), workspace('send/3', 'Corp'))
      await world.db.query(
        `update client_registry set daily_sending_target = 9 where workspace_name = 'Bolt'`,
      )
      await world.apply(
        mailbox(A, 1, { tags: ['Google'], daily_limit: 8, emails_sent_count: 100, total_replied_count: 3 }),
        mailbox(A, 2, { tags: ['Google', 'Zapmail'], daily_limit: 8, emails_sent_count: 20 }),
        mailbox('send/2', 3, { tags: ['Outlook'], daily_limit: 4 }),
      )
      const rows = await world.rows('select * from portal_mailbox_capacity()')
      expect(
        rows.map((r) => [
          r['workspace_name'],
          r['capacity'],
          r['available'],
          r['shortfall'],
          r['zero_reply_percentage'],
        ]),
      ).toEqual([
        ['Acme', 40, 16, 0, '50.00'],
        ['Bolt', 20, 4, 5, '100.00'],
        ['Corp', 0, 0, 0, null],
      ])
      expect(
        await world.rows('select dimension, name, reply_rate::float8 as rate from portal_provider_rates()'),
      ).toEqual([
        { dimension: 'provider', name: 'Google', rate: 3 },
        { dimension: 'reseller', name: 'Unknown', rate: 3 },
      ])
    })
  })
})

describe('providers', () => {
  const day = async (
    world: World,
    date: string,
    counters: readonly (readonly [number, number])[],
  ): Promise<void> => {
    await world.apply(
      ...counters.map(([sent, replied], i) =>
        mailbox(A, i, {
          tags: ['Google'],
          emails_sent_count: sent,
          unique_replied_count: replied,
          total_replied_count: replied,
        }),
      ),
    )
    await world.db.query('select snapshot_providers($1)', [date])
  }
  const drops = (world: World): Promise<unknown[]> =>
    world.rows(`select email_provider, previous_rate::float8 as was, current_rate::float8 as is_now,
      drop_percentage::float8 as fell from check_provider_reply_rate_drop()`)

  it('drop by what a day brought: lifetime counters would hide it', async () => {
    await withWorld(async (world) => {
      await day(world, '2026-03-01', [[100_000, 2_000], [50_000, 1_000]]) // prettier-ignore
      await day(world, '2026-03-02', [[100_500, 2_010], [50_500, 1_010]]) // prettier-ignore
      expect(await drops(world)).toEqual([])
      await day(world, '2026-03-03', [[101_000, 2_013], [51_000, 1_012]]) // prettier-ignore
      expect(await drops(world)).toEqual([{ email_provider: 'Google', was: 2, is_now: 0.5, fell: 75 }])
      await world.db.query(`select snapshot_providers('2026-03-03')`)
      expect(await drops(world), 'the same day again').toHaveLength(1)
    })
  })

  it('are not moved by mailboxes that come, go, or begin anew', async () => {
    await withWorld(async (world) => {
      await day(world, '2026-03-01', [[10_000, 200], [10_000, 200]]) // prettier-ignore
      await day(world, '2026-03-02', [[10_500, 210], [10_500, 210]]) // prettier-ignore
      await world.apply(gone('sender_emails_cache', `${A}/1`))
      await day(world, '2026-03-03', [[11_000, 220]])
      await world.apply(
        mailbox(A, 2, { tags: ['Google'], emails_sent_count: 90_000, unique_replied_count: 0 }),
      )
      await day(world, '2026-03-04', [[11_500, 230]])
      expect(await drops(world)).toEqual([])
      expect(
        await world.rows(
          'select sent_delta, unique_replies_delta as replies from provider_performance_history order by snapshot_date',
        ),
      ).toEqual([
        { sent_delta: null, replies: null },
        { sent_delta: 1000, replies: 20 },
        { sent_delta: 500, replies: 10 },
        { sent_delta: 500, replies: 10 },
      ])
    })
  })

  it('go under the names that the agency gives them, in the daily job too', async () => {
    await withWorld(async (world) => {
      await world.db.query(`insert into portal.provider_groups values ('Gmail', 'Google')`)
      await world.apply(
        mailbox(A, 1, { tags: ['Gmail'], daily_limit: 15 }),
        mailbox(A, 2, { tags: ['Google'], daily_limit: 5 }),
      )
      const job = app.jobs?.find(({ name }) => name === 'portal-snapshot-providers')
      await job?.run(world.db, new Date('2026-03-05T05:30:00Z'), NO_NODE)
      expect(
        await world.rows(`select email_provider, snapshot_date, total_accounts, utilization_percentage::float8 as used
          from provider_performance_history`),
      ).toEqual([{ email_provider: 'Google', snapshot_date: '2026-03-04', total_accounts: 2, used: 50 }])
    })
  })
})
