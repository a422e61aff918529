import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { openAlerts } from '../../src/alerts/alerts.ts'
import { checkEventLog } from '../../src/inbox/event-log.ts'
import { pathSecretOf } from '../../src/sources/email-bison/door.ts'
import { EVENT_TYPES } from '../../src/sources/email-bison/parse.ts'
import { SMALL } from '../../sim/email-bison/with-sim.ts'
import { withSlackSim } from '../../sim/slack/with-sim.ts'
import { until } from '../support/node.ts'
import { type MailNode, withMailNode } from './mail-node.ts'
import { WEBHOOK_SECRET } from './mail-app.ts'

interface FactRow {
  key: string
  type: string
  scope: string
  told: number
  data: Readonly<Record<string, unknown>>
}

const factsOf = async ({ db }: MailNode): Promise<FactRow[]> =>
  (await db.query<FactRow>('select key, type, scope, told, data from facts order by at, key')).rows

const QUICK = { watchTimes: { graceMs: 400, lookMs: 100, logMs: 200, pollMs: 200, registerMs: 600_000 } }

/** One of each that can be subscribed to, and one that cannot. */
function everything({ sim }: MailNode): number {
  const [workspace] = sim.world.workspaces.values()
  if (workspace === undefined) throw new Error('no workspace')
  const { id } = workspace
  const { act } = sim
  act.sendEmail(id)
  act.open(id, {})
  const reply = act.reply(id, { interested: true })
  act.reply(id, { untracked: true })
  act.manualSend(id, { reply: reply.id })
  act.bounce(id)
  act.unsubscribe(id)
  act.accountAdded(id, {})
  act.accountDisconnected(id)
  act.accountReconnected(id)
  act.accountRemoved(id)
  act.warmupDisabled(id, { cause: 'receiving' })
  act.warmupDisabled(id, { cause: 'causing' })
  const tagging = { sender: workspace.senders[0]?.id ?? 0, tag: workspace.tags[0]?.id ?? 0 }
  act.tagAttached(id, tagging)
  act.tagRemoved(id, tagging)
  act.unknownType(id, {})
  return id
}

/** Waits until the facts are those that the vendor knows of, each once. */
async function untilAllFacts(run: MailNode): Promise<FactRow[]> {
  const types = (list: readonly { readonly type: string }[]): string =>
    list
      .map(({ type }) => type.toLowerCase())
      .sort()
      .join(' ')
  return until(
    'every event of the vendor is a fact',
    () => factsOf(run),
    (facts) => types(facts) === types([...run.sim.truth.events()]),
  )
}

describe('webhooks', () => {
  it('every type becomes one fact; one that nobody can subscribe to is kept and counted too', async () => {
    await withMailNode(async (run) => {
      everything(run)
      const facts = await untilAllFacts(run)
      const types = new Set(facts.map(({ type }) => type))
      for (const type of EVENT_TYPES) expect(types).toContain(type)
      const { rows } = await run.db.query<{ outcome: string; note: string }>(
        `select outcome, error as note from lockstep.inbox where event_type = 'email_send_failed'`,
      )
      expect(rows).toEqual([{ outcome: 'unknown', note: expect.stringMatching(/kept and counted/) }])
      for (const { data } of facts) expect(data['workspace_name']).toBe(String(data['workspace_name']).trim())
    }, QUICK)
  })

  it('delivered five times, with other key orders and in any order, each counts once', async () => {
    await withMailNode(async (run) => {
      Object.assign(run.sim.faults.webhook, {
        redeliverRate: 1,
        duplicateRate: 0.5,
        reorderMs: 300,
        shuffleKeys: true,
      })
      const [workspace] = run.sim.world.workspaces.values()
      const id = workspace?.id ?? 0
      for (let i = 0; i < 10; i++) run.sim.act.reply(id, { interested: i % 2 === 0 })
      for (let i = 0; i < 10; i++) run.sim.act.sendEmail(id)
      await untilAllFacts(run)
      const { rows } = await run.db.query<{ events: number; deliveries: number }>(
        'select count(*)::int as events, sum(deliveries)::int as deliveries from lockstep.inbox',
      )
      expect(rows[0]?.deliveries).toBeGreaterThan(rows[0]?.events ?? 0)
      expect((await factsOf(run)).every(({ told }) => told === 1)).toBe(true)
    })
  })

  it('a wrong secret, that of another workspace and an unknown path are refused, and nothing is kept', async () => {
    await withMailNode(async ({ sim, db, url }) => {
      const [one, other] = [...sim.world.workspaces.values()]
      const body = JSON.stringify({
        event: { type: 'EMAIL_SENT', instance_url: sim.url, workspace_id: one?.id, workspace_name: 'x' },
        data: { scheduled_email: { id: 1 } },
      })
      const post = async (secret: string, text = body): Promise<number> =>
        (await fetch(`${url}/webhooks/mail${secret}`, { method: 'POST', body: text })).status
      const right = `/${pathSecretOf(`send/${one?.id}`, WEBHOOK_SECRET)}`
      expect(await post('')).toBe(401)
      expect(await post('/guess')).toBe(401)
      expect(await post(`${right}x`)).toBe(401)
      expect(await post(`/${pathSecretOf(`send/${one?.id}`, 'another')}`)).toBe(401)
      expect(await post(`/${pathSecretOf(`send/${other?.id}`, WEBHOOK_SECRET)}`)).toBe(401)
      expect(await post(right, '{')).toBe(400)
      expect((await db.query('select from lockstep.inbox')).rowCount).toBe(0)
      expect(await post(right)).toBe(200)
      expect((await db.query('select from lockstep.inbox')).rowCount).toBe(1)
    })
  })

  it('are registered once a workspace, listed as ours, and removed with nobody else’s', async () => {
    await withMailNode(async ({ pipeline, sim, hook }) => {
      const signal = AbortSignal.timeout(20_000)
      const [workspace] = sim.world.workspaces.values()
      const again = await pipeline.source.webhooks.register(hook, signal)
      expect(again.map(({ action }) => action)).toEqual(['kept', 'kept'])
      const foreign = await fetch(`${sim.url}/api/webhook-url`, {
        method: 'POST',
        headers: {
          authorization: `Bearer ${sim.workspaceToken(workspace?.id ?? 0)}`,
          'content-type': 'application/json',
        },
        body: JSON.stringify({ name: 'Other', url: 'https://other.example/hook', events: ['email_sent'] }),
      })
      expect(foreign.status).toBeLessThan(300)
      const listed = await pipeline.source.webhooks.list(signal)
      expect(listed.filter(({ ours }) => ours)).toHaveLength(2)
      expect(listed).toHaveLength(3)
      const removed = await pipeline.source.webhooks.remove(signal)
      expect(removed.map(({ action }) => action)).toEqual(['removed', 'removed'])
      expect((await pipeline.source.webhooks.list(signal)).map(({ ours }) => ours)).toEqual([false])
    })
  })

  it('an account that is lost and found again is seen at once', async () => {
    await withMailNode(async (run) => {
      const [workspace] = run.sim.world.workspaces.values()
      const [sender] = [...(workspace?.senders.values() ?? [])].filter(({ status }) =>
        /^connected$/i.test(status),
      )
      if (workspace === undefined || sender === undefined) throw new Error('no mailbox')
      const key = `send/${workspace.id}/${sender.id}`
      const look = async (): Promise<string | undefined> => {
        const { rows } = await run.db.query<{ status: string }>(
          'select status from mail.sender_emails_cache where bison_key = $1',
          [key],
        )
        return rows[0]?.status
      }
      run.sim.act.accountDisconnected(workspace.id, { sender: sender.id })
      await until('a disconnected account', look, (seen) => seen === 'Disconnected')
      run.sim.act.accountReconnected(workspace.id, { sender: sender.id })
      await until('a connected account', look, (seen) => seen === 'Connected')
    })
  })
})

describe('the vendor’s own record of its events', () => {
  it('webhooks off: what was told to nobody is taken from there, an alert says so, and it ends by itself', async () => {
    await withSlackSim({}, (slack) =>
      withMailNode(
        async (run) => {
          const { sim, db } = run
          const [workspace] = sim.world.workspaces.values()
          const id = workspace?.id ?? 0
          sim.act.sendEmail(id)
          await untilAllFacts(run)
          sim.faults.webhook.off = true
          for (let i = 0; i < 12; i++) sim.act.reply(id, { interested: i < 3 })
          await untilAllFacts(run)
          const [alert] = await until(
            'an alert',
            () => openAlerts(db, 'mail'),
            (open) => open.length > 0,
          )
          expect(alert).toMatchObject({ stream: `send/${id}`, condition: 'webhooks' })
          expect(alert?.detail).toMatch(/did not arrive/)
          const [told] = await until(
            'a message in Slack',
            () => Promise.resolve(slack.messages('alerts')),
            (messages) => messages.length > 0,
          )
          expect(JSON.stringify(told)).toMatch(/did not arrive/)
          sim.faults.webhook.off = false
          await until(
            'webhooks that are well again',
            async () => {
              sim.act.sendEmail(id)
              await sleep(300)
              return openAlerts(db, 'mail')
            },
            (open) => open.length === 0,
          )
          await untilAllFacts(run)
          expect((await factsOf(run)).every(({ told }) => told === 1)).toBe(true)
          const { rows } = await db.query<{ via: string; n: number }>(
            'select via, count(*)::int as n from lockstep.inbox group by 1 order by 1',
          )
          expect(rows.find(({ via }) => via === 'log')?.n).toBeGreaterThanOrEqual(12)
        },
        { ...QUICK, slack: { alerts: slack.hook('alerts') } },
      ),
    )
  })

  it('ten days of it are read day by day, and what webhooks brought is left as it is', async () => {
    await withMailNode(
      async (run) => {
        const { db, pipeline, sim } = run
        const [workspace] = sim.world.workspaces.values()
        const scope = `send/${workspace?.id}`
        const options = { signal: AbortSignal.timeout(30_000), nowMs: Date.now(), graceMs: 0 }
        const first = await checkEventLog(db, pipeline, scope, options)
        const since = Date.now() - (pipeline.source.eventLog?.keptMs ?? 0)
        const theirs = [...sim.truth.events({ workspaceId: workspace?.id ?? 0 })].filter(
          ({ at }) => at >= since,
        )
        expect(first?.filled).toBe(theirs.length)
        expect(theirs.length).toBeGreaterThan(50)
        const second = await checkEventLog(db, pipeline, scope, options)
        expect(second).toMatchObject({ filled: 0 })
      },
      { register: false, role: 'ingest', sim: { ...SMALL, historyDays: 12 } },
    )
  })
})
