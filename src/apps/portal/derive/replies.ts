import type { Transaction } from '../../../db/database.ts'
import { recount, type Touched } from '../ledger.ts'

/**
 * What a mail that was read says to have happened. Its key is the one that the event has, so that a lost webhook is
 * made good and one that comes still counts no second time. Our own mails say nothing.
 */
const LEARN = `with mails as (
  select r.bison_instance || '/' || r.bison_workspace_id as scope, r.bison_reply_id as reply_id,
    coalesce(r.vendor_created_at, r.reply_date) as at, r.reply_date, r.bison_lead_id as lead_id,
    nullif(btrim(r.lead_email), '') as lead_email, r.bison_campaign_id as campaign_id,
    r.original_sender_email_id as sender_email_id, r.scheduled_email_id, r.is_interested, r.is_automated, btrim(r.from_name) as name,
    case
      when r.reply_type ilike 'outgoing%' or r.folder ilike 'sent%' then null
      when r.reply_type ilike 'bounce%' or r.folder ilike 'bounce%' then 'email_bounced'
      when r.reply_type ilike 'untracked%' then 'untracked_reply_received'
      when r.reply_type ilike 'tracked%' or r.is_tracked then 'lead_replied'
      else 'untracked_reply_received'
    end as event_type
  from public.lead_replies as r
  where r.bison_key = any ($1::text[]) and r.bison_reply_id is not null
    and coalesce(r.vendor_created_at, r.reply_date) is not null
),
due as (
  select m.scope || '/' || t.event_type || '/reply:' || m.reply_id as event_key, m.scope, t.event_type, m.at,
    m.lead_id, m.campaign_id, m.sender_email_id, m.scheduled_email_id, m.reply_id, m.reply_date, m.is_automated,
    -- A bounce comes from a mail server. A person with a name in two parts has a first and a last one.
    case when t.event_type in ('lead_replied', 'lead_interested') then m.lead_email end as lead_email,
    case when t.event_type in ('lead_replied', 'lead_interested') then case
      when m.name ~ '^[^@ ]+ [^@ ]+$' then jsonb_build_object(
        'first_name', split_part(m.name, ' ', 1), 'last_name', split_part(m.name, ' ', 2))
      else '{}' end end as contact
  from mails as m
  cross join lateral (values
    (m.event_type),
    -- The vendor's own mark of interest, set by whoever reads the mail there.
    (case when m.is_interested and m.event_type = 'lead_replied' then 'lead_interested' end)
  ) as t (event_type)
  where t.event_type is not null
),
old as materialized (
  select event_key, business_date from public.email_events where event_key in (select event_key from due)
),
written as (
  insert into public.email_events as e (event_key, scope, event_type, at, business_date, source, lead_id, lead_email,
    campaign_id, sender_email_id, scheduled_email_id, reply_id, reply_date, contact, is_automated)
  select distinct on (event_key) event_key, scope, event_type, at, public.business_date(at), 'poll', lead_id, lead_email,
    campaign_id, sender_email_id, scheduled_email_id, reply_id, reply_date, contact, is_automated
  from due where (select count(*) from old) >= 0 order by event_key, at
  on conflict (event_key) do update set
    (at, business_date, lead_id, lead_email, campaign_id, reply_date, contact, is_automated, recorded_at)
    = (excluded.at, excluded.business_date, excluded.lead_id, excluded.lead_email, excluded.campaign_id,
      excluded.reply_date, excluded.contact, excluded.is_automated, excluded.recorded_at)
  where e.source = 'poll' and (e.at, e.lead_id, e.lead_email, e.campaign_id, e.reply_date, e.contact, e.is_automated)
    is distinct from (excluded.at, excluded.lead_id, excluded.lead_email, excluded.campaign_id, excluded.reply_date,
      excluded.contact, excluded.is_automated)
  returning e.event_key, e.scope, e.event_type, e.business_date
)
select w.event_key as key, w.scope, w.event_type as type, w.business_date::text as day,
  o.business_date::text as "dayBefore"
from written as w left join old as o on o.event_key = w.event_key`

/** Keeps what these mails tell and no event has told. The caller holds the ledger's lock. */
export async function learnFromReplies(tx: Transaction, keys: readonly string[]): Promise<void> {
  const { rows } = await tx.query<Touched>(LEARN, [keys])
  if (rows.length === 0) return
  await nameUnknown(
    tx,
    rows.map(({ scope }) => scope),
  )
  await recount(tx, rows)
}

/** Replies of a workspace that nobody has named yet. */
async function nameUnknown(tx: Transaction, scopes: readonly string[]): Promise<void> {
  const all = [...new Set(scopes)].sort()
  await tx.query('select portal.name_scopes($1::text[], $2::text[], false)', [all, all.map(() => '')])
}
