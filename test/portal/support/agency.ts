import type { Fact } from '../../../src/sources/contract.ts'
import { fact, mailbox, reply, row, type World, workspace } from './world.ts'

export const A = 'send/1'
export const B = 'send/2'
let ids = 0

/** So many events of a type, each of another lead. */
export const some = (n: number, scope: string, type: string, at: string): Fact[] =>
  Array.from({ length: n }, () => {
    ids++
    return fact(scope, type, `reply:r${ids}`, at, {
      lead: { id: ids, email: `l${ids}@x.test`, first_name: `L${ids}` },
      reply: { uuid: `r${ids}`, date_received: at },
    })
  })

/** A little of everything that the portal keeps, as of now. */
export async function fillAgency(world: World): Promise<void> {
  const now = new Date().toISOString()
  await world.apply(workspace(A, 'Acme'), workspace(B, 'Bolt & Söhne/2'))
  await world.apply(
    mailbox(A, 1, { tags: ['Google', 'Zapmail'], emails_sent_count: 300, total_replied_count: 1, daily_limit: 20 }),
    mailbox(A, 2, { tags: ['Outlook'], status: 'Failed', emails_sent_count: 100, total_replied_count: 5 }),
    mailbox(B, 3, { tags: ['Google'], emails_sent_count: 60, total_replied_count: 3, unique_replied_count: 2 }),
    row('campaigns', A, 1, { bison_campaign_id: 1, campaign_name: 'Spring', status: 'active', emails_sent: 30 }),
    row('campaigns', B, 2, { bison_campaign_id: 2, campaign_name: 'Autumn', status: 'paused' }),
    reply(A, 7001, { bison_lead_id: 7001, lead_email: 'pat@x.test', reply_text: 'Tell me more', is_interested: true, reply_date: now, vendor_created_at: now }),
    reply(B, 7002, { bison_lead_id: 7002, lead_email: 'kim@x.test', subject: 'Re: quote', reply_date: now, vendor_created_at: now }),
  ) // prettier-ignore
  await world.record(
    ...some(5, A, 'email_sent', now),
    ...some(2, A, 'lead_interested', now),
    ...some(3, B, 'email_sent', now),
    ...some(1, B, 'lead_interested', now),
  )
  await world.db
    .query(`update client_registry set monthly_kpi_target = 10, monthly_sending_target = 310, price_per_lead = 20;
    update client_registry set billing_type = 'retainer', retainer_amount = 500 where scope = '${B}';
    insert into vendor_metrics (scope, workspace_name, metric_date, period, emails_sent, replied, emails_scheduled_today,
      emails_scheduled_tomorrow, polled_at)
    values ('${A}', 'Acme', business_date(), 'day', 5, 1, 9, 12, now()), ('${A}', 'Acme', business_date(), 'mtd', 5, 1, 9, 12, now());
    update portal.scopes set ledger_since = '2020-01-01';
    select snapshot_providers(business_date() - 1);
    update portal.mailbox_marks set emails_sent = emails_sent - 10, total_replied = 0, unique_replied = 0;
    select snapshot_providers(business_date());
    insert into lockstep.freshness (app, stream, table_name, full_pass_at)
    values ('portal', '${A}/sender-emails', 'sender_emails_cache', now());
    insert into lockstep.runs (app, lane, stream, status, finished_at, error)
    values ('portal', 'backfill', '${A}/sender-emails', 'partial', now(), '2 rows without an id');
    insert into lockstep.alerts (app, stream, condition, level, detail) values ('portal', '${A}', 'webhooks', 'warning', 'few');
    insert into lockstep.alerts (app, stream, condition, level, detail, closed_at)
    values ('portal', '${B}', 'webhooks', 'critical', 'none', now()), ('other', 'x', 'y', 'critical', 'not ours', null)`)
}
