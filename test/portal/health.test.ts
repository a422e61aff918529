import { randomUUID } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { type InboxEvent, insertEvents } from '../support/inbox.ts'
import { type World, withWorld, workspace } from './support/world.ts'

const deliver = (
  world: World,
  scope: string,
  count: number,
  like: Partial<InboxEvent> = {},
): Promise<unknown> =>
  insertEvents(
    world.db,
    Array.from({ length: count }, () => ({
      app: 'portal',
      key: randomUUID(),
      type: 'email_sent',
      stream: scope,
      body: '{"a":1}',
      hoursAgo: 1,
      status: 'processed' as const,
      ...like,
    })),
  )

describe('webhook health', () => {
  it('counts a true day, tells webhooks from the log, and takes silence for nothing', async () => {
    await withWorld(async (world) => {
      const scopes = ['send/1', 'send/2', 'send/3', 'send/4', 'send/5']
      await world.apply(...scopes.map((scope, i) => workspace(scope, `W${i + 1}`)))
      await deliver(world, 'send/1', 99)
      await deliver(world, 'send/1', 1, { via: 'log' })
      await deliver(world, 'send/2', 90)
      await deliver(world, 'send/2', 10, { via: 'log' })
      await deliver(world, 'send/3', 9)
      await deliver(world, 'send/3', 1, { status: 'dead', error: 'bad' })
      await world.db.query(
        `update lockstep.inbox_events set received_at = now() - interval '25 hours' where stream = 'send/1' and id % 2 = 0`,
      )
      await world.db.query(`insert into lockstep.event_log_marks (app, scope, read_until, checked_at) values
        ('portal', 'send/4', now(), now()), ('portal', 'send/5', now(), now())`)
      await world.db.query(
        `insert into lockstep.webhook_watch (app, stream, healthy) values ('portal', 'send/5', false)`,
      )
      await world.db.query(`insert into lockstep.alerts (app, stream, condition, level, detail)
        values ('portal', 'send/5', 'webhooks', 'warning', 'x')`)
      expect(
        await world.rows(`select workspace_name as w, webhook_count_24h as webhooks, poll_count_24h as polls,
          success_rate_24h::float8 as rate, health_status as status, is_healthy as ok, last_alert_at is not null as alerted,
          last_error_message as error from webhook_health order by 1`),
      ).toEqual([
        { w: 'W1', webhooks: expect.any(Number), polls: expect.any(Number), rate: 100, status: 'healthy', ok: true, alerted: false, error: null },
        { w: 'W2', webhooks: 90, polls: 10, rate: 100, status: 'warning', ok: false, alerted: false, error: null },
        { w: 'W3', webhooks: 10, polls: 0, rate: 90, status: 'warning', ok: false, alerted: false, error: 'bad' },
        { w: 'W4', webhooks: 0, polls: 0, rate: 100, status: 'healthy', ok: true, alerted: false, error: null },
        { w: 'W5', webhooks: 0, polls: 0, rate: 100, status: 'critical', ok: false, alerted: true, error: null },
      ]) // prettier-ignore
      expect(
        await world.value(
          `(select webhook_count_24h + poll_count_24h from webhook_health where scope = 'send/1')`,
        ),
      ).toBe(50)
    })
  })

  it('shows deliveries and a summary under the names that are known', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace('send/1', 'Acme'))
      await deliver(world, 'send/1', 1)
      await deliver(world, 'send/7', 1, { status: 'dead', error: 'bad' })
      expect(
        await world.rows(`select workspace_name, event_type, payload, status, success, error_message from webhook_delivery_log order by id`),
      ).toEqual([
        { workspace_name: 'Acme', event_type: 'email_sent', payload: { a: 1 }, status: 'success', success: true, error_message: null },
        { workspace_name: null, event_type: 'email_sent', payload: { a: 1 }, status: 'failed', success: false, error_message: 'bad' },
      ]) // prettier-ignore
      expect(
        await world.rows(
          'select workspace_name, round(minutes_since_webhook) as minutes, health_status from data_health_summary',
        ),
      ).toEqual([{ workspace_name: 'Acme', minutes: '60', health_status: 'healthy' }])
    })
  })
})
