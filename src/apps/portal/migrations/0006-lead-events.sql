-- From events to leads. A lead is somebody who replied or was marked as interested. Who an event is of: where it names
-- a lead's id, the e-mail that this id goes by now, else its own e-mail. So one person with two addresses is one lead,
-- and events that come in any order, in any batches, end in the same rows.

-- Two rows turned out to be one person: what people wrote in either is kept, the later decision holds.
create function portal.rename_lead(p_scope text, p_old text, p_new text) returns void language plpgsql as $$
declare
  o public.client_leads;
  n public.client_leads;
begin
  select * into o from public.client_leads where scope = p_scope and lead_email = p_old for update;
  -- The old address may still be somebody: events without an id, or another id, go by it.
  if not found or exists (
    select from public.email_events where scope = p_scope collate "C" and person = p_old collate "C"
      and event_type in ('lead_replied', 'lead_interested')) then return;
  end if;
  select * into n from public.client_leads where scope = p_scope and lead_email = p_new for update;
  if not found then
    update public.client_leads set lead_email = p_new where id = o.id;
    return;
  end if;
  update public.pipeline_stage_history set lead_id = n.id where lead_id = o.id;
  delete from public.client_leads where id = o.id;
  update public.client_leads set
    (human_stage, human_stage_at, human_stage_by) = (
      select s, a, b from (values (n.human_stage, n.human_stage_at, n.human_stage_by),
        (o.human_stage, o.human_stage_at, o.human_stage_by)) as h (s, a, b) order by a desc nulls last limit 1),
    notes = coalesce(nullif(n.notes, ''), o.notes),
    edits = o.edits || n.edits,
    pipeline_position = coalesce(n.pipeline_position, o.pipeline_position),
    premium_amount = coalesce(n.premium_amount, o.premium_amount),
    policy_type = coalesce(n.policy_type, o.policy_type),
    (assigned_to_user_id, assigned_to_name, assigned_at, assigned_by_user_id) = (
      select u, w, t, b from (values (n.assigned_to_user_id, n.assigned_to_name, n.assigned_at, n.assigned_by_user_id),
        (o.assigned_to_user_id, o.assigned_to_name, o.assigned_at, o.assigned_by_user_id)) as g (u, w, t, b)
      order by t desc nulls last limit 1),
    is_manual = n.is_manual or o.is_manual
  where id = n.id;
end
$$;

-- The e-mail of each lead id that these events name: the newest that an event told; where only replies were read,
-- that of the first, since later ones may come from an address of the same person's.
create function portal.identify_leads(p_keys text[]) returns table (scope text, lead_id bigint, old text, new text)
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
      where (e.scope, e.lead_id) = (i.scope, i.lead_id) and e.lead_email is not null
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

-- One mark of interest counts once a lead: the vendor tells of it the first time only, but each reply that is read
-- may carry the mark. Returns the days whose counts this changes.
create function portal.count_interest(p_scopes text[], p_persons text[]) returns table (scope text, day date)
language sql as $$
  with ranked as (
    select e.event_key, e.amount, (row_number() over (
      partition by e.scope, e.person order by e.source = 'event' desc, e.at, e.event_key) = 1)::integer as due
    from unnest(p_scopes, p_persons) as t (scope, person)
    cross join lateral (
      select * from public.email_events
      where scope = t.scope collate "C" and person = t.person collate "C" and person is not null offset 0
    ) as e
    where e.event_type = 'lead_interested' and e.source <> 'adjustment'
  ),
  written as (
    update public.email_events as e set amount = r.due
    from ranked as r where e.event_key = r.event_key and r.amount <> r.due
    returning e.scope, e.business_date
  )
  select distinct w.scope, w.business_date from written as w
$$;

-- Computes these persons' leads anew from their events. Never touches what people own.
create function portal.write_leads(p_scopes text[], p_persons text[]) returns void language sql as $$
  with gathered as (
    select e.scope, e.person,
      portal.merged(e.contact order by e.source = 'event', e.at, e.event_key) as said,
      (array_agg(e.lead_id order by e.at desc, e.event_key desc) filter (where e.lead_id is not null))[1] as lead_id,
      (array_agg(e.reply_id order by coalesce(e.reply_date, e.at) desc, e.event_key desc)
        filter (where e.reply_id is not null and e.event_type in ('lead_replied', 'lead_interested')))[1] as reply_id,
      max(coalesce(e.reply_date, e.at)) filter (where e.event_type in ('lead_replied', 'lead_interested')) as received_at,
      (array_agg(e.at order by e.source = 'event' desc, e.at) filter (where e.event_type = 'lead_interested'))[1] as interested_at,
      max(e.at) filter (where e.event_type = 'lead_interested') as last_interested_at,
      max(e.at) filter (where e.event_type = 'lead_replied') as last_replied_at,
      max(e.at) filter (where e.event_type = 'email_bounced') as bounced_at,
      min(e.at) filter (where e.event_type = 'lead_unsubscribed') as unsubscribed_at
    from (select distinct * from unnest(p_scopes, p_persons)) as t (scope, person)
    cross join lateral (
      select * from public.email_events
      where scope = t.scope collate "C" and person = t.person collate "C" and person is not null offset 0
    ) as e
    where t.person not like '#%'
    group by e.scope, e.person
  )
  insert into public.client_leads as l (scope, workspace_name, lead_email, bison_lead_id, contact, custom_variables, tags,
    lead_campaign_data, overall_stats, lead_status, date_received, bison_reply_uuid, bison_conversation_url, interested,
    interested_at, machine_stage, machine_stage_at, delivery_state, bounced_at, unsubscribed_at)
  select g.scope, s.workspace_name, g.person, g.lead_id::text,
    g.said - '{custom_variables,tags,lead_campaign_data,overall_stats,status}'::text[],
    g.said -> 'custom_variables', g.said -> 'tags', g.said -> 'lead_campaign_data', g.said -> 'overall_stats',
    g.said ->> 'status', g.received_at, g.reply_id, s.instance_url || '/inbox?reply_uuid=' || g.reply_id,
    g.interested_at is not null, g.interested_at,
    case when g.interested_at is not null then 'interested' when g.last_replied_at is not null then 'replied' else 'new' end,
    coalesce(g.last_interested_at, g.last_replied_at),
    case when g.unsubscribed_at is not null then 'unsubscribed'
      -- Whoever writes after a bounce has an address that works.
      when g.bounced_at > coalesce(g.received_at, '-infinity') then 'bounced' else 'ok' end,
    g.bounced_at, g.unsubscribed_at
  from gathered as g
  join portal.scopes as s on s.scope = g.scope
  where g.received_at is not null
    or exists (select from public.client_leads as k where k.scope = g.scope and k.lead_email = g.person)
  order by g.scope, g.person
  on conflict (scope, lead_email) do update set
    bison_lead_id = coalesce(excluded.bison_lead_id, l.bison_lead_id), contact = excluded.contact,
    custom_variables = excluded.custom_variables, tags = excluded.tags, lead_campaign_data = excluded.lead_campaign_data,
    overall_stats = excluded.overall_stats, lead_status = excluded.lead_status,
    date_received = coalesce(excluded.date_received, l.date_received), bison_reply_uuid = excluded.bison_reply_uuid,
    bison_conversation_url = excluded.bison_conversation_url, interested = excluded.interested,
    interested_at = excluded.interested_at, machine_stage = excluded.machine_stage,
    machine_stage_at = excluded.machine_stage_at, delivery_state = excluded.delivery_state,
    bounced_at = excluded.bounced_at, unsubscribed_at = excluded.unsubscribed_at
$$;

-- What these events mean for leads. Returns the days on which interest counts otherwise than before. The caller holds
-- the ledger's lock, and has given the scopes their names. Every statement looks up a few hundred keys. `offset 0` makes it
-- take each by its index: joined, the planner reads all events of a workspace for them while the table has no
-- statistics, or as long as it keeps a plan from then (measured: 500 leads in 390 ms at 5,000 leads, and growing).
create function portal.refresh_leads(p_keys text[]) returns table (scope text, day date) language plpgsql
set enable_seqscan = off set jit = off as $$
#variable_conflict use_column
declare
  changed jsonb;
  moves jsonb;
  move record;
  v_scopes text[];
  v_persons text[];
begin
  select coalesce(jsonb_agg(to_jsonb(i)), '[]') into changed from portal.identify_leads(p_keys) as i;
  with wanted as (
    select e.event_key, e.scope, e.person as old,
      case when e.lead_id is null then e.lead_email else k.person end as new
    from unnest(p_keys) as p (key)
    cross join lateral (
      select * from public.email_events where event_key = p.key collate "C" offset 0
    ) as e
    left join portal.lead_ids as k on (k.scope, k.lead_id) = (e.scope, e.lead_id)
    where e.source <> 'adjustment'
      and e.event_type in ('lead_replied', 'lead_interested', 'lead_unsubscribed', 'email_bounced')
    union
    select e.event_key, e.scope, e.person, c.new
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
  perform portal.write_leads(v_scopes, v_persons);
  return query select c.scope, c.day from portal.count_interest(v_scopes, v_persons) as c;
end
$$;
