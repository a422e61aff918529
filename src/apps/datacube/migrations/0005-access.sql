-- Who may read what. Readers are people with a role in their token; programs with the service role do everything.
-- On Supabase the roles are there. On plain Postgres they are made where the login may; where it may not, the tables
-- stay closed to all but their owner, which is Lockstep itself.

alter table public.projects enable row level security;
alter table public.subitems enable row level security;
alter table public.hidden_items enable row level security;

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
    raise notice 'datacube: no read access for API roles was set up, because this login may not create %. Only the owner of the tables can read them.',
      array_to_string(missing, ', ');
    return;
  end if;

  foreach wanted in array array['projects', 'subitems', 'hidden_items'] loop
    execute format('revoke all on public.%I from anon, authenticated', wanted);
    execute format('grant select on public.%I to authenticated', wanted);
    execute format('grant all on public.%I to service_role', wanted);
    execute format(
      $policy$create policy readers on public.%I for select to authenticated
        using ((select auth.jwt() -> 'app_metadata' ->> 'role') in ('admin', 'operator', 'viewer'))$policy$, wanted);
    execute format('create policy service on public.%I for all to service_role using (true) with check (true)', wanted);
  end loop;

  -- Ledgers show raw bodies and errors, and materialised views know no row security: neither is for readers.
  revoke all on public.sync_log, public.webhook_events, public.sync_health, public.data_freshness,
    public.project_analytics, public.conversion_metrics, public.conversion_metrics_recent from anon, authenticated;
  grant select on public.project_analytics to authenticated;
  grant select on public.sync_log, public.webhook_events, public.sync_health, public.data_freshness,
    public.project_analytics, public.conversion_metrics, public.conversion_metrics_recent to service_role;
  grant usage on schema lockstep to service_role;
  grant select on lockstep.runs, lockstep.inbox, lockstep.freshness to service_role;
  grant usage on schema datacube to authenticated, service_role;
  revoke all on function public.refresh_analytics_views() from anon, authenticated;
  grant execute on function public.refresh_analytics_views() to service_role;
end
$$;
