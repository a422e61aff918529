import { expect, test } from 'vitest'
import { EVENT_TYPES } from './index.ts'
import type { BisonInstance, EmailBisonSim } from './sim.ts'
import { ask, dataOf, type Receiver, SMALL, withEmailBisonSim, withReceiver } from './with-sim.ts'

const NOW = Date.UTC(2026, 10, 18, 16)
const ALL = EVENT_TYPES.map(({ id }) => id)

function withBoth(
  options: Parameters<typeof withEmailBisonSim>[0],
  run: (sim: EmailBisonSim, receiver: Receiver, workspaceId: number) => Promise<void>,
): Promise<void> {
  return withReceiver((receiver) =>
    withEmailBisonSim({ ...SMALL, clock: { now: () => NOW }, ...options }, async (sim) => {
      await subscribe(sim, receiver.url)
      await run(sim, receiver, sim.world.workspaces[0]?.id ?? 0)
    }),
  )
}

function subscribe(sim: BisonInstance, url: string, events: readonly string[] = ALL, token = sim.token) {
  return dataOf<{ id: number }>(sim, 'POST /api/webhook-url', {
    token,
    body: { name: 'lockstep', url, events },
  })
}

test('webhooks are made, listed, changed and removed', async () => {
  await withEmailBisonSim(SMALL, async (sim) => {
    const body = { name: 'a', url: 'https://hooks.test/a', events: ['email_sent'] }
    const made = await ask(sim, 'POST /api/webhook-url', { body })
    expect(made).toMatchObject({ status: 201, body: { data: body } })
    const { id } = (made.body as { data: { id: number } }).data
    const changed = { ...body, events: ['email_sent', 'lead_replied'] }
    expect(await dataOf(sim, `PUT /api/webhook-url/${id}`, { body: changed })).toMatchObject(changed)
    expect(await dataOf(sim, 'GET /api/webhook-url')).toMatchObject([{ id, ...changed }])
    const bad = { ...body, events: ['EMAIL_SENT'] }
    expect(await ask(sim, 'POST /api/webhook-url', { body: bad })).toMatchObject({
      status: 422,
      body: { errors: { 'events.0': ['The selected events.0 is invalid.'] } },
    })
    await dataOf(sim, `DELETE /api/webhook-url/${id}`)
    expect(await dataOf(sim, 'GET /api/webhook-url')).toEqual([])
    expect(await dataOf(sim, 'GET /api/webhook-events/event-types')).toHaveLength(17)
  })
})

test('every type is announced, with the parts that it has', async () => {
  await withBoth({}, async (sim, { received }, id) => {
    const email = sim.act.sendEmail(id).id
    sim.act.open(id, { email })
    const reply = sim.act.reply(id, { email, interested: true })
    sim.act.manualSend(id, { reply: reply.id })
    sim.act.bounce(id, { email: sim.act.sendEmail(id, { step: 2 }).id })
    sim.act.unsubscribe(id, { email })
    sim.act.reply(id, { untracked: true })
    sim.act.warmupDisabled(id)
    sim.act.warmupDisabled(id, { cause: 'causing' })
    const { id: sender } = sim.act.accountAdded(id)
    sim.act.tagAttached(id, { tag: 'Interested', sender })
    sim.act.tagRemoved(id, { tag: 'Interested', sender })
    sim.act.accountDisconnected(id, { sender })
    sim.act.accountReconnected(id, { sender })
    sim.act.accountRemoved(id, { sender })
    sim.act.unknownType(id)
    await sim.deliverDue()
    expect(new Set(received.map(({ type }) => type))).toEqual(new Set(ALL.map((each) => each.toUpperCase())))
    const keys = (type: string): string[] =>
      Object.keys(received.find((each) => each.type === type)?.body.data ?? {}).sort()
    const mail = ['campaign', 'campaign_event', 'lead', 'scheduled_email', 'sender_email']
    for (const type of ['EMAIL_SENT', 'LEAD_FIRST_CONTACTED', 'EMAIL_OPENED', 'LEAD_UNSUBSCRIBED'])
      expect(keys(type)).toEqual(mail)
    for (const type of ['LEAD_REPLIED', 'LEAD_INTERESTED', 'EMAIL_BOUNCED'])
      expect(keys(type)).toEqual([...mail.slice(0, 3), 'reply', ...mail.slice(3)])
    expect(keys('MANUAL_EMAIL_SENT')).toEqual([
      'campaign',
      'lead',
      'reply',
      'scheduled_email',
      'sender_email',
    ])
    expect(keys('UNTRACKED_REPLY_RECEIVED')).toEqual(['reply', 'sender_email'])
    expect(keys('EMAIL_ACCOUNT_DISCONNECTED')).toEqual(['sender_email'])
    expect(keys('TAG_ATTACHED')).toEqual(['tag_id', 'tag_name', 'taggable_id', 'taggable_type'])
    expect(received.map(({ body }) => Object.keys(body).sort())).toEqual(
      received.map(() => ['data', 'event']),
    )
  })
})

test('a delivery names its workspace as typed, its status in lower case, its reply by another field', async () => {
  await withBoth({}, async (sim, { received }, id) => {
    sim.act.renameWorkspace(id, { name: 'Harbor Group ' })
    sim.act.reply(id)
    await sim.deliverDue()
    const replied = received.find(({ type }) => type === 'LEAD_REPLIED')
    expect(replied?.body.event).toEqual({
      type: 'LEAD_REPLIED',
      name: 'Contact Replied',
      instance_url: sim.url,
      workspace_id: id,
      workspace_name: 'Harbor Group ',
    })
    expect(replied?.body.data).toMatchObject({
      reply: { email_subject: expect.stringMatching(/^Re: /), automated_reply: false },
      sender_email: { status: 'connected' },
      campaign_event: { type: 'replied' },
    })
    expect(replied?.text).not.toContain('"subject"')
  })
})

test('a bounce comes from a mailer-daemon and leaves the mail `sent`; the list says `bounced`', async () => {
  await withBoth({}, async (sim, { received }, id) => {
    const email = sim.act.sendEmail(id)
    sim.act.bounce(id, { email: email.id })
    await sim.deliverDue()
    expect(received.find(({ type }) => type === 'EMAIL_BOUNCED')?.body.data).toMatchObject({
      scheduled_email: { id: email.id, status: 'sent' },
      campaign_event: { type: 'bounce' },
      reply: { type: 'Bounced', folder: 'Bounced', automated_reply: true },
    })
    expect(await dataOf(sim, `GET /api/scheduled-emails/${email.id}`)).toMatchObject({ status: 'bounced' })
  })
})

test('only the workspace and the types that were asked for are delivered, in the case of the installation', async () => {
  await withReceiver((receiver) =>
    withEmailBisonSim({ ...SMALL, settings: { eventCase: 'lower' } }, async (sim) => {
      const [one, two] = sim.world.workspaces
      await subscribe(sim, receiver.url, ['email_sent'], sim.workspaceToken(one?.id ?? 0))
      sim.act.sendEmail(one?.id ?? 0)
      sim.act.sendEmail(two?.id ?? 0)
      await sim.deliverDue()
      expect(receiver.received.map(({ type }) => type)).toEqual(['email_sent'])
      expect(sim.world.events.map(({ type }) => type)).toContain('EMAIL_SENT')
    }),
  )
})

test('samples have the shape of their type, and a test event leaves no trace', async () => {
  await withReceiver((receiver) =>
    withEmailBisonSim(SMALL, async (sim) => {
      const sample = await dataOf<{ event: { type: string }; data: object }>(
        sim,
        'GET /api/webhook-events/sample-payload?event_type=lead_replied',
      )
      expect(sample.event.type).toBe('LEAD_REPLIED')
      expect(Object.keys(sample.data)).toContain('reply')
      const body = { event_type: 'email_sent', url: receiver.url }
      expect(await dataOf(sim, 'POST /api/webhook-events/test-event', { body })).toMatchObject({
        success: true,
      })
      expect(receiver.received.map(({ type }) => type)).toEqual(['EMAIL_SENT'])
      expect(sim.world.events).toEqual([])
    }),
  )
})

test('an answer through the API is queued, then sent and announced; a stale mailbox is refused', async () => {
  await withBoth({}, async (sim, { received }, id) => {
    const reply = sim.act.reply(id)
    const path = `POST /api/replies/${reply.id}/reply`
    const body = { message: 'We will call.', content_type: 'html', sender_email_id: reply.sender.id }
    expect(await dataOf(sim, path, { body })).toMatchObject({ success: true })
    expect(sim.world.events.some(({ type }) => type === 'MANUAL_EMAIL_SENT')).toBe(false)
    await sim.deliverDue()
    expect(received.map(({ type }) => type)).toContain('MANUAL_EMAIL_SENT')
    const thread = await dataOf<{ newer_messages: { type: string; text_body: string }[] }>(
      sim,
      `GET /api/replies/${reply.id}/conversation-thread`,
    )
    expect(thread.newer_messages).toMatchObject([
      { type: 'Outgoing Email', folder: 'Sent', text_body: 'We will call.' },
    ])
    sim.act.accountDisconnected(id, { sender: reply.sender.id })
    expect((await ask(sim, path, { body })).status).toBe(422)
    expect((await ask(sim, path, { body: { message: 'x' } })).status).toBe(422)
  })
})
