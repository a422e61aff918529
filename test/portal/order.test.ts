import {
  array,
  assert,
  asyncProperty,
  boolean,
  constantFrom,
  infiniteStream,
  integer,
  nat,
  option,
  record,
} from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseDelivery } from '../../src/sources/email-bison/parse.ts'
import type { Observation } from '../../src/engine/observation.ts'
import type { Fact } from '../../src/sources/contract.ts'
import { agrees } from './support/agrees.ts'
import type { Mail } from './support/model.ts'
import { fact, reply, row, withWorld, workspace } from './support/world.ts'

const SCOPES = ['send/1', 'dedi/2'] as const
/** Either side of a month's turn, of both changes of the clocks, and of midnight here and in UTC. */
const TIMES = [
  '2026-03-01T05:59:59Z', '2026-03-01T06:00:00Z', '2026-03-08T07:59:59Z', '2026-03-08T08:00:00Z',
  '2026-03-09T04:59:59Z', '2026-03-09T05:00:00Z', '2026-04-01T04:59:59Z', '2026-04-01T05:00:00Z',
  '2026-11-01T04:59:59Z', '2026-11-01T06:30:00Z', '2026-11-01T07:30:00Z', '2026-11-02T05:59:59Z',
  '2026-11-02T06:00:00Z', '2026-12-01T05:59:59Z', '2026-12-01T06:00:00Z',
] as const // prettier-ignore
const TYPES = [
  'email_sent', 'email_opened', 'lead_replied', 'lead_interested', 'email_bounced', 'lead_unsubscribed',
  'untracked_reply_received', 'something_new',
] as const // prettier-ignore
const EMAILS = ['a@x.test', 'b@x.test', 'c@x.test'] as const

const factDraft = record({
  scope: constantFrom(...SCOPES),
  type: constantFrom(...TYPES),
  id: nat(4),
  at: constantFrom(...TIMES),
})
/** What the event itself says never differs between its tellings; only when it was may. */
function toFact({ scope, type, id, at }: { scope: string; type: string; id: number; at: string }): Fact {
  const leads = [
    { id: 1, email: 'a@x.test', first_name: 'Ann' },
    { id: 1, email: 'b@x.test', first_name: '' },
    { id: 2, email: 'B@x.test', first_name: 'Bo' },
    { email: 'c@x.test', first_name: 'Cy' },
    { id: 3, email: 'c@x.test' },
  ]
  return fact(scope, type, `reply:r${id}`, at, {
    lead: leads[id] ?? null,
    reply: { automated_reply: id % 2 === 0 },
    campaign: { id: (id % 3) + 1 },
  })
}
const mailDraft = record({
  scope: constantFrom(...SCOPES),
  id: nat(6),
  at: constantFrom(...TIMES),
  leadId: option(integer({ min: 1, max: 3 }), { nil: null }),
  email: constantFrom(...EMAILS),
  interested: boolean(),
  type: constantFrom('Tracked Reply', 'Tracked Reply', 'Untracked Reply', 'Bounced', 'Outgoing Email'),
  automated: boolean(),
  campaignId: integer({ min: 1, max: 3 }),
})
const campaignDraft = record({
  scope: constantFrom(...SCOPES),
  id: integer({ min: 1, max: 3 }),
  countsAutomated: option(boolean(), { nil: null }),
})
type Campaign = { readonly scope: string; readonly id: number; readonly countsAutomated: boolean | null }
const campaignRow = ({ scope, id, countsAutomated }: Campaign): Observation =>
  row('campaigns', scope, id, { bison_campaign_id: id, include_auto_replies_in_stats: countsAutomated })

const toRow = (mail: Mail): Observation =>
  reply(mail.scope, mail.id, {
    bison_lead_id: mail.leadId,
    lead_email: mail.email,
    is_interested: mail.interested,
    reply_type: mail.type,
    vendor_created_at: mail.at,
    is_automated: mail.automated ?? null,
    bison_campaign_id: mail.campaignId ?? null,
  })

describe('order', () => {
  it('any order, batching and repetition of events and polls end in the tables of an independent recount', async () => {
    await withWorld(async (world) => {
      const script = array(factDraft, { maxLength: 14 })
      const polls = array(mailDraft, { maxLength: 8 })
      const runs = array(campaignDraft, { maxLength: 4 })
      await assert(
        asyncProperty(script, polls, runs, infiniteStream(nat(1000)), async (drafts, drawn, ran, chance) => {
          await world.clear()
          await world.apply(workspace('send/1', 'One'), workspace('dedi/2', 'Two'))
          const pick = (max: number): number => (chance.next().value ?? 0) % max
          // A mail has one state at the vendor: of several drafts of one id the last is it.
          const mails = [...new Map(drawn.map((mail) => [`${mail.scope}/${mail.id}`, mail])).values()]
          const facts = drafts.map(toFact)
          const campaigns = [...new Map(ran.map((one) => [`${one.scope}/${one.id}`, one])).values()]
          type Step = { readonly fact: Fact } | { readonly mail: Mail } | { readonly campaign: Campaign }
          const steps: Step[] = [
            ...facts.map((one) => ({ fact: one })),
            ...mails.map((mail) => ({ mail })),
            ...campaigns.map((campaign) => ({ campaign })),
          ]
          const again = steps.filter(() => pick(3) === 0)
          const shuffled = [...steps, ...again]
            .map((step) => ({ step, at: pick(1000) }))
            .sort((a, b) => a.at - b.at)
          for (let i = 0; i < shuffled.length;) {
            const batch = shuffled.slice(i, (i += 1 + pick(5))).map(({ step }) => step)
            await world.apply(
              ...batch.flatMap((step) => ('mail' in step ? [toRow(step.mail)] : [])),
              ...batch.flatMap((step) => ('campaign' in step ? [campaignRow(step.campaign)] : [])),
            )
            await world.record(...batch.flatMap((step) => ('fact' in step ? [step.fact] : [])))
          }
          const silent = campaigns.filter((one) => one.countsAutomated === false)
          await agrees(world, facts, mails, new Set(silent.map(({ scope, id }) => `${scope}/${id}`)))
        }),
        { numRuns: 60 },
      )
    })
  })

  it('batches that run side by side miss nothing of each other', async () => {
    await withWorld(async (world) => {
      const scopes = ['send/1', 'dedi/2', 'send/3'] as const
      const mails: Mail[] = scopes.flatMap((scope) =>
        [...Array(12).keys()].map((id) => ({
          scope,
          id,
          at: TIMES[id % TIMES.length] ?? TIMES[0],
          leadId: id % 4,
          email: `l${id % 4}@x.test`,
          interested: id % 3 === 0,
          type: 'Tracked Reply' as const,
        })),
      )
      const facts = mails.flatMap(({ scope, id, leadId, email }) => [
        fact(scope, 'email_sent', `mail:${id}`, TIMES[(id * 5) % TIMES.length] ?? TIMES[0]),
        fact(
          scope,
          id % 2 === 0 ? 'lead_replied' : 'lead_interested',
          `reply:r${id}`,
          TIMES[(id * 7) % TIMES.length] ?? TIMES[0],
          {
            lead: { id: leadId, email, first_name: `N${id}` },
          },
        ),
      ])
      const parts = [0, 1, 2, 3, 4, 5]
      await Promise.all([
        world.apply(workspace('send/1', 'One'), workspace('dedi/2', 'Two')),
        ...parts.map((part) => world.apply(...mails.filter((_, i) => i % 6 === part).map(toRow))),
        ...parts.map((part) => world.record(...facts.filter((_, i) => i % 6 === part))),
        ...parts.map((part) => world.record(...facts.filter((_, i) => i % 5 === part))),
      ])
      await world.apply(workspace('send/3', 'Three'))
      await agrees(world, facts, mails)
      expect(await world.rows('select distinct workspace_name as name from lead_replies order by 1')).toEqual(
        [{ name: 'One' }, { name: 'Three' }, { name: 'Two' }],
      )
    })
  })

  it('an event of the source’s and the reply that a poll reads are one, by the key that both make', async () => {
    await withWorld(async (world) => {
      const payload = {
        event: { type: 'LEAD_REPLIED', instance_url: 'https://send.test', workspace_id: 1, workspace_name: ' One ' },
        data: {
          reply: {
            id: 7, uuid: 'abc-7', type: 'Tracked Reply', folder: 'Inbox', from_email_address: 'A@x.test',
            date_received: '2026-03-05T10:00:00.000000Z', created_at: '2026-03-05T10:00:05.000000Z',
            updated_at: '2026-03-05T10:00:05.000000Z', interested: false,
          },
          lead: { id: 1, email: 'a@x.test', first_name: 'Ann' },
          campaign: { id: 2 }, sender_email: { id: 3 }, scheduled_email: { id: 4 },
        },
      } // prettier-ignore
      const parsed = parseDelivery(
        { n: 1, receivedAt: Date.parse('2026-03-05T10:00:06Z') * 1000, payload },
        () => 'send',
        () => ({ senders: 'send/1/sender-emails', replies: 'send/1/replies' }),
      )
      await world.apply(...parsed.observations)
      await world.record(...(parsed.facts ?? []))
      expect(await world.rows('select event_key, source, reply_id, at from email_events')).toEqual([
        {
          event_key: 'send/1/lead_replied/reply:abc-7',
          source: 'event',
          reply_id: 'abc-7',
          at: '2026-03-05 10:00:05+00',
        },
      ])
      expect(await world.row('select workspace_name, first_name, date_received from client_leads')).toEqual({
        workspace_name: 'One',
        first_name: 'Ann',
        date_received: '2026-03-05 10:00:00+00',
      })
    })
  })
})
