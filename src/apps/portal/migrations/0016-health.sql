-- What the vendor's statistics leave out is left out of ours: automated replies of campaigns that do not count them. They
-- stay in the ledger, count 0 and are nobody's, so that they come back should the campaign count them after all.

alter table public.campaigns
  add column include_auto_replies_in_stats boolean,
  -- Business day on which the two columns of what is scheduled were read; all three are null where nobody could.
  add column schedule_read_on date;

alter table public.email_events
  -- Of a reply: that a machine wrote it, an absence for instance.
  add column is_automated boolean,
  add column is_left_out boolean not null default false;
create index email_events_automated on public.email_events (scope, campaign_id) where is_automated;

update public.email_events as e set is_automated = r.is_automated
from public.lead_replies as r
where e.event_type = 'lead_replied' and r.is_automated and r.bison_reply_id = e.reply_id
  and e.scope = r.bison_instance || '/' || r.bison_workspace_id;

-- Says of these events whether they are left out. The caller holds the ledger's lock.
create function portal.leave_out(p_keys text[]) returns void language sql
set enable_seqscan = off set jit = off as $$
  with due as (
    select e.event_key, coalesce(e.is_automated, false) and exists (
      select from public.campaigns as c
      where c.bison_key = e.scope || '/' || e.campaign_id and c.include_auto_replies_in_stats is false) as is_left_out
    from unnest(p_keys) as k (key)
    cross join lateral (
      select * from public.email_events where event_key = k.key collate "C" offset 0
    ) as e
    where e.event_type = 'lead_replied' and e.source <> 'adjustment'
  )
  update public.email_events as e set is_left_out = d.is_left_out, amount = (not d.is_left_out)::integer
  from due as d where e.event_key = d.event_key and (e.is_left_out, e.amount = 1) is distinct from (d.is_left_out, not d.is_left_out)
$$;

-- Persons who turned out to have neither replied nor shown interest. A lead that nobody has worked with goes; one that
-- somebody has stays, without what the events said.
create function portal.retire_leads(p_scopes text[], p_persons text[]) returns void language sql
set enable_seqscan = off set jit = off as $$
  with gone as (
    select l.id, l.human_stage is not null or coalesce(l.notes, '') <> '' or l.edits <> '{}' or l.deleted_at is not null
      or l.premium_amount is not null or l.policy_type is not null or l.assigned_at is not null
      or l.pipeline_position is not null or l.lead_value <> 500 or l.airtable_id is not null
      or l.external_api_sent_at is not null as is_kept
    from (select distinct * from unnest(p_scopes, p_persons)) as t (scope, person)
    join public.client_leads as l on l.scope = t.scope collate "C" and l.lead_email = t.person collate "C"
    where not l.is_manual and not exists (
      select from public.email_events as e
      where e.scope = l.scope and e.person = l.lead_email and e.event_type in ('lead_replied', 'lead_interested'))
  ),
  removed as (
    delete from public.client_leads as l using gone as g where l.id = g.id and not g.is_kept
  )
  update public.client_leads as l set contact = '{}', custom_variables = null, tags = null, lead_campaign_data = null,
    overall_stats = null, lead_status = null, date_received = null, bison_reply_uuid = null, bison_conversation_url = null,
    interested = false, interested_at = null, machine_stage = 'new', machine_stage_at = null
  from gone as g where l.id = g.id and g.is_kept
$$;

-- As before, but that it is said first what is left out, which is nobody's and names nobody.
create or replace function portal.identify_leads(p_keys text[]) returns table (scope text, lead_id bigint, old text, new text)
language sql as $$
  with events as (
    select e.scope, e.lead_id, e.person
    from unnest(p_keys) as k (key)
    cross join lateral (
      select * from public.email_events where event_key = k.key collate "C" offset 0
    ) as e
    where e.event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced')
  ),
  ids as (
    select scope, lead_id from events where lead_id is not null
    -- What is told takes the place of what was read, and may name another lead, or none: whoever the event was of
    -- until now goes by what is left.
    union select i.scope, i.lead_id
    from events as e
    cross join lateral (
      select * from portal.lead_ids where scope = e.scope and person = e.person offset 0
    ) as i
    where e.person is not null
  ),
  news as (
    select i.scope, i.lead_id, k.person as old, coalesce(n.lead_email, '#' || i.lead_id) as new
    from ids as i
    left join portal.lead_ids as k on (k.scope, k.lead_id) = (i.scope, i.lead_id)
    left join lateral (
      select e.lead_email from public.email_events as e
      where (e.scope, e.lead_id) = (i.scope, i.lead_id) and e.lead_email is not null and not e.is_left_out
        and e.event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced')
      order by e.source = 'event' desc, case when e.source = 'event' then e.at end desc, e.at, e.event_key
      limit 1
    ) as n on true
  ),
  changed as (
    select * from news where old is distinct from new
  ),
  written as (
    insert into portal.lead_ids as k (scope, lead_id, person)
    select c.scope, c.lead_id, c.new from changed as c order by c.scope, c.lead_id
    on conflict (scope, lead_id) do update set person = excluded.person
  )
  select * from changed
$$;

create or replace function portal.refresh_leads(p_keys text[]) returns table (scope text, day date) language plpgsql
set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
  changed jsonb;
  moves jsonb;
  move record;
  v_scopes text[];
  v_persons text[];
begin
  perform portal.leave_out(p_keys);
  select coalesce(jsonb_agg(to_jsonb(i)), '[]') into changed from portal.identify_leads(p_keys) as i;
  with wanted as (
    select e.event_key, e.scope, e.person as old,
      case when e.is_left_out then null when e.lead_id is null then e.lead_email else k.person end as new
    from unnest(p_keys) as p (key)
    cross join lateral (
      select * from public.email_events where event_key = p.key collate "C" offset 0
    ) as e
    left join portal.lead_ids as k on (k.scope, k.lead_id) = (e.scope, e.lead_id)
    where e.source <> 'adjustment'
      and e.event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced')
    union
    select e.event_key, e.scope, e.person, case when not e.is_left_out then c.new end
    from jsonb_to_recordset(changed) as c (scope text, lead_id bigint, new text)
    cross join lateral (
      select * from public.email_events
      where scope = c.scope collate "C" and lead_id = c.lead_id
        and event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced') offset 0
    ) as e
  ),
  written as (
    update public.email_events as e set person = w.new
    from wanted as w where e.event_key = w.event_key and e.person is distinct from w.new
  )
  select array_agg(t.scope), array_agg(t.person), (
      select jsonb_agg(distinct jsonb_build_object('scope', w.scope, 'old', w.old, 'new', w.new))
      from wanted as w where w.old <> w.new and w.old not like '#%' and w.new not like '#%')
  into v_scopes, v_persons, moves
  from (
    select w.scope, w.old as person from wanted as w where w.old is not null
    union select w.scope, w.new from wanted as w where w.new is not null
  ) as t;
  if v_scopes is null then return; end if;
  -- Rare, and each may depend on the one before: one at a time.
  for move in select * from jsonb_to_recordset(moves) as m (scope text, old text, new text) order by 1, 2, 3 loop
    perform portal.rename_lead(move.scope, move.old, move.new);
  end loop;
  perform portal.retire_leads(v_scopes, v_persons);
  perform portal.write_leads(v_scopes, v_persons);
  return query select c.scope, c.day from portal.count_interest(v_scopes, v_persons) as c;
end
$$;

-- What the checks of every five minutes found; kept for seven days.
create table public.system_health_checks (
  check_name text not null,
  checked_at timestamptz not null,
  severity text not null check (severity in ('ok', 'warning', 'critical')),
  -- The figure that it is judged by, in `unit`; null where there was too little to judge by, or it could not be read.
  value numeric,
  unit text not null,
  detail text not null,
  -- Those that are not well: scope, name, severity, detail.
  workspaces jsonb not null default '[]',
  figures jsonb not null default '{}',
  primary key (check_name, checked_at)
);
create index system_health_checks_recent on public.system_health_checks (checked_at desc);

-- How the vendor's API answers for each workspace, as of the last check. Not in client_registry: it changes with each.
create table public.workspace_api_health (
  scope text collate "C" primary key,
  workspace_name text not null,
  -- no_key: there is no token; failing: three calls in a row failed; degraded: the last one or two did, or none
  -- succeeded within the hour; null: it was never asked.
  api_health_status text check (api_health_status in ('healthy', 'degraded', 'failing', 'no_key')),
  api_consecutive_failures integer not null,
  -- Since the business day began.
  api_calls_today integer not null,
  api_errors_today integer not null,
  api_last_success_at timestamptz,
  api_last_failure_at timestamptz,
  api_last_error text,
  checked_at timestamptz not null
);

-- Readings that a difference from the vendor's figures gave rise to.
create table portal.reconciliations (
  id bigint generated always as identity primary key,
  scope text collate "C" not null,
  started_at timestamptz not null,
  finished_at timestamptz,
  -- The figures that differed: metric, day, period, ours, vendor.
  found jsonb not null,
  -- What was read again and what that brought.
  done jsonb,
  -- Those that differ still.
  remains jsonb,
  outcome text check (outcome in ('mended', 'differs', 'failed'))
);
create index reconciliations_latest on portal.reconciliations (scope, started_at desc);

-- What the vendor has set for a workspace, beside what people set here. The column people read is theirs where they
-- set one.
alter table public.client_registry
  add column bison_timezone text,
  -- Sums over active campaigns and over connected mailboxes.
  add column bison_max_emails_per_day integer,
  add column bison_daily_limit integer,
  add column bison_settings_at timestamptz,
  add column effective_timezone text generated always as (coalesce(nullif(btrim(timezone), ''), bison_timezone)) stored,
  -- When the team was told that it was found.
  add column announced_at timestamptz;
-- Those that are there already are no news.
update public.client_registry set announced_at = created_at;

-- From when on a mailbox is worth a look; the program writes what is configured. Percentages in percent.
create table portal.mailbox_rules (
  one_row boolean primary key default true check (one_row),
  burnt_sent integer not null default 200,
  burnt_reply_percent numeric not null default 0.4,
  bounce_sent integer not null default 50,
  bounce_percent numeric not null default 5,
  zero_reply_sent integer not null default 100,
  low_reply_sent integer not null default 50,
  low_reply_percent numeric not null default 2,
  low_reply_more_than integer not null default 10,
  idle_more_than integer not null default 20,
  stale_warning_hours numeric not null default 12,
  stale_critical_hours numeric not null default 24
);
insert into portal.mailbox_rules default values;

create or replace view public.mailbox_health with (security_invoker = true) as
select s.workspace_name, s.bison_key, s.bison_account_id, s.email_address, s.status, s.email_provider, s.reseller,
  s.price, s.daily_limit, s.volume_per_account, sent as emails_sent, replies as total_replies, bounces as total_bounces,
  portal.percent(replies, sent) as total_reply_rate, portal.percent(bounces, sent) as bounce_rate,
  array_remove(array[
    case when lower(s.status) in ('disconnected', 'failed', 'not connected') then 'disconnected' end,
    -- Worth cancelling: so few answers that nobody can have read it.
    case when sent >= r.burnt_sent and replies * 100 < sent * r.burnt_reply_percent then 'burnt' end,
    case when sent > r.bounce_sent and bounces * 100 > sent * r.bounce_percent then 'high_bounce' end,
    case when sent >= r.zero_reply_sent and replies = 0 then 'zero_reply' end,
    case when sent >= r.low_reply_sent and replies * 100 >= sent * r.burnt_reply_percent
      and replies * 100 < sent * r.low_reply_percent then 'low_reply' end,
    case when lower(s.status) = 'connected' and sent = 0 then 'idle' end
  ], null) as problems
from public.sender_emails_cache as s
cross join portal.mailbox_rules as r
cross join lateral (
  select coalesce(s.emails_sent_count, 0) as sent, coalesce(s.total_replied_count, 0) as replies,
    coalesce(s.bounced_count, 0) as bounces
) as n;

create or replace function public.portal_mailbox_alerts(as_of timestamptz default now()) returns table (
  workspace_name text, rule text, level text, priority integer, mailboxes bigint, examples text[]
) language sql stable as $$
  with rules (rule, level, priority, more_than) as (
    select v.* from portal.mailbox_rules as r
    cross join lateral (values
      ('disconnected', 'critical', 1, 0), ('burnt', 'critical', 2, 0), ('high_bounce', 'warning', 2, 0),
      ('zero_reply', 'warning', 3, 0), ('low_reply', 'warning', 4, r.low_reply_more_than),
      ('idle', 'info', 6, r.idle_more_than)
    ) as v
  ),
  read as (
    select s.workspace_name, max(f.full_pass_at) as read_at
    from portal.scopes as s
    join public.client_registry as r on r.scope = s.scope and r.is_active
    left join lockstep.freshness as f on f.app = 'portal' and f.table_name = 'sender_emails_cache'
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
    select t.*, coalesce(read_at < as_of - m.stale_critical_hours * interval '1 hour', true) as old,
      m.stale_warning_hours
    from read as t cross join portal.mailbox_rules as m
  ) as t
  where old or read_at < as_of - stale_warning_hours * interval '1 hour'
  order by 4, 1 nulls first, 2
$$;

-- A moment that an event names; null where it names none that is a time.
create function portal.moment(said text) returns timestamptz language plpgsql stable as $$
begin
  return said::timestamptz;
exception when others then return null;
end
$$;

-- When an event happened, by what its body says.
create function portal.happened_at(payload jsonb) returns timestamptz language sql stable as $$
  select coalesce(portal.moment(payload #>> '{data,campaign_event,created_at}'),
    portal.moment(payload #>> '{data,reply,created_at}'), portal.moment(payload #>> '{data,scheduled_email,sent_at}'),
    portal.moment(payload #>> '{data,sender_email,updated_at}'))
$$;

alter table public.system_health_checks enable row level security;
alter table public.workspace_api_health enable row level security;
alter table portal.reconciliations enable row level security;
alter table portal.mailbox_rules enable row level security;
revoke all on function portal.leave_out(text[]), portal.retire_leads(text[], text[]), portal.moment(text),
  portal.happened_at(jsonb) from public;

do $$
declare
  wanted text;
begin
  if not exists (select from pg_roles where rolname = 'service_role')
    or to_regprocedure('portal.is_staff()') is null then return; end if;
  foreach wanted in array array['system_health_checks', 'workspace_api_health'] loop
    execute format('revoke all on public.%I from anon, authenticated', wanted);
    execute format('grant all on public.%I to service_role', wanted);
    execute format('create policy service on public.%I for all to service_role using (true) with check (true)', wanted);
    execute format('create policy staff on public.%I for select to authenticated using ((select portal.is_staff()))', wanted);
    execute format('grant select on public.%I to authenticated', wanted);
  end loop;
  foreach wanted in array array['reconciliations', 'mailbox_rules'] loop
    execute format('grant all on portal.%I to service_role', wanted);
    execute format('create policy service on portal.%I for all to service_role using (true) with check (true)', wanted);
  end loop;
  -- Read by the view mailbox_health, with the reader's rights.
  grant select on portal.mailbox_rules to authenticated;
  create policy readers on portal.mailbox_rules for select to authenticated using (true);
  grant execute on function portal.leave_out(text[]), portal.retire_leads(text[], text[]), portal.moment(text),
    portal.happened_at(jsonb) to service_role;
  grant select on lockstep.vendor_calls, lockstep.vendor_accounts to service_role;
end
$$;
