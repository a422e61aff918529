-- Who may read what. The agency's people (roles admin, operator and viewer of the token) read everything; a client reads
-- its own workspaces: those that its token names, and those that user_workspace_access names for it, where the portal
-- is open to them. Programs with the service role do everything. On plain Postgres the roles are made where the login
-- may; where it may not, the tables stay closed to all but their owner.

alter table public.client_registry enable row level security;
alter table public.sender_emails_cache enable row level security;
alter table public.campaigns enable row level security;
alter table public.lead_replies enable row level security;
alter table public.email_events enable row level security;
alter table public.email_daily_counts enable row level security;
alter table public.client_metrics enable row level security;
alter table public.vendor_metrics enable row level security;
alter table public.client_leads enable row level security;
alter table public.pipeline_stage_history enable row level security;
alter table public.user_workspace_access enable row level security;
alter table public.client_costs enable row level security;
alter table public.slack_notifications_sent enable row level security;
alter table public.function_call_logs enable row level security;
alter table public.data_cache_metadata enable row level security;
alter table public.provider_performance_history enable row level security;
alter table portal.settings enable row level security;
alter table portal.scopes enable row level security;
alter table portal.lead_ids enable row level security;
alter table portal.metric_names enable row level security;
alter table portal.provider_groups enable row level security;
alter table portal.mailbox_marks enable row level security;

-- Functions are open to everybody unless they are closed. Those that write are for programs; those that read show only
-- what the reader may read, since they run with the reader's rights.
do $$
declare
  f regprocedure;
begin
  for f in select p.oid::regprocedure from pg_proc as p join pg_namespace as n on n.oid = p.pronamespace
    where n.nspname = 'portal' or (n.nspname = 'public' and p.proname in ('business_date', 'business_day_start', 'day_range',
      'month_range', 'set_business_time_zone', 'increment_metric', 'open_business_day', 'move_lead', 'win_lead',
      'note_lead', 'assign_lead', 'edit_lead', 'delete_lead', 'restore_lead', 'add_lead', 'aggregate_provider_stats',
      'get_account_status_stats', 'snapshot_providers', 'check_provider_reply_rate_drop', 'portal_kpis',
      'portal_warnings', 'portal_volume', 'portal_volume_banner', 'portal_daily_recap', 'portal_revenue',
      'portal_revenue_forecast', 'get_daily_billable_revenue', 'portal_mailbox_alerts', 'portal_mailbox_capacity',
      'portal_provider_rates', 'get_workspace_lead_counts'))
  loop
    execute format('revoke all on function %s from public', f);
  end loop;
end
$$;

do $$
declare
  wanted text;
  missing text[] := '{}';
begin
  foreach wanted in array array['anon', 'authenticated', 'service_role'] loop
    if not exists (select from pg_roles where rolname = wanted) then
      begin
        execute format('create role %I nologin', wanted);
      exception
        when insufficient_privilege then missing := missing || ('role ' || wanted);
        -- Roles belong to the whole server: another database's migration may be making them at this moment.
        when duplicate_object or unique_violation then null;
      end;
    end if;
  end loop;
  if to_regprocedure('auth.jwt()') is null then
    begin
      create schema if not exists auth;
      execute $body$
        create function auth.jwt() returns jsonb language sql stable as
        'select coalesce(nullif(current_setting(''request.jwt.claims'', true), ''''), ''{}'')::jsonb'
      $body$;
      if missing = '{}' then
        grant usage on schema auth to anon, authenticated, service_role;
      end if;
    exception
      when insufficient_privilege then missing := missing || 'function auth.jwt()'::text;
    end;
  end if;
  if missing <> '{}' then
    raise notice 'portal: no read access for API roles was set up, because this login may not create %. Only the owner of the tables can read them.',
      array_to_string(missing, ', ');
    return;
  end if;

  execute $body$
    create function portal.is_staff() returns boolean language sql stable as
    'select coalesce(auth.jwt() -> ''app_metadata'' ->> ''role'' in (''admin'', ''operator'', ''viewer''), false)'
  $body$;
  -- With the owner's rights, so that no policy asks itself.
  execute $body$
    create function portal.own_scopes() returns setof text language sql stable security definer
    set search_path = pg_catalog, pg_temp as $fn$
      select s.scope from portal.scopes as s
      left join public.client_registry as r on r.scope = s.scope
      where auth.jwt() -> 'app_metadata' ->> 'role' = 'client' and coalesce(r.portal_access_enabled, true) and (
        auth.jwt() -> 'app_metadata' -> 'workspaces' ? s.workspace_name
        or exists (select from public.user_workspace_access as a
          where a.workspace_name = s.workspace_name and a.user_id::text = auth.jwt() ->> 'sub'))
    $fn$
  $body$;
  -- What a client may know of its own workspaces: not what they pay, nor what is paid for them.
  execute $body$
    create function public.get_my_workspaces() returns table (
      workspace_name text, display_name text, client_type text, monthly_kpi_target integer,
      monthly_sending_target integer, live_replies_enabled boolean
    ) language sql stable security definer set search_path = pg_catalog, pg_temp as $fn$
      select r.workspace_name, r.display_name, r.client_type, r.monthly_kpi_target, r.monthly_sending_target,
        r.live_replies_enabled
      from public.client_registry as r
      where r.is_active and (portal.is_staff() or r.scope in (select portal.own_scopes())) order by 1
    $fn$
  $body$;
  revoke all on function portal.is_staff(), portal.own_scopes(), public.get_my_workspaces() from public;

  foreach wanted in array array['client_registry', 'sender_emails_cache', 'campaigns', 'lead_replies', 'email_events',
    'email_daily_counts', 'client_metrics', 'vendor_metrics', 'client_leads', 'pipeline_stage_history',
    'user_workspace_access', 'client_costs', 'slack_notifications_sent', 'function_call_logs', 'data_cache_metadata',
    'provider_performance_history'] loop
    execute format('revoke all on public.%I from anon, authenticated', wanted);
    execute format('grant all on public.%I to service_role', wanted);
    execute format('create policy service on public.%I for all to service_role using (true) with check (true)', wanted);
    execute format('create policy staff on public.%I for select to authenticated using ((select portal.is_staff()))', wanted);
    execute format('grant select on public.%I to authenticated', wanted);
  end loop;
  -- The cache holds whole answers, and the two logs who asked for what: for programs alone.
  revoke all on public.function_call_logs, public.data_cache_metadata, public.slack_notifications_sent from authenticated;

  foreach wanted in array array['email_events', 'email_daily_counts', 'client_metrics', 'client_leads'] loop
    execute format($policy$create policy clients on public.%I for select to authenticated
      using (scope in (select portal.own_scopes()))$policy$, wanted);
  end loop;
  foreach wanted in array array['campaigns', 'lead_replies'] loop
    execute format($policy$create policy clients on public.%I for select to authenticated
      using (bison_instance || '/' || bison_workspace_id in (select portal.own_scopes()))$policy$, wanted);
  end loop;
  create policy clients on public.pipeline_stage_history for select to authenticated
    using (lead_id in (select id from public.client_leads));

  create policy own on public.user_workspace_access for select to authenticated
    using (user_id::text = (select auth.jwt() ->> 'sub'));

  foreach wanted in array array['settings', 'scopes', 'lead_ids', 'metric_names', 'provider_groups', 'mailbox_marks'] loop
    execute format('grant all on portal.%I to service_role', wanted);
    execute format('create policy service on portal.%I for all to service_role using (true) with check (true)', wanted);
  end loop;
  create policy readers on portal.settings for select to authenticated using (true);
  create policy readers on portal.provider_groups for select to authenticated using (true);
  create policy readers on portal.scopes for select to authenticated
    using ((select portal.is_staff()) or scope in (select portal.own_scopes()));
  grant usage on schema portal to authenticated, service_role;
  grant select on portal.settings, portal.provider_groups, portal.scopes, portal.mailboxes to authenticated, service_role;

  revoke all on public.webhook_delivery_log, public.webhook_health, public.data_health_summary, public.vendor_drift,
    public.mailbox_health, public.pipeline_leads, public.lead_conversations from anon, authenticated;
  grant select on public.vendor_drift, public.mailbox_health, public.pipeline_leads, public.lead_conversations
    to authenticated;
  grant select on public.webhook_delivery_log, public.webhook_health, public.data_health_summary, public.vendor_drift,
    public.mailbox_health, public.pipeline_leads, public.lead_conversations to service_role;
  grant usage on schema lockstep to service_role;
  grant select on lockstep.inbox, lockstep.alerts, lockstep.event_log_scopes, lockstep.event_log_marks,
    lockstep.webhook_watch, lockstep.freshness to service_role;

  -- Programs call all of it, readers what reads.
  grant execute on all functions in schema portal to service_role;
  grant execute on function public.set_business_time_zone, public.increment_metric, public.open_business_day,
    public.move_lead, public.win_lead, public.note_lead, public.assign_lead, public.edit_lead, public.delete_lead,
    public.restore_lead, public.add_lead, public.snapshot_providers, public.portal_mailbox_alerts to service_role;
  grant execute on function public.business_date, public.business_day_start, public.day_range, public.month_range,
    public.aggregate_provider_stats, public.get_account_status_stats, public.check_provider_reply_rate_drop,
    public.portal_kpis, public.portal_warnings, public.portal_volume, public.portal_volume_banner,
    public.portal_daily_recap, public.portal_revenue, public.portal_revenue_forecast,
    public.get_daily_billable_revenue, public.portal_mailbox_capacity, public.portal_provider_rates,
    public.get_workspace_lead_counts, public.get_my_workspaces to authenticated, service_role;
  grant execute on function portal.time_zone, portal.month_start, portal.next_month, portal.days_in_month, portal.percent,
    portal.week_over_week, portal.month_span, portal.leads_by_day, portal.mails_by_day, portal.sent_in_month,
    portal.is_staff, portal.own_scopes, portal.stage_rank to authenticated;
end
$$;
