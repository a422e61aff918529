import { describe, expect, it } from 'vitest'
import { deliverDue } from '../../src/alerts/deliver.ts'
import type { SummaryFigures } from '../../src/apps/portal/summary/figures.ts'
import { tellSummary } from '../../src/apps/portal/summary/job.ts'
import { summaryMessage } from '../../src/apps/portal/summary/message.ts'
import { createSlack } from '../../src/sinks/slack/slack.ts'
import { toPayload } from '../../src/sinks/slack/payload.ts'
import { withSlackSim } from '../../sim/slack/with-sim.ts'
import { fact, mailbox, type World, withWorld, workspace } from './support/world.ts'

/** Eight in the morning, UTC: the agency's business day before is 2026-03-10. */
const NOW = new Date('2026-03-11T08:00:00Z')
const YESTERDAY = '2026-03-10T15:00:00Z'

const CLIENTS = [
  ['send/1', 'Acme', 100],
  ['send/2', 'Bolt', 50],
  ['send/3', 'Corp', 0],
] as const

/** Three clients of whom the ledger knows all since February; their replies were read, but for Corp's. */
async function fill(world: World): Promise<void> {
  await world.apply(...CLIENTS.map(([scope, name]) => workspace(scope, name)))
  for (const [scope, , goal] of CLIENTS)
    await world.db.query(
      'update client_registry set daily_sending_target = $2, monthly_kpi_target = 10 where scope = $1',
      [scope, goal],
    )
  await world.record(
    ...['send/1', 'send/2'].map((scope) => fact(scope, 'email_sent', 'mail:0', '2026-02-01T15:00:00Z')),
    ...Array.from({ length: 40 }, (_, i) => fact('send/1', 'email_sent', `mail:1${i}`, YESTERDAY)),
    ...Array.from({ length: 5 }, (_, i) =>
      fact('send/1', 'email_sent', `mail:2${i}`, '2026-03-02T15:00:00Z'),
    ),
    ...Array.from({ length: 3 }, (_, i) =>
      fact('send/1', 'lead_replied', `reply:r${i}`, YESTERDAY, { lead: { id: i, email: `l${i}@x.test` } }),
    ),
    fact('send/1', 'lead_interested', 'reply:r0', YESTERDAY, { lead: { id: 0, email: 'l0@x.test' } }),
  )
  await world.db.query(`insert into lockstep.freshness (app, stream, table_name, full_pass_at)
    select 'portal', s || '/replies', 'lead_replies', now() from unnest('{send/1,send/2}'::text[]) as s`)
  await world.db
    .query(`insert into vendor_metrics (scope, workspace_name, metric_date, period, emails_scheduled_today, polled_at)
    values ('send/1', 'Acme', '2026-03-11', 'mtd', 96, now())`)
}

interface Attachment {
  readonly title: string
  readonly color: string
  readonly text: string
  readonly fields: readonly { readonly title: string; readonly value: string }[]
}

/** The message as Slack shows it, by the titles of its fields. */
const shown = ({ title, color, text, fields }: Attachment) => ({
  title,
  color,
  text,
  fields: Object.fromEntries(fields.map((field) => [field.title, field.value])),
})

/** Tells the summary and delivers it; what Slack got. */
async function tell(world: World): Promise<ReturnType<typeof shown>[]> {
  return withSlackSim({}, async (slack) => {
    await tellSummary(world.db, NOW)
    await deliverDue(world.db, createSlack().notifiers({ summary: slack.hook('summary') }), {
      signal: AbortSignal.timeout(20_000),
      now: () => NOW.getTime() + 1_000,
    })
    return slack
      .messages('summary')
      .map(({ payload }) => shown((payload['attachments'] as Attachment[])[0] as Attachment))
  })
}

describe('the daily summary', () => {
  it('tells what the tables hold, and says what is unknown', async () => {
    await withWorld(async (world) => {
      await fill(world)
      await world.apply(mailbox('send/1', 1, { status: 'Disconnected' }))
      await world.db
        .query(`insert into system_health_checks (check_name, checked_at, severity, value, unit, detail, workspaces, figures) values
        ('webhook_delivery_rate', '2026-03-11T07:55Z', 'ok', 100, 'percent', '', '[]', '{"delivered":99,"missed":1}'),
        ('webhook_delivery_rate', '2026-03-10T23:55Z', 'ok', 90, 'percent', '', '[]', '{"delivered":90,"missed":10}'),
        ('webhook_delivery_rate', '2026-03-09T23:55Z', 'ok', 0, 'percent', '', '[]', '{"delivered":0,"missed":900}'),
        ('sync_lag', '2026-03-11T07:55Z', 'ok', 240, 'ms', '', '[]', '{}'),
        ('cache_hit_rate', '2026-03-11T07:55Z', 'ok', null, 'percent', '', '[]', '{"hits":0,"reads":0}'),
        ('data_consistency', '2026-03-11T07:50Z', 'ok', 100, 'percent', '', '[]', '{}'),
        ('data_consistency', '2026-03-11T07:55Z', 'warning', 97.5, 'percent', '', '[{"name":"Bolt"}]', '{}')`)
      await world.db.query(`insert into workspace_api_health values
        ('send/2', 'Bolt', 'failing', 4, 90, 4, now(), now(), 'HTTP 403', now())`)
      await world.db
        .query(`insert into lockstep.alerts (app, stream, condition, level, detail, closed_at) values
        ('portal', 'send/2', 'data_consistency', 'warning', 'x', null), ('portal', '', 'sync_lag', 'critical', 'x', null),
        ('portal', 'send/1', 'webhooks', 'critical', 'x', now()), ('other', '', 'y', 'critical', 'x', null)`)
      const [message] = await tell(world)
      expect(message).toEqual({
        title: '🔴 Daily summary of 2026-03-10',
        color: 'danger',
        text: '3 active clients.',
        fields: {
          'Mails yesterday': '40, and 1 client unknown',
          'Mails in March 2026': 'at least 45: of 1 client only a part is known',
          'Replies yesterday': '3, and 1 client unknown',
          'Replies in March 2026': '3, and 1 client unknown',
          'Leads yesterday': '1, and 1 client unknown',
          'Leads in March 2026': '1 of 30 (3 %), and 1 client unknown',
          'Scheduled today': '96 of 100 wanted (96 %); 1 client unknown; 1 client without a goal',
          'Webhooks, 24 h': '3 unknown; 94.5 % delivered',
          'Agrees with Email Bison': '97.5 %; beyond tolerance: Bolt',
          'Lag, p95': '240 ms',
          'Cache hits': 'unknown',
          Mailboxes: '1 disconnected, 3 workspaces not read for long',
          'Cannot be read': 'partial: Bolt',
          'Open alerts': '2, 1 of them critical: sync_lag, data_consistency of Bolt',
          Clients:
            '❔ Bolt: unknown of 50 today; 0 sent yesterday\n✅ Acme: 96 of 100 today; 40 sent yesterday',
        },
      })
    })
  })

  it('of an agency of which nothing is known yet says so, and no zero', async () => {
    await withWorld(async (world) => {
      await world.apply(workspace('send/1', 'Acme'))
      await world.db.query(`update client_registry set daily_sending_target = 10`)
      const [message] = await tell(world)
      expect(message?.fields).toMatchObject({
        'Mails yesterday': 'unknown',
        'Replies yesterday': 'unknown',
        'Leads yesterday': 'unknown',
        'Replies in March 2026': 'unknown',
        'Leads in March 2026': 'unknown',
        'Scheduled today': 'unknown',
        'Agrees with Email Bison': 'unknown',
        'Lag, p95': 'unknown',
        'Cache hits': 'unknown',
        'Webhooks, 24 h': '1 unknown; unknown delivered',
        Clients: '❔ Acme: unknown of 10 today; unknown sent yesterday',
      })
    })
  })

  it('is told once a day, however often and by however many it is fired', async () => {
    await withWorld(async (world) => {
      await fill(world)
      const first = await Promise.all([tellSummary(world.db, NOW), tellSummary(world.db, NOW)])
      expect(first.filter(Boolean)).toHaveLength(1)
      expect(await tellSummary(world.db, new Date('2026-03-11T11:50:00Z'))).toBe(false)
      expect(await tellSummary(world.db, new Date('2026-03-12T08:00:00Z'))).toBe(true)
      expect(await world.rows(`select purpose, dedupe_key from lockstep.notifications order by id`)).toEqual([
        { purpose: 'summary', dedupe_key: 'summary 2026-03-11' },
        { purpose: 'summary', dedupe_key: 'summary 2026-03-12' },
      ])
    })
  })

  it('on the first of a month speaks of the whole month before', async () => {
    await withWorld(async (world) => {
      await fill(world)
      await tellSummary(world.db, new Date('2026-04-01T08:00:00Z'))
      const [row] = await world.rows<{ body: { title: string; fields: { title: string; value: string }[] } }>(
        'select body from lockstep.notifications',
      )
      expect(row?.body.title).toBe('Daily summary of 2026-03-31')
      expect(row?.body.fields.find(({ title }) => title === 'Leads in March 2026')?.value).toMatch(
        /^1 of 30 \(3 %\)/,
      )
    })
  })
})

describe('the summary’s message', () => {
  const figures = (clients: number): SummaryFigures => ({
    today: '2026-03-11',
    yesterday: '2026-03-10',
    clients,
    mails: { value: 1_234_567, unknown: 0 },
    replies: { value: 1, unknown: 0 },
    leads: { value: 1, unknown: 0 },
    month: {
      name: 'March 2026',
      mails: { value: 1, unknown: 0 },
      replies: { value: 1, unknown: 0 },
      leads: { value: 1, unknown: 0 },
      leadTarget: 0,
    },
    lines: Array.from({ length: clients }, (_, i) => ({
      name: `Client ${String(i).padStart(3, '0')} of a Name that is Longer than Any <Real & Sane> One`,
      goal: 100_000,
      scheduledToday: i % 3 === 0 ? 100_000 : i % 3 === 1 ? 89_999 : null,
      sentYesterday: 123_456,
    })),
    withoutGoal: 0,
    webhooks: { healthy: ['a'], warning: [], critical: [], unknown: [] },
    deliveryPercent: 100,
    lagP95Ms: 1,
    cachePercent: 99,
    agreeingPercent: 100,
    drifting: [],
    mailboxes: [],
    unreadable: ['x'],
    alerts: [],
  })

  it.each([0, 1, 49])('has a line of each of %i clients, within what Slack shows', (clients) => {
    const { fields = [] } =
      toPayload(summaryMessage(figures(clients), NOW.toISOString())).attachments[0] ?? {}
    const lines = fields
      .filter(({ title }) => title.startsWith('Clients'))
      .flatMap(({ value }) => value.split('\n'))
    expect(lines).toHaveLength(clients)
    expect(new Set(lines.map((line) => /Client (\d+)/.exec(line)?.[1])).size).toBe(clients)
    expect(fields.length).toBeLessThanOrEqual(20)
    // What was cut by the sink ends so.
    for (const { value } of fields) expect(value).not.toMatch(/…$/)
    const marks = lines.map((line) => line.slice(0, 2).trim())
    expect(marks).toEqual(
      [...marks].sort((a, b) => '⚠❔✅'.indexOf(a[0] ?? '') - '⚠❔✅'.indexOf(b[0] ?? '')),
    )
  })

  it('cuts what is well where there are too many, and says how many more there are', () => {
    const message = summaryMessage(figures(200), NOW.toISOString())
    const lines = (message.fields ?? [])
      .filter(({ title }) => title.startsWith('Clients'))
      .flatMap(({ value }) => value.split('\n'))
    const [, more] = /^and (\d+) more$/.exec(lines.at(-1) ?? '') ?? []
    expect(lines.length - 1 + Number(more)).toBe(200)
    expect(message.fields?.length).toBe(20)
    for (const { value } of message.fields ?? []) expect(value.length).toBeLessThanOrEqual(1_000)
    expect(lines[0]).toMatch(/^⚠️/)
  })
})
