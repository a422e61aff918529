-- Who may see what, what was sent where, what caches and functions did, and how providers fare from day to day.

create table public.user_workspace_access (
  user_id uuid not null,
  workspace_name text not null,
  role text not null default 'client' check (role in ('client', 'admin', 'viewer')),
  created_at timestamptz not null default now(),
  unique (user_id, workspace_name) deferrable initially immediate
);

create table public.client_costs (
  workspace_name text not null,
  month_year text not null check (month_year ~ '^\d{4}-(0[1-9]|1[0-2])$'),
  amount numeric(12, 2) not null,
  note text,
  unique (workspace_name, month_year) deferrable initially immediate
);

create table public.slack_notifications_sent (
  id bigint generated always as identity primary key,
  reply_id text not null,
  notification_type text not null check (notification_type in ('client', 'global')),
  workspace_name text,
  sent_at timestamptz not null default now(),
  unique (reply_id, notification_type)
);

create table public.function_call_logs (
  id bigint generated always as identity primary key,
  function_name text not null,
  workspace_name text,
  cache_hit boolean not null default false,
  response_time_ms integer,
  success boolean not null default true,
  called_at timestamptz not null default now(),
  created_at timestamptz generated always as (called_at) stored
);
create index function_call_logs_recent on public.function_call_logs (called_at desc, function_name);

create table public.data_cache_metadata (
  cache_key text primary key,
  workspace_name text,
  data jsonb,
  last_updated_at timestamptz not null default now(),
  expires_at timestamptz,
  hit_count integer not null default 0,
  miss_count integer not null default 0,
  error text
);
create index data_cache_metadata_workspace on public.data_cache_metadata (workspace_name);
create index data_cache_metadata_expires on public.data_cache_metadata (expires_at);

-- Providers that go under one name in figures, such as Gmail under Google. Empty: each goes by its own.
create table portal.provider_groups (
  email_provider text primary key,
  provider_group text not null
);

create table public.provider_performance_history (
  email_provider text not null,
  bison_instance text not null,
  snapshot_date date not null,
  total_accounts integer not null,
  active_accounts integer not null,
  -- Since each mailbox began.
  total_sent bigint not null,
  total_replies bigint not null,
  unique_replies bigint not null,
  total_bounces bigint not null,
  avg_reply_rate numeric,
  avg_emails_per_account numeric,
  total_daily_limit bigint not null,
  total_volume_capacity bigint not null,
  utilization_percentage numeric,
  -- Since the snapshot before, of mailboxes that are in both; null for the first.
  sent_delta bigint,
  replies_delta bigint,
  unique_replies_delta bigint,
  bounces_delta bigint,
  created_at timestamptz not null default now(),
  unique (email_provider, bison_instance, snapshot_date)
);

-- The counters of each mailbox at the last snapshots: a mailbox that comes or goes is no difference in anything.
create table portal.mailbox_marks (
  snapshot_date date not null,
  account text not null,
  emails_sent integer not null,
  total_replied integer not null,
  unique_replied integer not null,
  bounced integer not null,
  primary key (snapshot_date, account)
);

-- Each mailbox once, though it may be seen in several workspaces.
create view portal.mailboxes with (security_invoker = true) as
select distinct on (s.bison_instance, s.bison_account_id) s.*,
  s.bison_instance || '/' || s.bison_account_id as account,
  coalesce(g.provider_group, s.email_provider) as provider
from public.sender_emails_cache as s
left join portal.provider_groups as g on g.email_provider = s.email_provider
order by s.bison_instance, s.bison_account_id, s.bison_key;

-- By provider and instance. Rates: unique replies of mails sent, and daily limits of capacity, in percent.
create function public.aggregate_provider_stats() returns table (
  email_provider text, bison_instance text, total_accounts bigint, active_accounts bigint, total_sent bigint,
  total_replies bigint, unique_replies bigint, total_bounces bigint, avg_reply_rate numeric,
  avg_emails_per_account numeric, total_daily_limit bigint, total_volume_capacity bigint, utilization_percentage numeric
) language sql stable as $$
  select m.provider, m.bison_instance, count(*), count(*) filter (where lower(m.status) = 'connected'),
    coalesce(sum(m.emails_sent_count), 0), coalesce(sum(m.total_replied_count), 0),
    coalesce(sum(m.unique_replied_count), 0), coalesce(sum(m.bounced_count), 0),
    portal.percent(sum(m.unique_replied_count), sum(m.emails_sent_count)),
    round(coalesce(sum(m.emails_sent_count), 0)::numeric / count(*), 2),
    coalesce(sum(m.daily_limit), 0), coalesce(sum(m.volume_per_account), 0),
    portal.percent(sum(m.daily_limit), sum(m.volume_per_account))
  from portal.mailboxes as m
  group by m.provider, m.bison_instance
  order by m.provider, m.bison_instance
$$;

-- Mailboxes by status. One that is not connected sends as little as one that was disconnected: both make the rate.
create function public.get_account_status_stats() returns table (
  total bigint, connected bigint, disconnected bigint, failed bigint, not_connected bigint, other bigint,
  disconnect_rate numeric
) language sql stable as $$
  select count(*), count(*) filter (where s = 'connected'), count(*) filter (where s = 'disconnected'),
    count(*) filter (where s = 'failed'), count(*) filter (where s = 'not connected'),
    count(*) filter (where s is null or s not in ('connected', 'disconnected', 'failed', 'not connected')),
    coalesce(portal.percent(count(*) filter (where s in ('disconnected', 'failed', 'not connected')), count(*)), 0)
  from (select lower(status) as s from portal.mailboxes) as m
$$;

-- Keeps the day's figures of each provider; again for the same day writes them anew.
create function public.snapshot_providers(day date default public.business_date()) returns integer
language plpgsql as $$
declare
  v_before date := (select max(snapshot_date) from portal.mailbox_marks where snapshot_date < day);
  v_count integer;
begin
  delete from portal.mailbox_marks where snapshot_date = day or snapshot_date < day - 14;
  insert into portal.mailbox_marks (snapshot_date, account, emails_sent, total_replied, unique_replied, bounced)
  select day, account, coalesce(emails_sent_count, 0), coalesce(total_replied_count, 0),
    coalesce(unique_replied_count, 0), coalesce(bounced_count, 0)
  from portal.mailboxes where account is not null;
  delete from public.provider_performance_history where snapshot_date = day;
  insert into public.provider_performance_history
  select a.email_provider, a.bison_instance, day, a.total_accounts, a.active_accounts, a.total_sent, a.total_replies,
    a.unique_replies, a.total_bounces, a.avg_reply_rate, a.avg_emails_per_account, a.total_daily_limit,
    a.total_volume_capacity, a.utilization_percentage, d.sent, d.replies, d.unique_replies, d.bounces
  from public.aggregate_provider_stats() as a
  left join (
    select m.provider, m.bison_instance, sum(n.emails_sent - o.emails_sent) as sent,
      sum(n.total_replied - o.total_replied) as replies, sum(n.unique_replied - o.unique_replied) as unique_replies,
      sum(n.bounced - o.bounced) as bounces
    from portal.mailboxes as m
    join portal.mailbox_marks as n on n.snapshot_date = day and n.account = m.account
    join portal.mailbox_marks as o on o.snapshot_date = v_before and o.account = m.account
    -- A counter that fell was set back at the vendor: the difference says nothing.
    where n.emails_sent >= o.emails_sent and n.total_replied >= o.total_replied
    group by m.provider, m.bison_instance
  ) as d on (d.provider, d.bison_instance) = (a.email_provider, a.bison_instance);
  get diagnostics v_count = row_count;
  return v_count;
end
$$;

-- Providers whose reply rate fell by more than a fifth from one day to the next: the mails and replies of each day
-- alone, since counters of a mailbox's whole life hardly move. Days with fewer than `min_sent` mails say nothing.
create function public.check_provider_reply_rate_drop(min_sent integer default 100) returns table (
  email_provider text, bison_instance text, snapshot_date date, previous_rate numeric, current_rate numeric,
  drop_percentage numeric
) language sql stable as $$
  with days as (
    select h.*, h.unique_replies_delta * 100.0 / nullif(h.sent_delta, 0) as rate,
      row_number() over (partition by h.email_provider, h.bison_instance order by h.snapshot_date desc) as age
    from public.provider_performance_history as h
    where h.snapshot_date > (select max(snapshot_date) from public.provider_performance_history) - 7
  )
  select c.email_provider, c.bison_instance, c.snapshot_date, round(p.rate, 4), round(c.rate, 4),
    round((p.rate - c.rate) * 100 / p.rate, 2)
  from days as c
  join days as p on (p.email_provider, p.bison_instance, p.age) = (c.email_provider, c.bison_instance, 2)
  where c.age = 1 and c.snapshot_date = (select max(snapshot_date) from public.provider_performance_history)
    and c.sent_delta >= min_sent and p.sent_delta >= min_sent
    and p.rate > 0 and (p.rate - c.rate) * 100 / p.rate > 20
  order by 6 desc, 1, 2
$$;
