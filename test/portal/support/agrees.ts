import { expect } from 'vitest'
import type { Fact } from '../../../src/sources/contract.ts'
import { accountOf, figuresOf, happened, type Mail } from './model.ts'
import type { World } from './world.ts'

const ZONE = 'America/Chicago'

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

/** The tables are what an independent recount of all that was told and read makes them. */
export async function agrees(
  world: World,
  facts: readonly Fact[],
  mails: readonly Mail[],
  silent?: ReadonlySet<string>,
): Promise<void> {
  const { counts, leads } = accountOf(happened(facts, mails), ZONE, silent)
  expect(await storedCounts(world), 'counts').toEqual(counts)
  const rows = await world.rows<{ scope: string; day: string }>(METRICS)
  const days = new Set([...counts.keys()].map((cell) => cell.split('|').slice(0, 2).join('|')))
  expect(new Set(rows.map(({ scope, day }) => `${scope}|${day}`)), 'days').toEqual(days)
  for (const { scope, day, ...figures } of rows) expect(figures, day).toEqual(figuresOf(counts, scope, day))
  expect(await world.rows(LEADS), 'leads').toEqual(leads)
}
