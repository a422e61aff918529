-- Names of workspaces, and what people may do to the ledger.

-- Writes the names of these scopes wherever rows carry them.
create function portal.spread_names(p_scopes text[]) returns void language sql as $$
  update public.client_registry as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.scope = s.scope and s.scope = any (p_scopes) and t.workspace_name is distinct from s.workspace_name;
  update public.sender_emails_cache as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.bison_instance = s.instance and t.bison_workspace_id = s.bison_workspace_id
      and s.scope = any (p_scopes) and t.workspace_name is distinct from s.workspace_name;
  update public.campaigns as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.bison_instance = s.instance and t.bison_workspace_id = s.bison_workspace_id
      and s.scope = any (p_scopes) and t.workspace_name is distinct from s.workspace_name;
  update public.lead_replies as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.bison_instance = s.instance and t.bison_workspace_id = s.bison_workspace_id
      and s.scope = any (p_scopes) and t.workspace_name is distinct from s.workspace_name;
  update public.client_metrics as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.scope = s.scope and s.scope = any (p_scopes) and t.workspace_name <> s.workspace_name;
  update public.vendor_metrics as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.scope = s.scope and s.scope = any (p_scopes)
      and t.workspace_name is distinct from s.workspace_name;
  update public.client_leads as t set workspace_name = s.workspace_name
    from portal.scopes as s where t.scope = s.scope and s.scope = any (p_scopes) and t.workspace_name <> s.workspace_name;
  update public.pipeline_stage_history as t set workspace_name = s.workspace_name
    from portal.scopes as s join public.client_leads as l on l.scope = s.scope
    where t.lead_id = l.id and s.scope = any (p_scopes) and t.workspace_name <> s.workspace_name;
$$;

-- The same for what people wrote under the old name, in one statement a table, so that two names may be swapped.
create function portal.follow_renames(p_old text[], p_new text[]) returns void language sql as $$
  update public.user_workspace_access as t set workspace_name = r.new
    from unnest(p_old, p_new) as r (old, new) where t.workspace_name = r.old;
  update public.client_costs as t set workspace_name = r.new
    from unnest(p_old, p_new) as r (old, new) where t.workspace_name = r.old;
  update public.slack_notifications_sent as t set workspace_name = r.new
    from unnest(p_old, p_new) as r (old, new) where t.workspace_name = r.old;
  update public.data_cache_metadata as t set workspace_name = r.new
    from unnest(p_old, p_new) as r (old, new) where t.workspace_name = r.old;
$$;

-- Held by whoever gives a workspace its name; shared by those who add rows that carry it, so that neither misses the
-- other's. Taken after the ledger's lock.
create function portal.lock_names() returns void language sql as $$
  select pg_advisory_xact_lock(1886351988, 2)
$$;
create function portal.share_names() returns void language sql as $$
  select pg_advisory_xact_lock_shared(1886351988, 2)
$$;

-- What a workspace goes by while nothing tells its name.
create function portal.nameless(p_scope text) returns text language sql immutable parallel safe as $$
  select 'Workspace ' || split_part(p_scope, '/', 2)
$$;

-- Gives scopes their names. A list of workspaces decides (`p_decides`); what an event says serves until one is read.
-- A blank name says nothing. The caller holds the ledger's lock.
create function portal.name_scopes(p_scopes text[], p_names text[], p_decides boolean) returns void
language plpgsql as $$
declare
  v_changed text[];
  v_old text[];
  v_new text[];
begin
  if not exists (
    select from unnest(p_scopes, p_names) as t (scope, name)
    left join portal.scopes as s on s.scope = t.scope collate "C"
    where s.scope is null or (p_decides or s.vendor_name = portal.nameless(s.scope))
      and btrim(t.name) <> '' and btrim(t.name) <> s.vendor_name) then return;
  end if;
  perform portal.lock_names();
  with told as (
    select distinct on (t.scope) t.scope collate "C" as scope, nullif(btrim(t.name), '') as name
    from unnest(p_scopes, p_names) as t (scope, name) order by t.scope, t.name
  ),
  news as (
    select t.scope, coalesce(t.name, portal.nameless(t.scope)) as name, s.workspace_name as old
    from told as t left join portal.scopes as s on s.scope = t.scope
    where s.scope is null or (p_decides or s.vendor_name = portal.nameless(s.scope)) and t.name <> s.vendor_name
  ),
  free as (
    select n.*, row_number() over (partition by n.name order by n.scope) = 1 and not exists (
      select from portal.scopes as o
      where o.workspace_name = n.name and o.scope not in (select scope from news)) as is_free
    from news as n
  ),
  written as (
    insert into portal.scopes (scope, vendor_name, workspace_name)
    select scope, name, case when is_free then name else name || ' (' || scope || ')' end from free order by scope
    on conflict (scope) do update set vendor_name = excluded.vendor_name, workspace_name = excluded.workspace_name
    returning scope, workspace_name
  )
  select array_agg(w.scope), array_agg(n.old) filter (where n.old is not null),
    array_agg(w.workspace_name) filter (where n.old is not null)
  into v_changed, v_old, v_new
  from written as w join news as n on n.scope = w.scope;
  if v_changed is null then return; end if;
  perform portal.spread_names(v_changed);
  if v_old is not null then perform portal.follow_renames(v_old, v_new); end if;
end
$$;

-- What events say of their workspaces: names where none are known, the instance's address, and since when events are
-- told. Times in microseconds since 1970. The caller holds the ledger's lock.
create function portal.note_scopes(p_scopes text[], p_names text[], p_urls text[], p_since float8[]) returns void
language plpgsql as $$
begin
  perform portal.name_scopes(p_scopes, p_names, false);
  with written as (
    update portal.scopes as s set instance_url = coalesce(t.url, s.instance_url),
      ledger_since = least(s.ledger_since, to_timestamp(t.since / 1000000))
    from unnest(p_scopes, p_urls, p_since) as t (scope, url, since)
    where s.scope = t.scope collate "C" and (
      t.url <> coalesce(s.instance_url, '') or to_timestamp(t.since / 1000000) < coalesce(s.ledger_since, 'infinity'))
    returning s.scope, s.instance_url
  )
  update public.client_leads as l set bison_conversation_url = w.instance_url || '/inbox?reply_uuid=' || l.bison_reply_uuid
  from written as w
  where l.scope = w.scope
    and l.bison_conversation_url is distinct from w.instance_url || '/inbox?reply_uuid=' || l.bison_reply_uuid;
end
$$;

-- Counts everything again from the ledger: where the calendar changed.
create function portal.recount_all() returns void language plpgsql as $$
begin
  perform portal.lock_ledger();
  update public.email_events set business_date = public.business_date(at)
  where business_date <> public.business_date(at);
  delete from public.email_daily_counts;
  insert into public.email_daily_counts (scope, business_date, event_type, count, told_at, polled_at, adjusted_at)
  select scope, business_date, event_type, sum(amount),
    max(recorded_at) filter (where source = 'event'), max(recorded_at) filter (where source = 'poll'),
    max(recorded_at) filter (where source = 'adjustment')
  from public.email_events group by scope, business_date, event_type;
  delete from public.client_metrics where metric_type = 'mtd';
  perform portal.refresh_metrics(array_agg(d.scope), array_agg(d.day)) from (
    select scope, business_date as day from public.email_daily_counts
    union select scope, metric_date from public.vendor_metrics
  ) as d;
end
$$;

-- Moves the agency to another time zone; every business date and every count follows. Locks the ledger meanwhile.
create function public.set_business_time_zone(zone text) returns boolean language plpgsql as $$
begin
  perform now() at time zone zone;
  perform portal.lock_ledger();
  update portal.settings set time_zone = zone, updated_at = clock_timestamp() where time_zone <> zone;
  if not found then return false; end if;
  perform portal.recount_all();
  return true;
end
$$;

-- Corrects a figure of the present business day: adds a row to the ledger. Counts that events make need no call.
create function public.increment_metric(workspace text, metric text, n integer default 1) returns void
language plpgsql as $$
declare
  v_scope text;
  v_type text;
  v_now timestamptz := clock_timestamp();
begin
  select event_type into v_type from portal.metric_names as m where m.metric = increment_metric.metric;
  if v_type is null then
    raise exception 'increment_metric: there is no metric "%"', metric using errcode = '22023',
      hint = 'One of: ' || (select string_agg(m.metric, ', ' order by m.metric) from portal.metric_names as m);
  end if;
  select scope into v_scope from portal.scopes where workspace_name = btrim(workspace);
  if v_scope is null then
    raise exception 'increment_metric: there is no workspace "%"', workspace using errcode = '22023';
  end if;
  perform portal.lock_ledger();
  insert into public.email_events (event_key, scope, event_type, at, business_date, source, amount, note)
  values (v_scope || '/adjustment/' || gen_random_uuid(), v_scope, v_type, v_now, public.business_date(v_now),
    'adjustment', n, metric);
  perform portal.refresh_counts(array[v_scope], array[public.business_date(v_now)], array[v_type]);
  perform portal.refresh_metrics(array[v_scope], array[public.business_date(v_now)]);
end
$$;

-- A row for today of every workspace that is active, so that a day without events has its figures too.
create function public.open_business_day(moment timestamptz default now()) returns void language plpgsql as $$
begin
  perform portal.lock_ledger();
  perform portal.refresh_metrics(array_agg(s.scope), array_agg(public.business_date(moment)), true)
  from portal.scopes as s join public.client_registry as r on r.scope = s.scope where r.is_active;
end
$$;

-- Percentages follow a target at once, in the rows of the present month; history keeps what it was measured by.
create function portal.follow_target() returns trigger language plpgsql as $$
begin
  perform portal.lock_ledger();
  perform portal.refresh_metrics(array[new.scope], array[m.day]) from (
    select min(metric_date) as day from public.client_metrics
    where scope = new.scope and metric_type = 'mtd' and metric_date >= portal.month_start(public.business_date())
  ) as m where m.day is not null;
  return null;
end
$$;
create trigger client_registry_target after update on public.client_registry for each row
when (old.monthly_kpi_target is distinct from new.monthly_kpi_target) execute function portal.follow_target();
