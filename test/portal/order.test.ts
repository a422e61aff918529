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
import type { Observation } from '../../src/engine/observation.ts'
import type { Fact } from '../../src/sources/contract.ts'
import { accountOf, figuresOf, happened, type Mail } from './support/model.ts'
import { fact, reply, type World, withWorld, workspace } from './support/world.ts'

const ZONE = 'America/Chicago'
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
  return fact(scope, type, `reply:r${id}`, at, { lead: leads[id] ?? null })
}
const mailDraft = record({
  scope: constantFrom(...SCOPES),
  id: nat(6),
  at: constantFrom(...TIMES),
  leadId: option(integer({ min: 1, max: 3 }), { nil: null }),
  email: constantFrom(...EMAILS),
  interested: boolean(),
  type: constantFrom('Tracked Reply', 'Tracked Reply', 'Untracked Reply', 'Bounced', 'Outgoing Email'),
})

const toRow = (mail: Mail): Observation =>
  reply(mail.scope, mail.id, {
    bison_lead_id: mail.leadId,
    lead_email: mail.email,
    is_interested: mail.interested,
    reply_type: mail.type,
    vendor_created_at: mail.at,
  })

async function storedCounts(world: World): Promise<Map<string, number>> {
  const rows = await world.rows<{ cell: string; count: number }>(
    `select scope || '|' || business_date || '|' || event_type as cell, count from email_daily_counts`,
  )
  return new Map(rows.map(({ cell, count }) => [cell, count]))
}

const METRICS = `select scope, metric_date as day, emails_sent_today as "sentToday", emails_sent_mtd as sent,
  emails_sent_last_7_days as sent7, emails_sent_last_30_days as sent30, positive_replies_mtd as positive,
  positive_replies_last_14_days as positive14, positive_replies_last_month as "positiveLastMonth",
  all_replies_mtd as replies, opens_mtd as opens, bounced_mtd as bounced, unsubscribed_mtd as unsubscribed
  from client_metrics where metric_type = 'mtd' order by scope, metric_date`

const LEADS = `select scope, lead_email as email, pipeline_stage as stage,
  (extract(epoch from interested_at) * 1000)::float8 as "interestedAt",
  (extract(epoch from date_received) * 1000)::float8 as "receivedAt", first_name as "firstName",
  delivery_state as delivery from client_leads order by scope || lead_email collate "C"`

async function agrees(world: World, facts: readonly Fact[], mails: readonly Mail[]): Promise<void> {
  const { counts, leads } = accountOf(happened(facts, mails), ZONE)
  expect(await storedCounts(world), 'counts').toEqual(counts)
  const rows = await world.rows<{ scope: string; day: string }>(METRICS)
  const days = new Set([...counts.keys()].map((cell) => cell.split('|').slice(0, 2).join('|')))
  expect(new Set(rows.map(({ scope, day }) => `${scope}|${day}`)), 'days').toEqual(days)
  for (const { scope, day, ...figures } of rows) expect(figures, day).toEqual(figuresOf(counts, scope, day))
  expect(await world.rows(LEADS), 'leads').toEqual(leads)
}

describe('order', () => {
  it('any order, batching and repetition of events and polls end in the tables of an independent recount', async () => {
    await withWorld(async (world) => {
      const script = array(factDraft, { maxLength: 14 })
      const polls = array(mailDraft, { maxLength: 8 })
      await assert(
        asyncProperty(script, polls, infiniteStream(nat(1000)), async (drafts, drawn, chance) => {
          await world.clear()
          await world.apply(workspace('send/1', 'One'), workspace('dedi/2', 'Two'))
          const pick = (max: number): number => (chance.next().value ?? 0) % max
          // A mail has one state at the vendor: of several drafts of one id the last is it.
          const mails = [...new Map(drawn.map((mail) => [`${mail.scope}/${mail.id}`, mail])).values()]
          const facts = drafts.map(toFact)
          type Step = { readonly fact: Fact } | { readonly mail: Mail }
          const steps: Step[] = [...facts.map((one) => ({ fact: one })), ...mails.map((mail) => ({ mail }))]
          const again = steps.filter(() => pick(3) === 0)
          const shuffled = [...steps, ...again]
            .map((step) => ({ step, at: pick(1000) }))
            .sort((a, b) => a.at - b.at)
          for (let i = 0; i < shuffled.length;) {
            const batch = shuffled.slice(i, (i += 1 + pick(5))).map(({ step }) => step)
            await world.apply(...batch.flatMap((step) => ('mail' in step ? [toRow(step.mail)] : [])))
            await world.record(...batch.flatMap((step) => ('fact' in step ? [step.fact] : [])))
          }
          await agrees(world, facts, mails)
        }),
        { numRuns: 60 },
      )
    })
  })
})
