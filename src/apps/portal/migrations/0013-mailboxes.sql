-- The health of mailboxes, what they can send, and what conversations and leads come to.

-- Each mailbox with the rules that it breaks. Rates of health are ALL replies of mails sent; the column
-- reply_rate_percentage is unique replies of mails sent.
create view public.mailbox_health with (security_invoker = true) as
select s.workspace_name, s.bison_key, s.bison_account_id, s.email_address, s.status, s.email_provider, s.reseller,
  s.price, s.daily_limit, s.volume_per_account, sent as emails_sent, replies as total_replies, bounces as total_bounces,
  portal.percent(replies, sent) as total_reply_rate, portal.percent(bounces, sent) as bounce_rate,
  array_remove(array[
    case when lower(s.status) in ('disconnected', 'failed', 'not connected') then 'disconnected' end,
    -- Worth cancelling: so few answers that nobody can have read it.
    case when sent >= 200 and replies * 1000 < sent * 4 then 'burnt' end,
    case when sent > 50 and bounces * 20 > sent then 'high_bounce' end,
    case when sent >= 100 and replies = 0 then 'zero_reply' end,
    case when sent >= 50 and replies * 1000 >= sent * 4 and replies * 50 < sent then 'low_reply' end,
    case when lower(s.status) = 'connected' and sent = 0 then 'idle' end
  ], null) as problems
from public.sender_emails_cache as s
cross join lateral (
  select coalesce(s.emails_sent_count, 0) as sent, coalesce(s.total_replied_count, 0) as replies,
    coalesce(s.bounced_count, 0) as bounces
) as n;

-- The rules of health with how many mailboxes break each, by workspace and, with a null name, altogether. Few idle or
-- low ones are no news. `stale` counts workspaces whose mailboxes were not read to the end for so long, or never.
create function public.portal_mailbox_alerts(as_of timestamptz default now()) returns table (
  workspace_name text, rule text, level text, priority integer, mailboxes bigint, examples text[]
) language sql stable as $$
  with rules (rule, level, priority, more_than) as (values
    ('disconnected', 'critical', 1, 0), ('burnt', 'critical', 2, 0), ('high_bounce', 'warning', 2, 0),
    ('zero_reply', 'warning', 3, 0), ('low_reply', 'warning', 4, 10), ('idle', 'info', 6, 20)
  ),
  read as (
    select s.workspace_name, max(f.full_pass_at) as read_at
    from portal.scopes as s
    join public.client_registry as r on r.scope = s.scope and r.is_active
    left join lockstep.freshness as f on f.app = 'portal' and f.table_name = 'public.sender_emails_cache'
      and f.stream like s.scope || '/%'
    group by s.workspace_name
  )
  select h.workspace_name, r.rule, r.level, r.priority, count(*),
    (array_agg(h.email_address order by h.emails_sent desc, h.bison_key))[1:10]
  from public.mailbox_health as h
  cross join lateral unnest(h.problems) as p (rule)
  join rules as r on r.rule = p.rule
  group by grouping sets ((h.workspace_name, r.rule, r.level, r.priority, r.more_than), (r.rule, r.level, r.priority, r.more_than))
  having count(*) > r.more_than
  union all
  select workspace_name, 'stale', case when old then 'critical' else 'warning' end, case when old then 2 else 5 end, 1, '{}'
  from (
    select workspace_name, read_at, coalesce(read_at < as_of - interval '24 hours', true) as old from read
  ) as t
  where old or read_at < as_of - interval '12 hours'
  order by 4, 1 nulls first, 2
$$;

-- What the mailboxes of each client can send in a day, against what is wanted of them.
create function public.portal_mailbox_capacity() returns table (
  workspace_name text, mailboxes bigint, connected bigint, capacity bigint, available bigint, wanted integer,
  shortfall bigint, utilization numeric, zero_reply_percentage numeric, price numeric, price_per_mailbox numeric
) language sql stable as $$
  select r.workspace_name, count(s.id), count(s.id) filter (where lower(s.status) = 'connected'),
    coalesce(sum(s.volume_per_account), 0), coalesce(sum(s.daily_limit), 0), r.daily_sending_target,
    greatest(r.daily_sending_target - coalesce(sum(s.daily_limit), 0), 0),
    portal.percent(sum(s.daily_limit), sum(s.volume_per_account)),
    portal.percent(count(s.id) filter (where coalesce(s.total_replied_count, 0) = 0), count(s.id)),
    round(coalesce(sum(s.price), 0), 2), round(sum(s.price) / nullif(count(s.id), 0), 2)
  from public.client_registry as r
  left join public.sender_emails_cache as s
    on s.bison_instance = r.bison_instance and s.bison_workspace_id = r.bison_workspace_id
  where r.is_active
  group by r.workspace_name, r.daily_sending_target
  order by 1
$$;

-- Providers and resellers by all replies of mails sent, over mailboxes that sent at least `min_sent`.
create function public.portal_provider_rates(min_sent integer default 50) returns table (
  dimension text, name text, mailboxes bigint, emails_sent bigint, replies bigint, reply_rate numeric
) language sql stable as $$
  select d.dimension, d.name, count(*), sum(m.emails_sent_count), coalesce(sum(m.total_replied_count), 0),
    portal.percent(coalesce(sum(m.total_replied_count), 0), sum(m.emails_sent_count))
  from portal.mailboxes as m
  cross join lateral (values ('provider', m.provider), ('reseller', m.reseller)) as d (dimension, name)
  where m.emails_sent_count >= min_sent
  group by 1, 2
  order by 1, 6 desc nulls last, 2
$$;

-- The leads on the board: those that the vendor calls interested, and those that people added.
create view public.pipeline_leads with (security_invoker = true) as
select * from public.client_leads where deleted_at is null and (interested or is_manual);

-- How alive the talk with each lead is: three replies or more, two of them within a week, is hot.
create view public.lead_conversations with (security_invoker = true) as
select l.id as lead_id, l.workspace_name, l.lead_email, n.replies, n.recent_replies, n.last_reply_at,
  case when n.replies >= 3 and n.recent_replies >= 2 then 'hot' when n.replies >= 2 then 'in_conversation'
    else 'single_reply' end as conversation_status
from public.client_leads as l
cross join lateral (
  select count(*) as replies, count(*) filter (where e.at > now() - interval '7 days') as recent_replies,
    max(e.at) as last_reply_at
  from public.email_events as e
  where e.scope = l.scope and e.person = l.lead_email collate "C" and e.event_type = 'lead_replied'
) as n
where l.deleted_at is null and n.replies > 0;

-- Leads by workspace. Without a user, or for one who is an admin anywhere, all workspaces; else those that the user
-- has access to.
create function public.get_workspace_lead_counts(for_user uuid default null) returns table (
  workspace_name text, interested bigint, won bigint, total bigint
) language sql stable as $$
  select s.workspace_name, count(l.id) filter (where l.interested), count(l.id) filter (where l.pipeline_stage = 'won'),
    count(l.id)
  from portal.scopes as s
  left join public.client_leads as l on l.scope = s.scope and l.deleted_at is null
  where for_user is null
    or exists (select from public.user_workspace_access as a where a.user_id = for_user and a.role = 'admin')
    or exists (select from public.user_workspace_access as a where a.user_id = for_user
      and lower(btrim(a.workspace_name)) = lower(btrim(s.workspace_name)))
  group by s.workspace_name
  order by 1
$$;
